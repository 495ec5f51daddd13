"""What models are ranked by, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.evaluation.quality import QUALITY_NAMES, quality
from ratchet.training.measures import macro_auc, measure, skill


def _draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, 200)
    logits = rng.normal(size=(200, 4)) + 1.5 * np.eye(4)[labels]
    return labels, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
def test_several_classes_are_told_apart_as_scikit_learn_tells(seed: int):
    from sklearn.metrics import roc_auc_score

    labels, answered = _draw(seed)
    expected = roc_auc_score(labels, answered, multi_class="ovr", average="macro")
    assert macro_auc(labels, answered) == pytest.approx(expected, abs=1e-12)
    assert quality("multiclass", labels, answered) == pytest.approx(expected, abs=1e-12)


def test_a_class_that_did_not_come_is_left_out_of_the_mean():
    labels, answered = _draw(0)
    there = labels != 3
    alone = [measure("binary", (labels[there] == place).astype(int), answered[there, place]) for place in range(3)]
    assert macro_auc(labels[there], answered[there]) == pytest.approx(np.mean(alone))


def test_one_class_alone_cannot_be_told_from_another():
    assert macro_auc(np.zeros(5, dtype=int), np.full((5, 3), 1 / 3)) is None


@pytest.mark.parametrize(
    ("answered", "expected"),
    [
        pytest.param([1.0, 2.0, 6.0], 1.0, id="never-wrong"),
        pytest.param([3.0, 3.0, 3.0], 0.0, id="as-the-mean"),
        pytest.param([1.0, 2.0, 3.0], 0.5, id="half-the-error"),
        pytest.param([9.0, 2.0, 6.0], -1 / 3, id="worse-than-the-mean"),
    ],
)
def test_skill_is_the_share_of_the_mean_s_error_that_is_gone(answered: list[float], expected: float):
    assert skill(np.array([1.0, 2.0, 6.0]), np.array(answered), 3.0) == pytest.approx(expected)


def test_skill_has_no_unit():
    labels, answered = np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 5.0])
    assert skill(1000 * labels, 1000 * answered, 3000.0) == pytest.approx(skill(labels, answered, 3.0))


def test_a_reference_that_is_never_wrong_leaves_nothing_to_tell():
    assert skill(np.array([2.0, 2.0]), np.array([2.0, 2.1]), 2.0) is None
    assert skill(np.empty(0), np.empty(0), 2.0) is None


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="needs a reference"):
        measure("regression", np.array([1.0]), np.array([1.0]))
    with pytest.raises(ValueError, match="finite"):
        measure("regression", np.array([1.0]), np.array([np.nan]), reference=0.0)
    with pytest.raises(ValueError, match="one row an example"):
        measure("multiclass", np.array([1, 0]), np.array([0.5, 0.5]))


def test_every_kind_has_a_name():
    assert QUALITY_NAMES == {"binary": "AUC", "multiclass": "macro AUC", "regression": "skill"}
