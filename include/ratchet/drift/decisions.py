"""What counts as drift: an effect above its bound that neither chance nor the spans' variation nor a season explains.

Both sides are stored statistics; no example is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ratchet.drift.discovery import adjust
from ratchet.drift.measuring import FORMULAS, measure_column
from ratchet.drift.results import ColumnDrift, DriftResult, Figures, Test
from ratchet.drift.seasons import Season, find_season
from ratchet.spec.watching import DistancePolicy, SeasonalPolicy
from ratchet.verdicts import Check, Verdict

if TYPE_CHECKING:
    from ratchet.drift.noise import Chance
    from ratchet.drift.variation import Variation
    from ratchet.spec.watching import Distance
    from ratchet.statistics.column import ColumnStatistics

Columns = Mapping[str, "ColumnStatistics | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is known beside the two sides; each part of it may be missing.

    Parameters
    ----------
    variation : mapping of str to Variation
        How far windows of the training spans lie apart, by column.
    previous : mapping of str to ColumnStatistics
        The window before the current one.
    seasons : sequence of Season
        The same period earlier.
    """

    variation: Mapping[str, Variation]
    previous: Mapping[str, ColumnStatistics]
    seasons: Sequence[Season]


NO_HISTORY = History(variation={}, previous={}, seasons=())


def compare_columns(
    baseline: Columns, current: Columns, policy: DistancePolicy, history: History = NO_HISTORY
) -> DriftResult:
    """Return the verdict on every column of either side, and on every column that the policy names.

    A column is undecided when a side has no statistics of it, fewer than ``policy.min_examples`` examples (whatever
    their value) or no value to start from, when the sides were counted differently, and when the distance that decides
    is not defined. Otherwise that distance is held against its bound:

    - at the bound or below it passes;
    - above it, it is undecided where two samples of these sizes from one distribution lie as far apart by chance;
    - it passes where the same period earlier showed the same change (a season), unless the policy calls that drift;
    - it passes where windows of the training spans themselves lie as far apart: those the champion has learnt from;
      where these are too few to tell, chance alone is held against it, and it is undecided;
    - otherwise it fails. "As far" is told by p-values adjusted over all columns for false discoveries;
    - a column that had values and has none any more fails, however few there were, unless chance explains it.

    Parameters
    ----------
    baseline, current : mapping of str to ColumnStatistics
        By column: the spans that the champion was trained on, and the newest spans. None says that a column is
        wanted and not there.
    """
    named = getattr(policy, "columns", {})
    measured = [
        _measure(column, baseline.get(column), current.get(column), policy, history)
        for column in dict.fromkeys((*baseline, *current, *named))
    ]
    adjusted = adjust({of.column: of.test.p_value for of in measured if of.test is not None})
    return DriftResult(
        columns=tuple(_judge(of, adjusted, current.get(of.column), policy, history) for of in measured),
        false_discovery_rate=policy.false_discovery_rate,
    )


def _measure(
    column: str,
    baseline: ColumnStatistics | None,
    current: ColumnStatistics | None,
    policy: DistancePolicy,
    history: History,
) -> ColumnDrift:
    known = baseline or current
    name, bound = policy.rule_of(column, known.role if known else "numeric")
    obstacle = _lacks("baseline", baseline, policy.min_examples) or _lacks("current", current, policy.min_examples)
    if baseline is not None and current is not None:
        obstacle = obstacle or _disagreement(baseline, current)
    found = ColumnDrift(
        column=column,
        check=Check(name=f"drift of {column}", verdict="undecided", reason=obstacle, bound=bound),
        distance_name=name,
        bound=bound,
        n_baseline=baseline.n if baseline else 0,
        n_current=current.n if current else 0,
    )
    if obstacle or baseline is None or current is None:
        return found
    figures, chance = measure_column(baseline, current)
    test = _test(figures, chance, history.variation.get(column), current.n)
    return replace(found, figures=figures, test=test, previous=_previous(column, current, name, history))


