"""Which spans are compared on a night, and their statistics: both sides, the window before, the same period earlier."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.drift.decisions import History
from ratchet.drift.seasons import Season
from ratchet.drift.variation import measure_variation, merge_spans
from ratchet.errors import DataError

if TYPE_CHECKING:
    from ratchet.spans.calendar import Calendar
    from ratchet.spec.watching import DistancePolicy
    from ratchet.statistics.column import ColumnStatistics
    from ratchet.statistics.table import StatisticsTable

# Of the spans that a season earlier lay before the same period, how many must be known.
_MIN_KNOWN = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class SeasonSpans:
    """The same period earlier, and the spans that it is held against."""

    n_spans: int
    period: tuple[str, ...]
    before: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftWindows:
    """The spans of both sides, oldest first, and those of their history."""

    baseline: tuple[str, ...]
    current: tuple[str, ...]
    previous: tuple[str, ...]
    seasons: tuple[SeasonSpans, ...]

    @property
    def spans(self) -> tuple[str, ...]:
        """Every span that is read, once."""
        seasons = (span for season in self.seasons for span in (*season.period, *season.before))
        return tuple(dict.fromkeys((*self.baseline, *self.current, *self.previous, *seasons)))


def choose_windows(
    span: str,
    trained_on: Sequence[str],
    known: Collection[str],
    policy: DistancePolicy,
    calendar: Calendar,
    *,
    season_spans: Sequence[int] = (),
) -> DriftWindows:
    """Return the windows of the night of ``span``; only spans in ``known`` are chosen.

    Parameters
    ----------
    trained_on : sequence of str
        The champion's training spans. One whose correction was stopped since is left out: its statistics are no longer
        those the champion learnt from.
    """
    length = policy.window_spans
    baseline = tuple(one for one in trained_on if one in known)
    newest = calendar.range(calendar.shift(span, 1 - length), span)
    before = [calendar.shift(one, -length) for one in newest]
    current = tuple(one for one in newest if one in known)
    seasons = (_season(n_spans, span, current, baseline, known, calendar) for n_spans in season_spans)
    return DriftWindows(
        baseline=baseline,
        current=current,
        previous=tuple(one for one in before if one in known),
        seasons=tuple(season for season in seasons if season is not None),
    )


def _season(
    n_spans: int,
    span: str,
    current: Sequence[str],
    baseline: Sequence[str],
    known: Collection[str],
    calendar: Calendar,
) -> SeasonSpans | None:
    if not current or not baseline:
        return None
    since_training = max(1, calendar.distance(baseline[-1], span))
    shift = -n_spans * -(-since_training // n_spans)  # the fewest whole seasons that reach back into the training spans
    period = tuple(calendar.shift(one, shift) for one in current)
    if not set(period) <= set(known):
        return None
    if set(period) <= set(baseline):
        before = [one for one in baseline if one not in period]
    else:
        before = [one for one in (calendar.shift(of, shift) for of in baseline) if one in known]
        if len(before) < _MIN_KNOWN * len(baseline):
            return None
    return SeasonSpans(n_spans=n_spans, period=period, before=tuple(before)) if before else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftSides:
    """The statistics of both sides, and their history."""

    baseline: Mapping[str, ColumnStatistics]
    current: Mapping[str, ColumnStatistics]
    history: History


def read_sides(table: StatisticsTable, windows: DriftWindows, policy: DistancePolicy) -> DriftSides:
    """Read the statistics of the windows, and of nothing else; no example is read."""
    return merge_sides(table.read(windows.spans), windows, policy)


def merge_sides(
    by_span: Mapping[str, Mapping[str, ColumnStatistics]], windows: DriftWindows, policy: DistancePolicy
) -> DriftSides:
    """Merge the statistics of each window."""
    baseline_spans = [by_span[span] for span in windows.baseline]
    baseline = merge_spans(baseline_spans)
    seasons = (
        Season(n_spans=of.n_spans, period=period, before=before)
        for of in windows.seasons
        if (period := _merge_history(by_span, of.period)) and (before := _merge_history(by_span, of.before))
    )
    return DriftSides(
        baseline=baseline,
        current=merge_spans([by_span[span] for span in windows.current]),
        history=History(
            variation=measure_variation(baseline_spans, policy.window_spans, baseline),
            previous=_merge_history(by_span, windows.previous),
            seasons=tuple(seasons),
        ),
    )


def _merge_history(
    by_span: Mapping[str, Mapping[str, ColumnStatistics]], spans: Sequence[str]
) -> dict[str, ColumnStatistics]:
    try:
        return merge_spans([by_span[span] for span in spans])
    except DataError:  # counted over other edges, long ago: both sides can be compared without it
        return {}
