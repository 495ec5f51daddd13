"""Which of the versions that were trained stand for which age, a step of spans apart. Pure arithmetic.

Nights are those whose number is a multiple of the step, and a night's version is the newest one trained since the night
before it: told to within a step. Steps are doubled, so that a coarser grid keeps versions of a finer one, and what was
scored once serves as the history grows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.spans.calendar import Calendar

# Versions that are held in memory and scored on each new span, at the most.
MAX_NIGHTS = 12
# Below that a coarser grid is looked at: a night on which nothing was trained leaves a hole in the finer one.
_ENOUGH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class AgeGrid:
    """Nights one step apart, oldest first, each with the version that stands for it."""

    step_spans: int
    versions: Mapping[str, str]


def choose_nights(
    trained: Mapping[str, str], calendar: Calendar, last: str, *, every_spans: int, horizon_spans: int
) -> AgeGrid:
    """Return the longest run of nights up to ``last`` without a hole.

    Parameters
    ----------
    trained : mapping of str to str
        Night to version. Those after ``last`` and those more than ``horizon_spans`` before it are left out.
    every_spans : int
        Spans from one scheduled training to the next: the finest step.

    Returns
    -------
    AgeGrid
        At most ``MAX_NIGHTS`` nights; none where nothing was trained.
    """
    earliest = calendar.shift(last, -horizon_spans)
    there = sorted(night for night in trained if earliest <= night <= last)
    if not there:
        return AgeGrid(step_spans=every_spans, versions={})
    history = calendar.distance(there[0], last) + 1
    steps = [every_spans]
    while steps[-1] < history:
        steps.append(steps[-1] * 2)
    reaching = [step for step in steps if step * MAX_NIGHTS >= history]
    grids = [_unbroken(trained, there, calendar, last, step) for step in reaching]
    enough = [grid for grid in grids if len(grid.versions) >= _ENOUGH]
    return enough[0] if enough else max(grids, key=lambda grid: len(grid.versions))


def _unbroken(trained: Mapping[str, str], there: list[str], calendar: Calendar, last: str, step: int) -> AgeGrid:
    """Return the newest nights of one step, back to the first that nothing was trained for."""
    versions: dict[str, str] = {}
    night = calendar.latest_nth(last, step)
    while night >= there[0] and len(versions) < MAX_NIGHTS:
        before = calendar.shift(night, -step)
        block = [one for one in there if before < one <= night]
        if block:
            versions[night] = trained[block[-1]]
        elif versions:
            break
        night = before
    return AgeGrid(step_spans=step, versions=dict(sorted(versions.items())))
