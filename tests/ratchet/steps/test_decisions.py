"""The threshold of a model, what chose it, and where it is seen again."""

from __future__ import annotations

import json

import polars as pl
import pytest

from ratchet.errors import DataError
from ratchet.evaluation.results import Evaluation
from ratchet.ledger.versions import ModelVersion
from ratchet.packaging.package import load_package, read_manifest
from ratchet.steps.decide_gate import decide_gate
from ratchet.steps.evaluate import evaluate
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.night import take_in
from ratchet.steps.results import read_object
from ratchet.steps.score_span import make_predictions
from ratchet.steps.select_window import select_window
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from ratchet.training.registry import bounded
from tests.factories.lives import LOADED, Life
from tests.factories.models import AUTHOR, Model, at, day

VALUES = {"objective.values": {"unit": "EUR", "false_positive": -1, "false_negative": -4}}


def trained(model: Model):
    window = select_window(model.project, model.spec, day(LOADED), reasons=("cold_start",))
    tuned = tune(model.project, model.spec, window)
    return window, train(model.project, model.spec, window, tuned, at=at(day(LOADED)))


def version(candidate):
    return ModelVersion(
        version=candidate.version,
        digest=candidate.digest,
        run_id=candidate.run_id,
        trained_from=day(3),
        trained_through=day(9),
        tested_through=day(11),
    )


@pytest.fixture
def model(life: Life) -> Model:
    model = life("loaded")
    model.edit(VALUES)
    return model


def turn(model: Model, number: int) -> None:
    """Every outcome of a span is delivered anew as its opposite."""
    before = read_labelled_examples(model.project, model.spec, [day(number)])["is_late"]
    model.deliver(day(number), turned=True)
    # A night brings the outcomes of the span before it.
    assert take_in(model.project, model.spec, [day(number + 1)], done=lambda name, result: None)
    after = read_labelled_examples(model.project, model.spec, [day(number)])["is_late"]
    assert (before != after).all()


@pytest.mark.parametrize(
    ("number", "moves"),
    [
        pytest.param(9, True, id="validation"),
        pytest.param(10, False, id="test"),
        pytest.param(11, False, id="newest-test"),
    ],
)
def test_outcomes_of_test_spans_do_not_move_the_threshold(model: Model, number: int, moves: bool):
    window, before = trained(model)
    assert (window.validate_spans, window.test_spans) == ((day(9),), (day(10), day(11)))
    turn(model, number)
    again, after = trained(model)
    assert again.data_version != window.data_version
    assert (before.threshold != after.threshold) == moves
    assert (before.digest != after.digest) == moves


def test_the_threshold_is_the_one_of_the_values_in_card_service_batch_and_evaluation(model: Model):
    window, candidate = trained(model)
    card = read_manifest(model.store, model.id, candidate.digest).card
    assert card.threshold == candidate.threshold
    assert card.threshold_objective == (
        "mean value in EUR: true_positive 0, false_positive -1, true_negative 0, false_negative -4"
    )
    evaluated = evaluate(model.project, model.spec, window, candidate)
    evaluation = Evaluation.from_json(json.loads(read_object(model.project, evaluated.evaluation_uri)))
    decided = evaluation.decisions.of("candidate")
    assert decided.threshold == card.threshold
    # From the examples, independently.
    test = read_labelled_examples(model.project, model.spec, window.test_spans)
    loaded = load_package(model.store, model.id, candidate.digest)
    predictions = make_predictions(model.spec, loaded, version(candidate), test, at(day(LOADED)))
    both = predictions.with_columns(late=test["is_late"], far=test["distance"] >= 50)
    wrong = {name: both.filter(pl.col(name) != pl.col("late")) for name in ("is_expected", "far")}
    costs = {name: rows.select(pl.when("late").then(4).otherwise(1).sum()).item() for name, rows in wrong.items()}
    assert decided.kpi.value == pytest.approx(-costs["is_expected"] / test.height)
    assert evaluation.decisions.of("rule").kpi.value == pytest.approx(-costs["far"] / test.height)
    with bounded(model.project.tracking_uri) as client:
        logged = client.get_run(candidate.run_id).data.metrics
    assert logged["test_kpi_candidate"] == decided.kpi.value
    assert logged["test_kpi_rule"] == evaluation.decisions.of("rule").kpi.value
    assert {"test_brier_candidate", "test_calibration_error_candidate", "test_accuracy_rule"} <= set(logged)


def test_another_worth_is_another_threshold_and_the_goal_in_other_words_is_not(model: Model):
    _, first = trained(model)
    model.edit({"objective.goal": "The same in entirely other words."})
    assert trained(model)[1].uri == first.uri
    model.edit({"objective.values.false_negative": -0.1})
    assert trained(model)[1].threshold > first.threshold


@pytest.mark.parametrize("by", ["entity", "span"])
def test_intervals_may_be_drawn_by_entity_or_span(model: Model, by: str):
    model.edit({"evaluate.resample_by": by})
    window, candidate = trained(model)
    evaluated = evaluate(model.project, model.spec, window, candidate)
    evaluation = Evaluation.from_json(json.loads(read_object(model.project, evaluated.evaluation_uri)))
    assert (evaluation.resample_by, evaluation.n_units) == (by, {"entity": 300, "span": 2}[by])


def test_groups_that_no_model_reads_are_compared_at_the_gate(life: Life):
    model = life("loaded")
    model.edit(
        {
            "evaluate.fairness.columns": {"depot": {}, "distance": {"cuts": [50]}},
            "evaluate.fairness.min_group_examples": 40,
            "evaluate.fairness.max_parity_difference": 0.01,
            "evaluate.max_calibration_error": 0.5,
        }
    )
    window, candidate = trained(model)
    evaluated = evaluate(model.project, model.spec, window, candidate)
    gate = decide_gate(model.project, model.spec, evaluated, author=AUTHOR, at=at(day(LOADED)))
    # Far parcels are late more often, and so they are expected to be.
    assert gate.verdict == "fail"
    assert "distance parity difference" in gate.words
    assert "calibration" in gate.explanation
    with bounded(model.project.tracking_uri) as client:
        logged = client.get_run(candidate.run_id).data.metrics
    assert logged["test_parity_difference_distance_candidate"] > 0.3


def test_a_column_of_groups_that_was_not_kept_is_named(life: Life):
    model = life("loaded")
    model.edit({"governance.groups": {"region": {}}, "evaluate.fairness.columns": {"region": {}}})
    window, candidate = trained(model)
    with pytest.raises(DataError, match="The test examples hold no region"):
        evaluate(model.project, model.spec, window, candidate)
