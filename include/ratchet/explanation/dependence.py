"""Partial dependence: the mean score when one feature is set to a value and the others stay as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from ratchet.evaluation.metrics import Floats
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
    """The points of one feature: ascending numbers, or values by how often they are seen, the most frequent first.

    Of several classes, ``of_class`` names the one whose probability the scores are.
    """

    feature: str
    kind: Literal["numeric", "categorical"]
    points: tuple[DependencePoint, ...]
    of_class: str | None = None


def partial_dependence(
    predict: Predict, examples: pl.DataFrame, feature: str, *, classes: Mapping[str, int] | None = None
) -> tuple[Dependence, ...]:
    """Return the partial dependence of the score on a feature: one curve, or one a class.

    Numbers are set to up to twelve quantiles from the 5th to the 95th percentile, rounded to four digits; texts to
    the ten most frequent values of at least ten examples.

    Parameters
    ----------
    predict : callable
        From examples to scores of shape (n_examples,), or to probabilities of shape (n_examples, n_classes).
    classes : mapping of str to int, optional
        The classes that are shown, each with its place among the probabilities.

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
    dtype = pl.Float64 if is_number else pl.String
    varied = [examples.with_columns(pl.lit(value, dtype=dtype).alias(feature)) for value in grid]
    answered = predict(pl.concat(varied)) if varied else np.empty(0)
    shown: Mapping[str | None, Floats] = {None: answered}
    if classes is not None:
        shown = {name: answered[:, place] if varied else answered for name, place in classes.items()}
    return tuple(
        Dependence(
            feature=feature,
            kind="numeric" if is_number else "categorical",
            points=_points(grid, scores.reshape(len(grid), -1)) if varied else (),
            of_class=name,
        )
        for name, scores in shown.items()
    )


def _points(grid: Sequence[float | str], scores: Floats) -> tuple[DependencePoint, ...]:
    """Return the points of scores of shape (n_values, n_examples)."""
    lows, highs = np.quantile(scores, (0.1, 0.9), axis=1)
    return tuple(
        DependencePoint(value=value, score=float(score), low=float(low), high=float(high))
        for value, score, low, high in zip(grid, scores.mean(axis=1), lows, highs, strict=True)
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
