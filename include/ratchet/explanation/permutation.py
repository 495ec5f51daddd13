"""What each feature brings: the AUC that is lost when its values are shuffled among the examples.

Two features that tell the same share their benefit: shuffling one leaves the other. What a group brings together is
told by a fit without it (`ratchet.explanation.results.GroupBenefit`).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratchet.evaluation.bootstrap import Interval, bootstrap_quality, percentile_interval
from ratchet.evaluation.yardstick import BINARY

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike

    from ratchet.evaluation.metrics import Floats
    from ratchet.evaluation.resampling import Units
    from ratchet.evaluation.yardstick import Yardstick

Predict = Callable[["pl.DataFrame"], "Floats"]
_WHOLE = "whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """AUC lost without what a feature tells; negative where the model is better off without."""

    feature: str
    drop: Interval

    def is_under(self, floor: float) -> bool:
        """Whether even the high end of the interval lies below the floor."""
        return self.drop.high < floor


@dataclass(frozen=True, slots=True, kw_only=True)
class Resampling:
    """How often values are shuffled and examples resampled, and what is drawn together; None for each by itself."""

    repeats: int
    resamples: int
    confidence: float
    seed: int
    units: Units | None = None


def permutation_importance(
    predict: Predict,
    examples: pl.DataFrame,
    labels: ArrayLike,
    features: Sequence[str],
    how: Resampling,
    yardstick: Yardstick = BINARY,
) -> tuple[Importance, ...]:
    """Return the importance of each feature, the most important first; none unless both classes are there.

    Parameters
    ----------
    predict : callable
        From examples to scores.
    examples : polars.DataFrame of n_examples rows
        Examples that the model was not fitted on, in an order that the seed may rely on.
    labels : array of shape (n_examples,)
        0 or 1, the place of the class, or a number.
    yardstick : Yardstick
        What the label is; importance is the quality that is lost.

    Notes
    -----
    The interval is a paired bootstrap: an example is drawn together with the values that were shuffled into it, so it
    holds both sources of chance. A feature's shuffles depend on its name and the seed, not on the other features.

    References
    ----------
    .. [1] Breiman, "Random Forests", Machine Learning 45, 2001.
    """
    scores = {_WHOLE: predict(examples)}
    for feature in features:
        for number in range(how.repeats):
            shuffled = examples.with_columns(
                _shuffle(examples[feature], (how.seed, zlib.crc32(feature.encode()), number))
            )
            scores[_key(feature, number)] = predict(shuffled)
    truth = yardstick.check_labels(labels)
    resampled = bootstrap_quality(yardstick, truth, scores, resamples=how.resamples, seed=how.seed, units=how.units)
    if resampled is None:
        return ()
    found = [
        Importance(
            feature=feature,
            drop=percentile_interval(
                resampled.values[_WHOLE] - _mean(resampled.values[_key(feature, i)] for i in range(how.repeats)),
                resampled.resamples[_WHOLE]
                - np.mean([resampled.resamples[_key(feature, i)] for i in range(how.repeats)], axis=0),
                how.confidence,
            ),
        )
        for feature in features
    ]
    return tuple(sorted(found, key=lambda of: (-of.drop.value, of.feature)))


def _shuffle(column: pl.Series, seed: tuple[int, int, int]) -> pl.Series:
    return column.gather(np.random.default_rng(seed).permutation(len(column)))


def _mean(figures: Iterable[float]) -> float:
    return float(np.mean(list(figures)))


def _key(feature: str, number: int) -> str:
    return f"{feature} {number}"
