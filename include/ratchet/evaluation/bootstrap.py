"""Paired bootstrap of AUC: several scores of the same examples, over the same resampled rows.

A resample is a count per row. With the negatives sorted once, an AUC under counts is one cumulative sum and one
product, so all resamples are computed at once and no score is ever sorted again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.metrics import DIGITS, check_labels, check_pairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.metrics import Bools, Floats

# Counts held at once: 16 MB, whatever the number of rows.
_CELLS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure and its bootstrap interval, ``low <= value <= high``, each rounded to 12 digits."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"an interval must hold its value. Got {self.value} in [{self.low}, {self.high}].")

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Interval:
        """Return the interval that ``to_json`` wrote."""
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AucResamples:
    """AUCs of several contenders, on all examples and on each resample of them.

    ``values`` holds one AUC a contender; ``resamples`` one array a contender, of shape (n_resamples,), paired by
    position. A resample without both classes has no AUC and is left out of all of them.
    """

    values: Mapping[str, float]
    resamples: Mapping[str, Floats]

    def auc(self, name: str, confidence: float) -> Interval:
        """Return the AUC of one contender."""
        return percentile_interval(self.values[name], self.resamples[name], confidence)

    def difference(self, name: str, other: str, confidence: float) -> Interval:
        """Return the AUC of one contender minus that of another, paired by resample."""
        return percentile_interval(
            self.values[name] - self.values[other], self.resamples[name] - self.resamples[other], confidence
        )


def bootstrap_auc(
    labels: ArrayLike,
    scores: Mapping[str, ArrayLike],
    *,
    resamples: int,
    seed: int | Sequence[int],
    groups: ArrayLike | None = None,
) -> AucResamples | None:
    """Return the AUCs of scores of the same examples, resampled together.

    Parameters
    ----------
    labels : array of shape (n_examples,)
        0 or 1.
    scores : mapping of str to array of shape (n_examples,)
        Finite scores by contender.
    resamples : int
        How often n_examples rows are drawn with replacement.
    seed : int or sequence of int
        Rows are put in a canonical order first: the same examples and seed give the same figures in whatever
        order they were read.
    groups : array of shape (n_examples,), optional
        Whom each example belongs to, such as its entity or its day. As many groups as there are are drawn with
        replacement, each with all its examples [1]_: examples of one group are alike, and tell less than so many.

    Returns
    -------
    AucResamples or None
        None unless both classes are there.

    Raises
    ------
    ValueError
        If a label is not 0 or 1, a score not finite, or the lengths differ.

    References
    ----------
    .. [1] Field and Welsh, "Bootstrapping clustered data", J. Royal Statistical Society B 69(3), 2007.
    """
    truth, columns, places_of = _canonical(labels, scores, groups)
    if not truth.size or truth.all() or not truth.any():
        return None
    places = {name: _Places.of(truth, column) for name, column in columns.items()}
    ones = np.ones((1, len(truth)))
    values = {name: round(float(place.auc(ones)[0]), DIGITS) for name, place in places.items()}
    parts: dict[str, list[Floats]] = {name: [] for name in places}
    rng = np.random.default_rng(seed)
    chunk = max(1, _CELLS // len(truth))
    for done in range(0, resamples, chunk):
        n_drawn = min(chunk, resamples - done)
        if places_of is None:
            counts = _draw(rng, len(truth), n_drawn)
        else:
            counts = np.take(_draw(rng, int(places_of.max()) + 1, n_drawn), places_of, axis=1)
        n_positive = counts @ truth
        counts = counts[(n_positive > 0) & (n_positive < len(truth))]
        for name, place in places.items():
            parts[name].append(place.auc(counts))
    return AucResamples(values=values, resamples={name: np.concatenate(part) for name, part in parts.items()})


def percentile_interval(value: float, resampled: Floats, confidence: float) -> Interval:
    """Return the two-sided percentile interval, widened where needed to hold the value itself.

    Parameters
    ----------
    resampled : array of shape (n_resamples,)
        The same figure on each resample; the value alone is returned when there is none.
    confidence : float
        In (0, 1): at 0.95 the low end is the 2.5th percentile.
    """
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, (tail, 1 - tail)) if resampled.size else (value, value)
    rounded = round(float(value), DIGITS)
    return Interval(
        value=rounded, low=min(round(float(low), DIGITS), rounded), high=max(round(float(high), DIGITS), rounded)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where each positive's score falls among the sorted negatives of one contender."""

    positives: NDArray[np.intp]  # rows of the positives, lowest score first
    negatives: NDArray[np.intp]  # rows of the negatives, lowest score first
    below: NDArray[np.intp]  # how many negatives score less than each positive
    not_above: NDArray[np.intp]  # ... or the same

    @classmethod
    def of(cls, truth: Bools, scores: Floats) -> _Places:
        order = np.argsort(scores, kind="stable")
        positives, negatives = order[truth[order]], order[~truth[order]]
        return cls(
            positives=positives,
            negatives=negatives,
            below=np.searchsorted(scores[negatives], scores[positives], side="left"),
            not_above=np.searchsorted(scores[negatives], scores[positives], side="right"),
        )

    def auc(self, counts: Floats) -> Floats:
        """Return one AUC per row of ``counts``, an array of shape (n_resamples, n_examples)."""
        passed = np.zeros((len(counts), len(self.negatives) + 1))
        np.cumsum(np.take(counts, self.negatives, axis=1), axis=1, out=passed[:, 1:])
        drawn = np.take(counts, self.positives, axis=1)
        # Counts and their products are whole numbers, exact below 2**53: equal rankings give equal AUCs.
        won = np.einsum("ij,ij->i", drawn, np.take(passed, self.below, axis=1))
        won += np.einsum("ij,ij->i", drawn, np.take(passed, self.not_above, axis=1))
        auc: Floats = won / (2 * drawn.sum(axis=1) * passed[:, -1])
        return auc


def _canonical(
    labels: ArrayLike, scores: Mapping[str, ArrayLike], groups: ArrayLike | None
) -> tuple[Bools, dict[str, Floats], NDArray[np.intp] | None]:
    truth = check_labels(labels)
    columns = {name: check_pairs(truth, scores[name])[1] for name in sorted(scores)}
    if groups is None:
        order = np.lexsort((*columns.values(), truth))
        return truth[order], {name: column[order] for name, column in columns.items()}, None
    # Numbered by name: whom an example belongs to must not depend on the order either.
    numbers = np.unique(np.asarray(groups), return_inverse=True)[1]
    if numbers.shape != truth.shape:
        raise ValueError(f"groups and labels must be as many. Got {numbers.shape} and {truth.shape}.")
    order = np.lexsort((numbers, *columns.values(), truth))
    return truth[order], {name: column[order] for name, column in columns.items()}, numbers[order]


def _draw(rng: np.random.Generator, n_rows: int, n_resamples: int) -> Floats:
    """Return how often each row was drawn, an array of shape (n_resamples, n_rows)."""
    cells = rng.integers(0, n_rows, size=(n_resamples, n_rows))
    cells += n_rows * np.arange(n_resamples)[:, None]
    counts = np.bincount(cells.ravel(), minlength=n_rows * n_resamples)
    return counts.reshape(n_resamples, n_rows).astype(np.float64)
