"""How far one model leads another: the interval against resampling, for any seed."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.evaluation.leads import quality_lead
from ratchet.evaluation.metrics import roc_auc
from ratchet.evaluation.resampling import Units
from ratchet.evaluation.yardstick import Yardstick
from ratchet.training.losses import Loss
from ratchet.training.measures import skill

CLASSES = Yardstick(kind="multiclass", classes=("a", "b", "c"))


def _resampled(n: int, figure: object, seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    found = [figure(rng.integers(0, n, n)) for _ in range(300)]  # type: ignore[operator]
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


@pytest.mark.parametrize("loss", [Loss(), Loss(name="rmse"), Loss(name="quantile_loss", quantile=0.8)], ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_the_lead_in_skill_is_the_difference_and_its_interval_that_of_resampling(seed: int, loss: Loss):
    rng = np.random.default_rng(seed)
    labels = rng.gamma(2, 5, 400)
    best, other = labels + rng.normal(0, 2, 400), labels + rng.normal(0, 3, 400)
    reference = loss.constant(labels)

    def figure(rows: np.ndarray) -> float:
        return skill(labels[rows], best[rows], reference, loss) - skill(labels[rows], other[rows], reference, loss)  # type: ignore[operator]

    yardstick = Yardstick(kind="regression", loss=loss, reference=reference)
    found = quality_lead(yardstick, labels, best, other, 0.95)
    assert found.value == pytest.approx(figure(np.arange(400)))
    low, high = _resampled(400, figure, seed)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.3 * (high - low))


@pytest.mark.parametrize("seed", range(3))
def test_the_lead_in_macro_auc_is_the_difference_and_its_interval_that_of_resampling(seed: int):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 300)
    best, other = (rng.normal(size=(300, 3)) + pull * np.eye(3)[labels] for pull in (1.5, 1.2))

    def figure(rows: np.ndarray) -> float:
        told = [[roc_auc(labels[rows] == c, of[rows, c]) or 0 for c in range(3)] for of in (best, other)]
        return float(np.mean(told[0]) - np.mean(told[1]))

    found = quality_lead(CLASSES, labels, best, other, 0.95)
    assert found.value == pytest.approx(figure(np.arange(300)))
    low, high = _resampled(300, figure, seed)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.3 * (high - low))


def test_a_model_does_not_lead_itself():
    labels = np.array([0, 1, 2, 0, 1, 2])
    answered = np.eye(3)[labels]
    found = quality_lead(CLASSES, labels, answered, answered, 0.95)
    assert (found.low, found.value, found.high) == (0, 0, 0)


def test_examples_of_an_entity_that_are_copies_are_one_example():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 200)
    best, other = (rng.dirichlet([1, 1, 1], 200) + skill * np.eye(3)[labels] for skill in (1, 0.5))
    twice = [np.concatenate([column, column]) for column in (labels, best, other)]
    pairs = Units(codes=np.tile(np.arange(200), 2), n=200)
    once = quality_lead(CLASSES, labels, best, other, 0.95)
    for units, is_same in ((pairs, True), (None, False)):
        found = quality_lead(CLASSES, *twice, 0.95, units=units)
        assert found.value == pytest.approx(once.value)
        assert (found.low == pytest.approx(once.low)) == is_same
