"""Decisions by group: who is selected, who rightly, who wrongly, and how far groups lie apart.

By the definitions of fairlearn [1]_, of the groups that are large enough to be compared:

=================================  =========================================================================
selection rate                     share of a group of which the outcome is expected
demographic parity difference      highest selection rate minus the lowest
demographic parity ratio           lowest selection rate over the highest; 1 where nobody is selected
equalized odds difference          the larger of: highest minus lowest true positive rate, and false positive rate
=================================  =========================================================================

The difference between the most distant of several groups is above 0 by chance alone, and more so in a resample, so
its interval errs upwards (the ratio's downwards): a bound that it keeps is kept.

References
----------
.. [1] Fairlearn, user guide, "Common fairness metrics"; ``demographic_parity_difference``,
   ``demographic_parity_ratio`` and ``equalized_odds_difference`` with ``method="between_groups"``,
   ``agg="worst_case"``.
.. [2] Hardt, Price and Srebro, "Equality of opportunity in supervised learning", NeurIPS 2016 (equalized odds).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.bootstrap import Interval, percentile_interval
from ratchet.evaluation.resampling import rates
from ratchet.evaluation.tallies import Cells

if TYPE_CHECKING:
    import polars as pl

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Counts, Drawing
    from ratchet.spec.fairness import Fairness, FairnessColumn

MIN_OF_A_CLASS = 10
# Rates of fewer people tell what became of each.
_MIN_SHOWN = 10
_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRates:
    """One group; ``value`` None stands for the missing one.

    ``is_compared`` says that it is large enough to be held against others. With fewer than 10 examples in the group its
    positives are not counted and it has no rate: they would tell what became of whom. A rate is None also without an
    example of the outcome that it is a rate of.
    """

    value: str | None
    n_examples: int
    n_positive: int | None
    is_compared: bool
    selection_rate: Interval | None
    true_positive_rate: Interval | None
    false_positive_rate: Interval | None

    @property
    def name(self) -> str:
        """The group in words."""
        return "(missing)" if self.value is None else self.value

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> GroupRates:
        """Return the group that ``Evaluation.to_json`` wrote."""
        return cls(**{**values, **{name: _interval(values[name]) for name in _RATES}})


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFairness:
    """One contender's decisions by the groups of one column.

    A distance is None when fewer than two groups are compared. The odds difference is None also where a compared group
    has fewer than 10 examples of a class: what a group is owed cannot be told from fewer.
    """

    column: str
    contender: str
    groups: tuple[GroupRates, ...]
    parity_difference: Interval | None
    parity_ratio: Interval | None
    odds_difference: Interval | None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> GroupFairness:
        """Return what ``Evaluation.to_json`` wrote."""
        distances = ("parity_difference", "parity_ratio", "odds_difference")
        groups = tuple(GroupRates.from_json(item) for item in values["groups"])
        return cls(**{**values, "groups": groups, **{name: _interval(values[name]) for name in distances}})


def cut_groups(values: pl.Series, column: FairnessColumn) -> pl.Series:
    """Return the group of each value as text: the value itself, or the range in which a number lies.

    A number on a cut belongs to the range above it; a missing value, and NaN, to no range.
    """
    import polars as pl

    if not column.cuts:
        return values.cast(pl.String)
    cuts = [f"{cut:g}" for cut in column.cuts]
    names = [f"below {cuts[0]}"]
    names += [f"{low} to below {high}" for low, high in pairwise(cuts)] + [f"{cuts[-1]} and over"]
    numbers = values.cast(pl.Float64)
    places = np.searchsorted(column.cuts, numbers.fill_null(float("nan")).to_numpy(), side="right")
    known = numbers.is_not_null() & ~numbers.is_nan().fill_null(True)
    return pl.Series(values.name, names, dtype=pl.String)[places].set(~known, None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupsDrawn:
    """One contender's decisions by the groups of a column, example by example.

    Parameters
    ----------
    values : tuple
        The groups, None for the missing one, the last.
    cells : Cells
        The examples by group, by outcome and by decision, in this order.
    now : array of shape (4 * n_groups, 1)
        How many examples each cell has.
    """

    column: str
    contender: str
    values: tuple[str | None, ...]
    cells: Cells
    now: Floats

    @classmethod
    def of(cls, contender: str, truth: Bools, expected: Bools, groups: pl.Series) -> GroupsDrawn:
        """Return the decisions by group, arrays of shape (n_examples,), null for the missing group.

        All in an order that does not depend on how it was read.
        """
        values = sorted(groups.unique().to_list(), key=lambda value: (value is None, value or ""))
        codes = np.zeros(len(truth), dtype=np.int64)
        for i, value in enumerate(values):
            codes[groups.eq_missing(value).to_numpy()] = i
        cells = Cells.of(4 * codes + 2 * truth + expected, 4 * len(values))
        now = cells.resampled(np.ones((1, len(truth)), dtype=np.int64))
        return cls(column=groups.name, contender=contender, values=tuple(values), cells=cells, now=now)

    def resampled(self, counts: Counts) -> Floats:
        """Return how many examples of each cell were drawn."""
        return self.cells.resampled(counts)

    def compared(self, resampled: Floats, policy: Fairness, drawing: Drawing) -> GroupFairness:
        """Return the decisions by group, and how far the groups lie apart."""
        parts, again = (
            [_Group.of(of) for of in cells.reshape(len(self.values), 2, 2, cells.shape[1])]
            for cells in (self.now, resampled)
        )
        drawn = [
            {
                rate: _paired_rates(of.expected[rate], of.whole[rate], part.n(rate), (*_seeds(drawing), i))
                for rate in _RATES
            }
            for i, (part, of) in enumerate(zip(parts, again, strict=True))
        ]
        rows = tuple(
            GroupRates(
                value=value,
                n_examples=part.n("selection_rate"),
                n_positive=part.n("true_positive_rate") if part.n("selection_rate") >= _MIN_SHOWN else None,
                is_compared=part.n("selection_rate") >= policy.min_group_examples,
                **{rate: _shown(part, rate, one[rate], drawing) for rate in _RATES},
            )
            for value, part, one in zip(self.values, parts, drawn, strict=True)
        )
        compared = [i for i, row in enumerate(rows) if row.is_compared]
        distances = _distances([parts[i] for i in compared], [drawn[i] for i in compared], drawing.confidence)
        return GroupFairness(column=self.column, contender=self.contender, groups=rows, **distances)


def compare_groups(
    contender: str, truth: Bools, expected: Bools, groups: pl.Series, policy: Fairness, drawing: Drawing
) -> GroupFairness:
    """Return one contender's decisions by group, and how far the groups lie apart; see `GroupsDrawn`."""
    drawn = GroupsDrawn.of(contender, truth, expected, groups)
    return drawn.compared(drawing.of(drawn, len(truth)), policy, drawing)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """Of how many each rate is a rate, and of how many of these the outcome is expected, arrays of (n_resamples,)."""

    whole: Mapping[str, Floats]
    expected: Mapping[str, Floats]

    @classmethod
    def of(cls, cells: Floats) -> _Group:
        """Return a group by its cells: of outcome, and of decision."""
        (_, wrongly), (_, rightly) = cells
        negatives, positives = cells.sum(axis=1)
        return cls(
            whole=dict(zip(_RATES, (negatives + positives, positives, negatives), strict=True)),
            expected=dict(zip(_RATES, (wrongly + rightly, rightly, wrongly), strict=True)),
        )

    def n(self, rate: str) -> int:
        return int(self.whole[rate][0])

    def rate(self, rate: str) -> float:
        return float(self.expected[rate][0] / self.whole[rate][0])


