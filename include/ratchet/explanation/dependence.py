"""Partial dependence: the mean score when one feature is set to a value and the others stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from ratchet.explanation.permutation import Predict

# A value that fewer examples have may point at one of them, and is not shown.
MIN_EXAMPLES_OF_A_VALUE = 10
N_POINTS = 12
N_VALUES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencePoint:
    """The mean score at one value, and between which scores the middle 80 % of the examples lie there."""

    value: float | str
    score: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """The points of one feature: ascending numbers, or values by how often they are seen, the most frequent first."""

    feature: str
    kind: Literal["numeric", "categorical"]
    points: tuple[DependencePoint, ...]


def partial_dependence(predict: Predict, examples: pl.DataFrame, feature: str) -> Dependence:
    """Return the partial dependence of the score on a feature.

    Numbers are set to up to twelve quantiles from the 5th to the 95th percentile, rounded to four digits; texts to
    the ten most frequent values of at least ten examples.

    Notes
    -----
    Examples are made up where features go together: a flight at night of an airport that is closed then. Read a curve
    of two such features with care.

    References
    ----------
    .. [1] Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of Statistics 29, 2001.
    """
    column = examples[feature]
    is_number = column.dtype.is_numeric() or column.dtype == pl.Boolean
    grid: Sequence[float | str] = _quantiles(column) if is_number else _frequent(column)
    if not len(grid):
        return Dependence(feature=feature, kind="numeric" if is_number else "categorical", points=())
    kind = pl.Float64 if is_number else pl.String
    varied = pl.concat([examples.with_columns(pl.lit(value, dtype=kind).alias(feature)) for value in grid])
    scores = predict(varied).reshape(len(grid), examples.height)
    lows, highs = np.quantile(scores, (0.1, 0.9), axis=1)
    return Dependence(
        feature=feature,
        kind="numeric" if is_number else "categorical",
        points=tuple(
            DependencePoint(value=value, score=float(score), low=float(low), high=float(high))
            for value, score, low, high in zip(grid, scores.mean(axis=1), lows, highs, strict=True)
        ),
    )


def _quantiles(column: pl.Series) -> list[float]:
    numbers = column.cast(pl.Float64).drop_nulls()
    finite = numbers.filter(numbers.is_finite()).to_numpy()
    if finite.size < MIN_EXAMPLES_OF_A_VALUE:
        return []
    found = np.quantile(finite, np.linspace(0.05, 0.95, N_POINTS))
    # Rounded, as a quantile is the exact value of some example.
    return sorted({float(f"{value:.4g}") for value in found})


def _frequent(column: pl.Series) -> list[str]:
    counts = column.cast(pl.String).drop_nulls().value_counts(name="n").filter(pl.col("n") >= MIN_EXAMPLES_OF_A_VALUE)
    found: list[str] = counts.sort(["n", column.name], descending=[True, False]).head(N_VALUES)[column.name].to_list()
    return found
