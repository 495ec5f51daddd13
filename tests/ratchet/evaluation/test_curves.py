from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, precision_recall_curve, roc_auc_score, roc_curve

from ratchet.evaluation.curves import N_POINTS, Curves, compute_curves


def draw(n: int, seed: int, digits: int = 9) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.3
    labels[:2] = (True, False)
    return labels, np.round(1 / (1 + np.exp(-(1.5 * labels + rng.normal(size=n)))), digits)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(2, 50), digits=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_few_points_are_those_of_scikit_learn_ties_included(seed, n, digits):
    labels, scores = draw(n, seed, digits)
    found = compute_curves(labels, {"candidate": scores})
    x, y, _ = roc_curve(labels, scores, drop_intermediate=False)
    assert set(zip(found.roc[0].x, found.roc[0].y, strict=True)) <= set(zip(x.round(6), y.round(6), strict=True))
    assert auc(found.roc[0].x, found.roc[0].y) == pytest.approx(roc_auc_score(labels, scores), abs=1 / N_POINTS)
    precision, recall, _ = precision_recall_curve(labels, scores)
    pairs = set(zip(recall.round(6), precision.round(6), strict=True))
    assert set(zip(found.precision_recall[0].x, found.precision_recall[0].y, strict=True)) <= pairs


def test_many_points_are_thinned_and_keep_area_and_ends():
    labels, scores = draw(20_000, 0)
    (curve,) = compute_curves(labels, {"candidate": scores}).roc
    assert len(curve.x) <= N_POINTS + 2
    assert (curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert auc(curve.x, curve.y) == pytest.approx(roc_auc_score(labels, scores), abs=2e-3)


def test_a_contender_with_a_fault_has_no_curve():
    labels, scores = draw(50, 0)
    found = compute_curves(labels, {"candidate": scores, "linear": scores * np.nan})
    assert [of.contender for of in found.roc] == ["candidate"]


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1]], ids=["none", "negative", "positive"])
def test_one_class_has_no_curve(labels):
    found = compute_curves(np.array(labels, dtype=int), {"candidate": np.full(len(labels), 0.5)})
    assert (found.roc, found.precision_recall, found.share_positive) == ((), (), None)


def test_they_are_read_as_they_were_written():
    found = compute_curves(*draw(80, 3)[:1], {"candidate": draw(80, 3)[1], "dummy": np.full(80, 0.3)})
    assert Curves.from_json(json.loads(json.dumps(found.to_json()))) == found
