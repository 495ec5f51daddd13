from __future__ import annotations

import pytest

from ratchet.spans.ingestion import ingest_ground_truth
from ratchet.steps.decide_retrain import RetrainStepResult
from ratchet.steps.night import live_through, take_in, watch
from ratchet.steps.results import StepResult
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.sense_staleness import sense_staleness
from ratchet.steps.validate_ground_truth import validate_ground_truth
from tests.factories.lives import COVERAGE, LOADED, WATCHED, Life
from tests.factories.models import AUTHOR, Model, at, day, days


def live(model: Model, *spans: str) -> dict[str, StepResult]:
    return live_through(model.project, model.spec, spans, author=AUTHOR, clock=lambda: at(spans[-1])).results


def watched(model: Model, span: str) -> RetrainStepResult:
    """The decision on the night of a span that was taken in; what it asks for is not done."""
    results: dict[str, StepResult] = {}
    watch(model.project, model.spec, span, clock=lambda: at(span), done=results.__setitem__)
    decided = results["decide_retrain"]
    assert isinstance(decided, RetrainStepResult)
    return decided


class TestQuality:
    def test_judges_the_cohort_whose_outcomes_are_due(self, life: Life):
        model = life("watched")
        found = sense_quality(model.project, model.spec, day(WATCHED))
        assert (found.cohort, found.version, found.verdict) == (day(WATCHED - 1), "1", "pass")
        assert (found.n_labelled, found.coverage) == (128, round(128 / 150, 12))
        assert found.auc is not None
        assert found.auc > 0.8

    def test_is_undecided_under_a_low_coverage_until_more_is_known(self, life: Life):
        model = life("watched")
        model.deliver(day(WATCHED), coverage=0.5)
        quality = live(model, day(15))["sense_quality"]
        assert quality.verdict == "undecided"
        assert "The label of 75 of 150 examples is known; a share of 0.8 is needed." in quality.words
        model.deliver(day(WATCHED))
        ingest_ground_truth(model.project, model.spec, [day(WATCHED)])
        assert sense_quality(model.project, model.spec, day(15)).words.endswith("has not passed validation")
        validate_ground_truth(model.project, model.spec, [day(15)])
        assert sense_quality(model.project, model.spec, day(15)).verdict == "pass"

    @pytest.mark.parametrize(("coverage", "verdict"), [(0.8, "pass"), (0.79, "undecided")])
    def test_as_much_coverage_as_the_spec_says_is_enough(self, life: Life, coverage: float, verdict: str):
        model = life("watched")
        model.deliver(day(WATCHED), coverage=coverage)
        assert live(model, day(15))["sense_quality"].verdict == verdict

    def test_holds_a_cohort_against_the_version_that_predicted_it(self, life: Life):
        model = life("second")
        found = sense_quality(model.project, model.spec, day(WATCHED))
        first = sense_quality(life("watched").project, life("watched").spec, day(WATCHED))
        assert (found.version, found.gate_auc) == ("1", first.gate_auc)

    def test_is_undecided_where_nothing_was_predicted(self, life: Life):
        model = life("champion")
        found = sense_quality(model.project, model.spec, day(LOADED))
        assert (found.verdict, found.words, found.uri) == ("undecided", f"no predictions of {day(LOADED - 1)}", "")

    def test_a_cohort_of_turned_outcomes_fails(self, life: Life):
        model = life("watched")
        model.deliver(day(WATCHED), turned=True)
        assert live(model, day(15))["sense_quality"].verdict == "fail"


class TestStaleness:
    @pytest.mark.parametrize(("allowed", "verdict"), [(5, "pass"), (4, "fail")])
    def test_counts_from_the_newest_training_span(self, life: Life, allowed: int, verdict: str):
        model = life("watched")
        model.edit({"watch.max_age_spans": allowed})
        found = sense_staleness(model.project, model.spec, day(WATCHED))
        assert (found.age_spans, found.verdict) == (WATCHED - 9, verdict)  # tuned on day 9

    def test_alone_asks_for_training(self, life: Life):
        model = life("watched")
        model.edit({"watch.max_age_spans": 4})
        assert watched(model, day(WATCHED)).reasons == ("staleness",)


class TestRetrainDecision:
    def test_a_cold_start_asks_from_the_night_on_that_has_just_enough_spans(self, life: Life):
        model = life("loaded")
        # On day 12 the spans before those to validate and to test on are days 1 to 8.
        model.edit({"train.train_spans": 20, "train.min_train_spans": 9})
        short = watched(model, day(12))
        assert (short.decision, short.reasons) == ("hold", ())
        assert "9 labelled and validated span(s) are needed to train on" in short.words
        assert take_in(model.project, model.spec, [day(13)], done=lambda name, result: None)
        assert (watched(model, day(13)).decision, watched(model, day(13)).reasons) == ("request", ("cold_start",))

    def test_a_cold_start_asks_again_every_night_whatever_the_cool_down(self, life: Life):
        model = life("loaded")
        assert take_in(model.project, model.spec, days(13, 14), done=lambda name, result: None)
        assert [watched(model, day(number)).reasons for number in (12, 13, 14)] == [("cold_start",)] * 3

    def test_the_schedule_asks_when_it_is_due_and_the_cool_down_holds_it_back(self, life: Life):
        model = life("champion")
        assert take_in(model.project, model.spec, days(13, 17), done=lambda name, result: None)
        # The cold start was asked for on day 12. Nothing is trained here, so the champion stays.
        model.edit({"watch.retrain": {"every_spans": 2, "cool_down_spans": 1}})
        assert [watched(model, day(number)).decision for number in (13, 14)] == ["hold", "request"]
        assert watched(model, day(14)).reasons == ("schedule",)
        model.edit({"watch.retrain": {"every_spans": 1, "cool_down_spans": 2}})
        assert [watched(model, day(number)).decision for number in (15, 16, 17)] == ["hold", "hold", "request"]

    def test_a_night_before_the_champion_s_newest_training_span_is_history(self, life: Life):
        decided = watched(life("champion"), day(8))
        assert (decided.decision, decided.reasons) == ("history", ())


def test_the_life_covers_what_these_tests_take_for_granted():
    assert COVERAGE == {WATCHED - 1: 0.85}