def _paired_rates(above: Floats, below: Floats, n: int, seed: Sequence[int]) -> Floats:
    found = np.full(len(below), np.nan)
    found[below > 0] = rates(above, below, n_examples=n, seed=seed)
    return found


def _seeds(drawing: Drawing) -> tuple[int, ...]:
    return (drawing.seed,) if isinstance(drawing.seed, int) else tuple(drawing.seed)


def _shown(part: _Group, rate: str, drawn: Floats, drawing: Drawing) -> Interval | None:
    if part.n("selection_rate") < _MIN_SHOWN or not part.n(rate):
        return None
    return percentile_interval(part.rate(rate), drawn[~np.isnan(drawn)], drawing.confidence)


def _distances(
    parts: Sequence[_Group], drawn: Sequence[Mapping[str, Floats]], confidence: float
) -> dict[str, Interval | None]:
    if len(parts) < 2:
        return dict.fromkeys(("parity_difference", "parity_ratio", "odds_difference"))

    def interval(value: float, resampled: Floats) -> Interval:
        return percentile_interval(value, resampled[~np.isnan(resampled)], confidence)

    now = {rate: np.array([[part.rate(rate)] if part.n(rate) else [np.nan] for part in parts]) for rate in _RATES}
    again = {rate: np.array([one[rate] for one in drawn]) for rate in _RATES}
    selected, odds = _RATES[0], _RATES[1:]
    is_told = all(part.n(rate) >= MIN_OF_A_CLASS for part in parts for rate in odds)
    return {
        "parity_difference": interval(float(_apart(now[selected])[0]), _apart(again[selected])),
        "parity_ratio": interval(float(_over(now[selected])[0]), _over(again[selected])),
        "odds_difference": interval(
            max(float(_apart(now[rate])[0]) for rate in odds),
            np.maximum(*(_apart(again[rate]) for rate in odds)),
        )
        if is_told
        else None,
    }


def _apart(found: Floats) -> Floats:
    """Highest minus lowest rate of each resample, ``found`` of shape (n_groups, n_resamples)."""
    apart: Floats = found.max(axis=0) - found.min(axis=0)
    return apart


def _over(rates_of: Floats) -> Floats:
    """Lowest over highest rate of each resample; 1 where nobody is selected."""
    low, high = rates_of.min(axis=0), rates_of.max(axis=0)
    found: Floats = np.divide(low, high, out=np.where(np.isnan(high), np.nan, 1.0), where=high > 0)
    return found


def _interval(values: Mapping[str, Any] | None) -> Interval | None:
    return None if values is None else Interval.from_json(values)