def _lacks(side: str, statistics: ColumnStatistics | None, min_examples: int) -> str:
    """Return what one side lacks to be compared; nothing when it is fit for it."""
    if statistics is None:
        return f"not enough data: the {side} side has no statistics of this column in every span"
    if statistics.n < min_examples:
        return f"not enough data: the {side} side has {statistics.n} examples, fewer than {min_examples}"
    return ""


def _disagreement(baseline: ColumnStatistics, current: ColumnStatistics) -> str:
    """Return why two sides that have enough examples cannot be compared; nothing when they can."""
    if baseline.role != current.role:
        return f"the column was {baseline.role} and is {current.role}: recompute the statistics"
    if baseline.edges != current.edges:
        return "the sides were counted over different histogram edges: recompute the statistics"
    return "" if baseline.n_present else "the baseline side holds no value to compare with"


def _test(figures: Figures, chance: Chance, variation: Variation | None, n_current: int) -> Test:
    # Not the square of the rounded distance: what is 0 there may be far in the tail.
    divergence = max(0.0, sum(cell.bits for cell in figures.cells))
    p_value = variation.p_value(divergence, chance.mean) if variation else chance.p_value(divergence)
    return Test(
        noise_floor=chance.floor,
        variation=variation.bound(chance.mean) if variation else None,
        n_windows=round(variation.n_windows, 6) if variation else None,
        n_effective=round(n_current * min(1.0, chance.mean / variation.mean), 1)
        if variation and variation.mean > 0
        else None,
        p_value=p_value,
        adjusted=p_value,
    )


def _previous(column: str, current: ColumnStatistics, name: Distance, history: History) -> float | None:
    before = history.previous.get(column)
    if before is None or not before.n or _disagreement(before, current):
        return None
    return measure_column(before, current)[0].values[name]


def _judge(
    of: ColumnDrift,
    adjusted: Mapping[str, float],
    current: ColumnStatistics | None,
    policy: DistancePolicy,
    history: History,
) -> ColumnDrift:
    if of.figures is None or of.test is None or current is None:
        return of
    figures, test = of.figures, replace(of.test, adjusted=adjusted[of.column])
    season = None
    if of.distance is not None and of.distance > of.bound:
        season = find_season(of.column, current, history.seasons, distance=of.distance_name, bound=of.bound)
    of = replace(of, test=test, season_spans=season[0] if season else None, season=season[1] if season else None)
    if not current.n_present and figures.jensen_shannon > test.noise_floor:
        verdict: Verdict = "fail"
        reason = f"there is no value any more; Jensen-Shannon distance {figures.jensen_shannon:.4f}"
    else:
        verdict, reason = _decide(of, test, policy, is_chance=figures.jensen_shannon <= test.noise_floor)
    return replace(of, check=replace(of.check, verdict=verdict, reason=reason, observed=of.distance))


def _decide(of: ColumnDrift, test: Test, policy: DistancePolicy, *, is_chance: bool) -> tuple[Verdict, str]:
    title = f"{FORMULAS[of.distance_name][0]} distance"
    if of.distance is None:
        return "undecided", f"the {title} is not defined for these values"
    if of.distance <= of.bound:
        return "pass", f"{title} {of.distance:.4f}, at most {of.bound:g}"
    return _decide_above(of, test, policy, f"{title} {of.distance:.4f}, above {of.bound:g}", is_chance=is_chance)


def _decide_above(
    of: ColumnDrift, test: Test, policy: DistancePolicy, above: str, *, is_chance: bool
) -> tuple[Verdict, str]:
    if is_chance:
        return "undecided", f"{above}, but samples this small may differ by {test.noise_floor:.4f} by chance"
    is_excused = not (isinstance(policy, SeasonalPolicy) and policy.season_is_drift)
    if of.season is not None and is_excused:
        return (
            "pass",
            f"{above}, as {of.season_spans} spans earlier or a multiple of them: season, {of.season:.4f} apart",
        )
    if test.adjusted <= policy.false_discovery_rate:
        return "fail", above
    if test.variation is None:
        return "undecided", f"{above}, but too few examples for so many columns to tell it from chance"
    return "pass", f"{above}, but windows of the training spans lie up to {test.variation:.4f} apart"
