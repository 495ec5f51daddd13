from __future__ import annotations

import json

import pytest

from ratchet.spans.ingestion import ingest_ground_truth
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.night import live_through
from ratchet.steps.results import StepResult, read_object
from ratchet.steps.sense_drift import DriftStepResult, sense_drift
from tests.factories.lives import WATCHED, Life
from tests.factories.models import AUTHOR, Model, at, day

ENOUGH = {
    "watch.target": {"min_examples": 100, "window_spans": 1},
    "watch.predictions": {"min_examples": 100, "max_distance": 0.3},
}


def live(model: Model, span: str) -> dict[str, StepResult]:
    return live_through(model.project, model.spec, [span], author=AUTHOR, clock=lambda: at(span)).results


def sensed(model: Model, span: str) -> DriftStepResult:
    return sense_drift(model.project, model.spec, span)


class TestTarget:
    def test_outcomes_of_the_newest_matured_cohort_stand_against_those_of_the_training_spans(self, life: Life):
        model = life("watched")
        model.edit(ENOUGH)
        found = sensed(model, day(WATCHED))
        assert (found.target, found.verdict, found.drifted) == ("pass", "pass", ())
        assert found.target_report_uri is not None
        page = read_object(model.project, found.target_report_uri).decode()
        assert f"{day(WATCHED - 1)} to {day(WATCHED - 1)}" in page

    def test_outcomes_that_are_nearly_all_late_drift_while_the_inputs_do_not(self, life: Life):
        model = life("watched")
        model.edit(ENOUGH)
        model.deliver(day(WATCHED), n=150, farther=0.0)
        live(model, day(15))
        every = [{"parcel_id": f"{day(WATCHED)}-{i:04d}", "is_late": True} for i in range(150)]
        source = model.path / "source.py"
        source.write_text(
            source.read_text().replace(
                'return pl.DataFrame([{"parcel_id": parcel["parcel_id"], "is_late": late != is_turned} '
                "for parcel, late in known])",
                f"return pl.DataFrame({every!r})",
            )
        )
        ingest_ground_truth(model.project, model.spec, [day(WATCHED)])
        found = sensed(model, day(15))
        assert (found.target, found.verdict, found.drifted) == ("fail", "fail", (":label",))
        assert "outcomes: fail, Jensen-Shannon distance" in found.words

    @pytest.mark.parametrize(("coverage", "verdict"), [(0.8, "pass"), (0.79, "undecided")])
    def test_a_cohort_of_which_too_little_is_known_is_left_out(self, life: Life, coverage: float, verdict: str):
        model = life("watched")
        model.edit(ENOUGH)
        model.deliver(day(WATCHED), coverage=coverage)
        live(model, day(15))
        found = sensed(model, day(15))
        assert found.target == verdict
        assert found.verdict == "pass"  # of the inputs, which are measured over all examples


class TestPredictions:
    def test_the_champions_scores_stand_against_its_own_on_spans_it_was_not_fitted_on(self, life: Life):
        model = life("watched")
        model.edit(ENOUGH)
        found = sensed(model, day(WATCHED))
        assert (found.predictions, found.drifted) == ("pass", ())
        assert found.uri
        drift = json.loads(read_object(model.project, found.uri.replace("result.json", "predictions.json")))
        (column,) = drift["columns"]
        assert (column["column"], column["n_baseline"], column["n_current"]) == (":score", 450, 150)

    def test_scores_that_moved_drift(self, life: Life):
        model = life("watched")
        model.edit(ENOUGH | {"watch.drift.max_distance": 1.0})
        model.deliver(day(15), farther=70.0)
        live(model, day(15))
        found = sensed(model, day(15))
        assert (found.predictions, found.drifted, found.verdict) == ("fail", (":score",), "fail")

    def test_spans_that_another_version_has_scored_are_not_its_own(self, life: Life):
        model = life("second")
        found = sensed(model, day(WATCHED))
        assert found.predictions == "undecided"
        assert "not enough data" in found.predictions_words

    def test_statistics_are_stored_once_and_scores_are_not_told_again(self, life: Life):
        model = life("watched")
        sensed(model, day(WATCHED))
        tables = [StatisticsTable(model.project.home, model.id, of) for of in ("scores", "ground_truth")]
        versions = [table._table.version() for table in tables]
        model.edit({"watch.predictions.max_distance": 0.77})
        sensed(model, day(WATCHED))
        assert [table._table.version() for table in tables] == versions


def test_inputs_are_measured_over_all_examples_labelled_or_not(life: Life):
    model = life("watched")
    model.deliver(day(15), coverage=0.1)
    live(model, day(15))
    found = sensed(model, day(15))
    assert found.drift_uri is not None
    drift = json.loads(read_object(model.project, found.drift_uri))
    assert {column["n_current"] for column in drift["columns"]} == {450}
