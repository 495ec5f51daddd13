from __future__ import annotations

import json

from ratchet.steps.decide_retrain import RetrainStepResult
from ratchet.steps.night import watch
from ratchet.steps.results import StepResult, read_object
from ratchet.steps.sense_skew import sense_skew
from tests.factories.lives import WATCHED, Life
from tests.factories.models import Model, at, day
from tests.factories.serving import in_grams, serve

SPAN = day(WATCHED)


def watched(model: Model, span: str) -> dict[str, StepResult]:
    results: dict[str, StepResult] = {}
    watch(model.project, model.spec, span, clock=lambda: at(span), done=results.__setitem__)
    return results


def rows(model: Model, uri: str | None) -> dict:
    assert uri is not None
    return json.loads(read_object(model.project, uri))


class TestRowByRow:
    def test_requests_that_hold_what_is_stored_pass(self, life: Life):
        model = life("watched")
        model.edit({"watch.skew": {"min_examples": 100, "max_distance": 0.3}})
        serve(model, SPAN)
        found = sense_skew(model.project, model.spec, SPAN)
        assert (found.verdict, found.skewed, found.apart) == ("pass", (), ())
        assert (found.n_logged, found.n_matched) == (150, 150)
        assert found.words == "150 of 150 logged requests compared with their examples: no feature differs"

    def test_a_client_that_sends_another_unit_is_named_with_counts_and_example_keys(self, life: Life):
        model = life("watched")
        serve(model, SPAN, change=in_grams)
        found = sense_skew(model.project, model.spec, SPAN)
        assert (found.verdict, found.skewed) == ("fail", ("weight",))
        assert "weight: 15 of 150 logged requests differ from offline" in found.words
        assert "training again does not mend it" in found.words
        by_column = {of["column"]: of for of in rows(model, found.skew_uri)["columns"]}
        assert by_column["weight"]["n_different"] == 15
        assert by_column["weight"]["example_keys"] == [f"{SPAN}-{number:04d}" for number in (0, 10, 20, 30, 40)]
        assert by_column["distance"]["n_different"] == by_column["hour"]["n_different"] == 0

    def test_a_derived_feature_is_made_again_offline(self, life: Life):
        model = life("watched")
        serve(model, SPAN)
        functions = model.path / "features.py"
        functions.write_text(functions.read_text().replace(".dt.hour()", ".dt.minute()"))
        found = sense_skew(model.project, model.spec, SPAN)
        assert (found.verdict, found.skewed) == ("fail", ("hour",))

    def test_a_value_that_was_not_sent_is_a_difference(self, life: Life):
        model = life("watched")
        serve(model, SPAN, change=lambda number, parcel: parcel | ({"carrier": None} if number == 3 else {}))
        found = sense_skew(model.project, model.spec, SPAN)
        by_column = {of["column"]: of for of in rows(model, found.skew_uri)["columns"]}
        assert (found.skewed, by_column["carrier"]["n_different"]) == (("carrier",), 1)

    def test_requests_for_what_is_not_stored_are_counted_and_compared_with_nothing(self, life: Life):
        model = life("watched")
        serve(model, SPAN, change=lambda number, parcel: parcel | {"parcel_id": f"unknown-{number}"})
        found = sense_skew(model.project, model.spec, SPAN)
        assert (found.verdict, found.n_logged, found.n_matched, found.skewed) == ("undecided", 150, 0, ())


class TestDistributions:
    def test_requests_unlike_the_training_spans_fail_even_where_no_row_can_be_compared(self, life: Life):
        model = life("watched")
        model.edit({"watch.skew": {"min_examples": 100, "max_distance": 0.3}})
        serve(model, SPAN, change=lambda n, parcel: parcel | {"parcel_id": f"unknown-{n}", "weight": None})
        found = sense_skew(model.project, model.spec, SPAN)
        assert (found.verdict, found.skewed, found.apart) == ("fail", (), ("weight",))

    def test_few_requests_are_not_enough_data(self, life: Life):
        model = life("watched")
        serve(model, SPAN, first=5)
        found = sense_skew(model.project, model.spec, SPAN)
        assert (found.verdict, found.apart, found.n_matched) == ("undecided", (), 5)


class TestTheNight:
    def test_a_service_that_nobody_asked_is_undecided_and_no_alarm(self, life: Life):
        model = life("watched")
        results = watched(model, SPAN)
        decided = results["decide_retrain"]
        assert isinstance(decided, RetrainStepResult)
        assert results["sense_skew"].words == "not enough data: the scoring service answered no request"
        assert (decided.alarms, decided.decision) == ((), "hold")

    def test_skew_is_an_alarm_beside_the_decision_and_no_reason_to_train(self, life: Life):
        model = life("watched")
        serve(model, SPAN, change=in_grams)
        decided = watched(model, SPAN)["decide_retrain"]
        assert isinstance(decided, RetrainStepResult)
        assert (decided.decision, decided.reasons, len(decided.alarms)) == ("hold", (), 1)
        assert "skew" in decided.words
        assert "no reason to" in decided.alarms[0]

    def test_without_a_champion_nothing_is_served(self, life: Life):
        model = life("loaded")
        assert sense_skew(model.project, model.spec, day(12)).verdict == "undecided"

    def test_again_it_answers_the_same_until_more_is_logged(self, life: Life):
        model = life("watched")
        serve(model, SPAN)
        first = sense_skew(model.project, model.spec, SPAN)
        before = model.objects()
        assert sense_skew(model.project, model.spec, SPAN) == first
        assert model.objects() == before
        serve(model, SPAN, first=1)
        assert sense_skew(model.project, model.spec, SPAN).n_logged == 151

    def test_the_page_names_the_columns(self, life: Life):
        model = life("watched")
        serve(model, SPAN, change=in_grams)
        found = sense_skew(model.project, model.spec, SPAN)
        assert found.report_uri is not None
        page = read_object(model.project, found.report_uri).decode()
        assert f"{SPAN}-0010" in page
        assert "a bug in how features are made for serving" in page
