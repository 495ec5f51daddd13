"""Paired bootstrap of AUC, or another quality: several scores of the same examples, over the same resampled rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.metrics import DIGITS, check_labels, check_pairs
from ratchet.evaluation.ranking import Ranking
from ratchet.evaluation.resampling import Drawing, Units, draws

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Counts
    from ratchet.evaluation.yardstick import Yardstick


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
    """AUCs (or qualities of another kind) of several contenders, on all examples and on each resample of them.

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
    units: Units | None = None,
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
    units : Units or None
        What is drawn together; None for each example by itself.

    Returns
    -------
    AucResamples or None
        None unless both classes are there.

    Raises
    ------
    ValueError
        If a label is not 0 or 1, a score not finite, or the lengths differ.
    """
    truth, columns, units = _canonical(labels, scores, units)
    if not truth.size or truth.all() or not truth.any():
        return None
    rankings = {name: Ranking.of(truth, column) for name, column in columns.items()}
    values = {name: round(float(of[0]), DIGITS) for name, of in _aucs(rankings, np.ones((1, len(truth)), int)).items()}
    drawn = [_aucs(rankings, counts) for counts in draws(len(truth), resamples=resamples, seed=seed, units=units)]
    found = {name: np.concatenate([part[name] for part in drawn]) for name in rankings}
    return AucResamples(values=values, resamples={name: of[~np.isnan(of)] for name, of in found.items()})


def bootstrap_quality(
    yardstick: Yardstick,
    labels: NDArray[Any],
    answers: Mapping[str, Floats],
    *,
    resamples: int,
    seed: int | Sequence[int],
    units: Units | None = None,
) -> AucResamples | None:
    """Return the qualities of answers to the same examples, resampled together, as `bootstrap_auc` does.

    Parameters
    ----------
    labels : array of shape (n_examples,)
        As ``yardstick.check_labels`` returns them.
    answers : mapping of str to array
        Sound answers by contender.

    Returns
    -------
    AucResamples or None
        None where the examples cannot tell a quality.
    """
    if yardstick.kind == "binary":
        return bootstrap_auc(labels, answers, resamples=resamples, seed=seed, units=units)
    within = () if units is None else (units.codes,)
    columns = [column for name in sorted(answers) for column in np.atleast_2d(answers[name].T)]
    order = np.lexsort((*within, *columns, labels))
    ordered = {name: answers[name][order] for name in sorted(answers)}
    values = {name: yardstick.quality(labels[order], column) for name, column in ordered.items()}
    known = {name: value for name, value in values.items() if value is not None}
    if not ordered or len(known) < len(values):
        return None
    drawing = Drawing(
        resamples=resamples, seed=seed, confidence=0.95, units=None if units is None else units.take(order)
    )
    parts = {name: yardstick.drawn(labels[order], column) for name, column in ordered.items()}
    found = {name: drawn[0] for name, drawn in drawing.each(parts, len(labels)).items()}
    return AucResamples(values=known, resamples={name: of[~np.isnan(of)] for name, of in found.items()})


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


def _aucs(rankings: Mapping[str, Ranking], counts: Counts) -> dict[str, Floats]:
    ordered = {name: ranking.ordered(counts) for name, ranking in rankings.items()}
    return {name: ranking.auc(ordered[name], ranking.passed(ordered[name])) for name, ranking in rankings.items()}


def _canonical(
    labels: ArrayLike, scores: Mapping[str, ArrayLike], units: Units | None
) -> tuple[Bools, dict[str, Floats], Units | None]:
    truth = check_labels(labels)
    columns = {name: check_pairs(truth, scores[name])[1] for name in sorted(scores)}
    within = () if units is None else (units.codes,)
    order = np.lexsort((*within, *columns.values(), truth))
    ordered = {name: column[order] for name, column in columns.items()}
    return truth[order], ordered, None if units is None else units.take(order)
