"""What an evaluation is told beside labels and scores, and what it makes of it."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from ratchet.errors import InputError
from ratchet.evaluation.beside import Beside
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.evaluation.decisions import Decision
from ratchet.evaluation.logged import logged_metrics
from ratchet.evaluation.results import Evaluation
from ratchet.spec.evaluation import Evaluate
from ratchet.spec.values import Values
from tests.ratchet.evaluation.test_contenders import world

VALUES = Values(unit="EUR", true_positive=2.0, false_positive=-1.0)
ROLES = {"origin": "categorical", "carrier": "categorical"}
POLICY = Evaluate(test_spans=3, resamples=100, min_slice_examples=100)


def told(scores, slices, **changes):
    n = slices.height
    values = {
        "decisions": {name: Decision.at(scores[name], 0.5) for name in ("candidate", "champion")},
        "values": VALUES,
        "features": slices,
        "roles": ROLES,
        "groups": pl.DataFrame({"sex": ["f", "m", None] * (n // 3)}),
        "units": pl.Series([f"e{i // 4}" for i in range(n)]),
    }
    return Beside(**{**values, **changes})


def evaluate(labels, scores, slices, beside, **changes):
    policy = POLICY.model_copy(update=changes)
    return evaluate_contenders(labels, scores, slices, policy=policy, seed=7, beside=beside)


@pytest.mark.parametrize("by", ["example", "entity"])
def test_the_order_of_rows_changes_nothing(by):
    labels, scores, slices = world()
    scores["champion"] = np.round(scores["champion"], 1)
    # Rows that agree in all but their groups and units: their order must not count either.
    scores["candidate"] = np.round(scores["candidate"], 1)
    order = np.random.default_rng(1).permutation(len(labels))
    shuffled = {name: column[order] for name, column in scores.items()}
    first = evaluate(labels, scores, slices, told(scores, slices), resample_by=by)
    again = evaluate(labels[order], shuffled, slices[order.tolist()], told(scores, slices).take(order), resample_by=by)
    assert again.contenders == first.contenders
    assert again.decisions == first.decisions
    assert again.curves == first.curves
    assert again.fairness == first.fairness
    assert again.crossed == first.crossed
    # Sums of floats: the same to the last digits.
    for ours, theirs in zip(again.found.rows, first.found.rows, strict=True):
        assert (ours.name, ours.against) == (theirs.name, theirs.against)
        assert ours.difference.low == pytest.approx(theirs.difference.low)


def test_json_comes_back_with_all_of_it():
    labels, scores, slices = world()
    found = evaluate(labels, scores, slices, told(scores, slices), resample_by="entity")
    assert (found.n_units, found.resample_by) == (225, "entity")
    assert None not in (found.decisions, found.found)
    assert min(len(found.curves), len(found.crossed), len(found.fairness)) > 0
    assert Evaluation.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False))) == found


def test_what_is_not_told_is_not_computed():
    labels, scores, slices = world()
    found = evaluate(labels, scores, slices, Beside())
    assert (found.decisions, found.found, found.fairness, found.n_units) == (None, None, (), None)
    assert len(found.curves) == 2


def test_a_contender_with_a_fault_decides_nothing():
    labels, scores, slices = world()
    beside = told(scores, slices)
    scores["candidate"][3] = np.nan
    found = evaluate(labels, scores, slices, beside)
    assert found.decisions.of("candidate") is None
    assert {one.contender for one in found.fairness} == {"champion"}
    assert (found.found.rows, found.decisions.leads) == ((), ())
    assert [curve.name for curve in found.curves] == ["champion"]


def test_without_examples_nothing_is_computed_and_nothing_breaks():
    none = np.empty(0)
    frame = pl.DataFrame({"origin": [], "carrier": []}, schema={"origin": pl.String, "carrier": pl.String})
    scores = {"candidate": none, "champion": none}
    groups = pl.DataFrame({"sex": pl.Series([], dtype=pl.String)})
    units = pl.Series([], dtype=pl.String)
    found = evaluate([], scores, frame, told(scores, frame, groups=groups, units=units), resample_by="entity")
    assert found.decisions is None
    assert [one.groups for one in found.fairness] == [(), ()]
    assert found.found.n_looked_at == 0


def test_crossed_slices_are_those_large_enough_to_be_judged():
    labels, scores, slices = world()
    found = evaluate(labels, scores, slices, Beside())
    pairs = slices.with_columns(pl.col("carrier").fill_null("(missing)")).group_by("origin", "carrier").len()
    large = {f"{origin} and {carrier}" for origin, carrier, n in pairs.iter_rows() if n >= 100}
    assert {row.value for row in found.crossed} == large
    assert all(row.difference is not None for row in found.crossed)
    assert evaluate(labels, scores, slices, Beside(), crossed_slices="none").crossed == ()


def test_units_must_be_named_where_intervals_are_drawn_by_them():
    labels, scores, slices = world()
    with pytest.raises(InputError, match="drawn by span, so each example must name its own"):
        evaluate(labels, scores, slices, Beside(), resample_by="span")


def test_each_example_must_have_one_row():
    labels, scores, slices = world()
    with pytest.raises(InputError, match="each of 900 test examples must have one row. units has 2"):
        evaluate(labels, scores, slices, Beside(units=pl.Series(["a", "b"])))


def test_drawn_by_entity_auc_and_slices_have_other_intervals_and_the_same_figures():
    labels, scores, slices = world()
    beside = told(scores, slices)
    one_by_one = evaluate(labels, scores, slices, beside)
    by_entity = evaluate(labels, scores, slices, beside, resample_by="entity")
    for name in ("candidate", "champion"):
        ours, theirs = one_by_one.metrics(name).auc, by_entity.metrics(name).auc
        assert ours.value == theirs.value
        assert ours != theirs
    assert one_by_one.slices[0].difference.value == by_entity.slices[0].difference.value
    assert one_by_one.slices[0].difference != by_entity.slices[0].difference


def test_what_mlflow_compares_has_one_name_a_figure():
    labels, scores, slices = world()
    logged = logged_metrics(evaluate(labels, scores, slices, told(scores, slices)))
    assert {"test_auc_dummy", "test_brier_champion", "test_kpi_candidate", "test_accuracy_champion"} <= set(logged)
    assert "test_parity_ratio_sex_candidate" in logged
    assert "test_brier_dummy" not in logged
    assert all(isinstance(value, float) for value in logged.values())
