"""Data sets that may teach nobody: each ends in a refusal that names the cause, and each is proven to have arrived."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from ratchet.errors import TrainingError
from ratchet.evaluation.gate import GateResult
from ratchet.evaluation.metrics import roc_auc
from ratchet.project import Project
from ratchet.steps.decide_gate import GateStepResult
from ratchet.steps.night import live_through, take_in
from ratchet.steps.promote import promote
from ratchet.steps.results import read_object
from tests.factories.lives import LOADED, Life, try_candidate
from tests.factories.models import AUTHOR, Model, at, day, days, make_model
from tests.factories.poisons import poison, taken_in

SPANS = days(1, 7)
# So large a leaf leaves one for all.
STUMP = {
    "train.estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
    "train.parameters": {"min_samples_leaf": 100_000},
}
SHORT = {"train.train_spans": 3, "train.min_train_spans": 3}


def gate_of(model: Model, result: GateStepResult) -> GateResult:
    return GateResult.from_json(json.loads(read_object(model.project, result.gate_uri)))


def cold_gate(life: Life, how: Mapping[str, Any], features: Mapping[str, str], **changes: Any) -> tuple[Model, Any]:
    """Deliver the spans anew, poisoned, and bring the first candidate before its gate."""
    model = life("loaded")
    poison(model, how, features)
    model.edit({**SHORT, **changes})
    spans = days(LOADED - 6, LOADED)
    if "rows_a_span" in how:
        model.deliver(*spans, n=how["rows_a_span"])
    assert take_in(model.project, model.spec, spans, done=lambda name, result: None)
    return model, try_candidate(model, day(LOADED), "cold_start")


def test_a_copy_of_the_label_a_time_after_the_event_and_an_id_fail_the_gate_by_name(life: Life):
    features = {"paid": "numeric", "scanned_at": "categorical", "waybill": "categorical"}
    model, result = cold_gate(life, {"leaks": True}, features)
    seen = taken_in(model, days(LOADED - 6, LOADED - 1))
    assert roc_auc(seen["is_late"].to_numpy(), seen["paid"].to_numpy()) == 1.0
    assert (seen["scanned_at"].str.to_datetime() > seen["sent_at"].dt.convert_time_zone("UTC")).all()
    assert seen["waybill"].n_unique() == seen.height
    gate = gate_of(model, result)
    assert gate.verdict == "fail"
    assert gate.check("leakage").reason.startswith("paid (1.0000): each alone tells the outcome")
    assert gate.check("times").reason.startswith("scanned_at (1.0000)")
    assert gate.check("identifiers").reason.startswith("scanned_at (1.0000), waybill (1.0000)")
    assert "paid (1.0000)" in result.explanation
    assert "paid (1.0000)" in read_object(model.project, result.report_uri).decode()
    with pytest.raises(Exception, match="may not be promoted: the verdict of its gate is fail"):
        promote(model.project, model.spec, result, author=AUTHOR, at=at(day(LOADED)))
    assert model.ledger.read_state().champion is None


def test_two_labels_of_five_turned_fail_the_gate_as_noise(life: Life):
    many, bound = {"rows_a_span": 400}, {"evaluate.inspect.max_label_noise": 0.2}
    model, clean = cold_gate(life, many, {}, **bound)
    assert gate_of(model, clean).check("label noise").verdict == "pass"
    before = taken_in(model, days(LOADED - 6, LOADED - 1))
    model, result = cold_gate(life, {**many, "noise": 0.4}, {}, **bound)
    turned = taken_in(model, days(LOADED - 6, LOADED - 1)).join(before, on=["span", "parcel_id"])
    assert (turned["is_late"] != turned["is_late_right"]).mean() == pytest.approx(0.4, abs=0.05)
    check = gate_of(model, result).check("label noise")
    assert (result.verdict, check.verdict) == ("fail", "fail")
    assert "the labels are noise" in result.explanation


def test_a_candidate_that_answers_the_same_to_all_fails_the_gate(life: Life):
    model, result = cold_gate(life, {}, {}, **STUMP)
    check = gate_of(model, result).check("predictions")
    assert (result.verdict, check.verdict) == ("fail", "fail")
    assert check.reason.startswith("E-PREDICTIONS: all ")


@pytest.mark.parametrize(
    ("how", "changes", "cause"),
    [
        pytest.param({"rows": 3}, {}, r"needs 50 labelled examples at least\. Got 9\.", id="three-rows-a-span"),
        pytest.param({"positives": 0}, {}, r"needs both outcomes", id="one-class"),
        pytest.param(
            {"positives": 1, "copies": 67},
            {},
            r"needs 10 examples of each outcome at least\. Got 3 true of 30150 \(0\.01%\)",
            id="imbalance",
        ),
        pytest.param(
            {"constant": True},
            {
                "features.columns": {
                    "distance": {"role": "numeric"},
                    "weight": {"role": "numeric"},
                    "carrier": {"role": "categorical"},
                },
                "features.functions": [],
                "features.inputs": {},
            },
            r"needs a feature that varies\. Each of distance, weight, carrier is constant",
            id="constant",
        ),
    ],
)
def test_the_night_ends_in_a_refusal_to_train(
    project: Project, how: Mapping[str, Any], changes: Mapping[str, Any], cause: str
):
    model = make_model(project, changes={**SHORT, **changes})
    poison(model, how)
    with pytest.raises(TrainingError, match=cause):
        live_through(model.project, model.spec, SPANS, author=AUTHOR, clock=lambda: at(SPANS[-1]))
    seen = taken_in(model, SPANS[:-1])
    assert prove(seen, how)
    assert model.ledger.read_state().number == 0


def prove(seen: pl.DataFrame, how: Mapping[str, Any]) -> bool:
    """Say whether the tables hold what was poisoned."""
    n_spans = len(SPANS) - 1
    if "rows" in how:
        return seen.height == 3 * n_spans
    if "constant" in how:
        return all(seen[name].n_unique() == 1 for name in ("distance", "weight", "carrier"))
    return int(seen["is_late"].sum()) == how["positives"] * n_spans
