from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.resampling import Units
from ratchet.explanation.permutation import Importance, Resampling, permutation_importance


def draw(n: int, seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({"strong": rng.normal(size=n), "weak": rng.normal(size=n), "idle": rng.normal(size=n)})
    logit = 2 * frame["strong"].to_numpy() + 0.7 * frame["weak"].to_numpy()
    return frame, rng.random(n) < 1 / (1 + np.exp(-logit))


def predict(frame: pl.DataFrame) -> np.ndarray:
    logit = 2 * frame["strong"].to_numpy() + 0.7 * frame["weak"].to_numpy()
    return 1 / (1 + np.exp(-logit))


def how(**changes: object) -> Resampling:
    return Resampling(**({"repeats": 3, "resamples": 100, "confidence": 0.95, "seed": 0} | changes))  # type: ignore[arg-type]


def test_the_features_come_by_what_they_bring_and_an_idle_one_brings_nothing():
    frame, labels = draw(1500)
    found = permutation_importance(predict, frame, labels, ["idle", "weak", "strong"], how())
    assert [of.feature for of in found] == ["strong", "weak", "idle"]
    assert found[0].drop.low > found[1].drop.high > 0.0
    assert found[2].drop == Interval(value=0.0, low=0.0, high=0.0)


def test_the_drop_is_that_of_an_independent_computation():
    frame, labels = draw(4000)
    (found,) = (of for of in permutation_importance(predict, frame, labels, ["strong"], how(repeats=20)))
    rng, drops = np.random.default_rng(99), []
    for _ in range(20):
        shuffled = frame.with_columns(strong=pl.Series(rng.permutation(frame["strong"].to_numpy())))
        drops.append(roc_auc_score(labels, predict(frame)) - roc_auc_score(labels, predict(shuffled)))
    assert found.drop.value == pytest.approx(np.mean(drops), abs=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_holds_what_a_thousand_times_as_many_examples_tell(seed):
    truth = permutation_importance(predict, *draw(60_000, 77), ["weak"], how(repeats=1, resamples=2))[0].drop.value
    (found,) = permutation_importance(predict, *draw(600, seed), ["weak"], how(confidence=0.99))
    assert found.drop.low < truth < found.drop.high
    assert found.drop.high - found.drop.low < 0.1


def test_a_feature_does_not_depend_on_which_others_are_asked_for():
    frame, labels = draw(300)
    alone = permutation_importance(predict, frame, labels, ["weak"], how())[0].drop.value
    beside = permutation_importance(predict, frame, labels, ["strong", "weak"], how())[1].drop.value
    assert alone == beside


def test_one_class_alone_tells_nothing():
    frame, _ = draw(50)
    assert permutation_importance(predict, frame, np.zeros(50), ["weak"], how()) == ()


@pytest.mark.parametrize(("high", "is_under"), [(0.0009, True), (0.001, False)], ids=["under", "at-the-floor"])
def test_under_the_floor_is_what_lies_below_it_as_a_whole(high, is_under):
    of = Importance(feature="x", drop=Interval(value=0.0, low=-0.1, high=high))
    assert of.is_under(0.001) is is_under


def test_examples_that_are_drawn_together_make_the_interval_that_those_units_have():
    frame, labels = draw(300, 5)
    days = pl.Series([f"{i // 30}" for i in range(300)])
    one_by_one = permutation_importance(predict, frame, labels, ["strong"], how())[0].drop
    (found,) = permutation_importance(predict, frame, labels, ["strong"], how(units=Units.of(days)))
    assert found.drop.value == one_by_one.value
    assert (found.drop.low, found.drop.high) != (one_by_one.low, one_by_one.high)
    # Examples that stand twice are hardly more certain than once, however their values are shuffled.
    twice, pairs = pl.concat([frame, frame]), Units.of(pl.Series([*range(300), *range(300)]))
    doubled = np.concatenate([labels, labels])
    narrow = permutation_importance(predict, twice, doubled, ["strong"], how())[0].drop
    held = permutation_importance(predict, twice, doubled, ["strong"], how(units=pairs))[0].drop
    assert held.high - held.low > 1.1 * (narrow.high - narrow.low)
