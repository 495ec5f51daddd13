"""Whether a change is that of a season: the same period earlier showed it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.drift.measuring import measure_column

if TYPE_CHECKING:
    from ratchet.spec.watching import Distance
    from ratchet.statistics.column import ColumnStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """The same period one season or several earlier, and the spans that it followed then.

    The period ends no later than the training spans do: a drift that lasts for longer than a season would otherwise be
    its own excuse.

    Parameters
    ----------
    n_spans : int
        The length of the season.
    period : mapping of str to ColumnStatistics
        As many spans as the current side, a whole number of seasons earlier.
    before : mapping of str to ColumnStatistics
        What it is held against: the baseline's spans as much earlier, or the other training spans if it is among them.
    """

    n_spans: int
    period: Mapping[str, ColumnStatistics]
    before: Mapping[str, ColumnStatistics]


def find_season(
    column: str, current: ColumnStatistics, seasons: Sequence[Season], *, distance: Distance, bound: float
) -> tuple[int, float] | None:
    """Return the season that explains a change, and how far now is from the same period earlier; None if none does.

    It explains it when that period lay above the bound from the spans that it followed, as the current side does now,
    and the current side lies within the bound of that period.
    """
    for season in seasons:
        period, before = season.period.get(column), season.before.get(column)
        if period is None or before is None or not _are_alike(period, before, current):
            continue
        then = measure_column(before, period)[0].values[distance]
        now = measure_column(period, current)[0].values[distance]
        if then is not None and now is not None and then > bound >= now:
            return season.n_spans, now
    return None


def _are_alike(*sides: ColumnStatistics) -> bool:
    return all(side.n > 0 for side in sides) and len({(side.role, side.edges) for side in sides}) == 1
