"""What counts as drift: the distance of each column to its baseline, held against a bound.

Both sides are stored statistics; no example is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ratchet.drift.cells import Cells, align_cells
from ratchet.drift.distances import Floats, ks, measure_distances
from ratchet.drift.noise import noise_floor
from ratchet.drift.results import ColumnDrift, Contribution, DriftResult
from ratchet.verdicts import Check, Verdict

if TYPE_CHECKING:
    from ratchet.spec.watching import Drift
    from ratchet.statistics.column import ColumnStatistics

_N_CONTRIBUTIONS = 3


def compare_columns(
    baseline: Mapping[str, ColumnStatistics], current: Mapping[str, ColumnStatistics], policy: Drift
) -> DriftResult:
    """Return the verdict on every column of either side, and on every column that the policy names.

    A column is undecided when a side has no statistics of it, fewer than ``policy.min_examples`` examples (whatever
    their value) or no value to start from, and when the sides were counted differently. Otherwise its Jensen-Shannon
    distance over bins or values, null included, is held against its bound:

    - at the bound or below it passes;
    - above it fails, unless two samples of these sizes from one distribution lie as far apart by chance
      (``noise_floor``): then it is undecided, for more examples are needed to tell;
    - a column that had values and has none any more fails, however few there were, unless chance explains it.

    Parameters
    ----------
    baseline, current : mapping of str to ColumnStatistics
        By column: the spans that the champion was trained on, and the newest spans.
    """
    columns = dict.fromkeys((*baseline, *current, *policy.columns))
    return DriftResult(
        columns=tuple(_compare(column, baseline.get(column), current.get(column), policy) for column in columns)
    )


def _compare(
    column: str, baseline: ColumnStatistics | None, current: ColumnStatistics | None, policy: Drift
) -> ColumnDrift:
    bound = policy.columns[column].max_distance if column in policy.columns else policy.max_distance
    n_baseline, n_current = baseline.n if baseline else 0, current.n if current else 0
    obstacle = _lacks("baseline", baseline, policy.min_examples) or _lacks("current", current, policy.min_examples)
    if baseline is not None and current is not None:
        obstacle = obstacle or _disagreement(baseline, current)
    if obstacle or baseline is None or current is None:
        check = Check(name=f"drift of {column}", verdict="undecided", reason=obstacle, bound=bound)
        return ColumnDrift(column=column, check=check, bound=bound, n_baseline=n_baseline, n_current=n_current)
    cells = align_cells(baseline, current)
    left, right = np.array(cells.baseline, dtype=np.float64), np.array(cells.current, dtype=np.float64)
    distances, floor = measure_distances(left, right), noise_floor(left, right)
    distance = distances.jensen_shannon
    verdict, reason = _decide(distance, bound, floor, has_vanished=not current.n_present)
    return ColumnDrift(
        column=column,
        check=Check(name=f"drift of {column}", verdict=verdict, reason=reason, observed=distance, bound=bound),
        bound=bound,
        n_baseline=n_baseline,
        n_current=n_current,
        distance=distance,
        noise_floor=floor,
        linf=distances.linf,
        psi=distances.psi,
        ks=ks(baseline.sketch, current.sketch) if baseline.sketch and current.sketch else None,
        contributions=_largest_parts(cells, distances.parts),
    )


def _lacks(side: str, statistics: ColumnStatistics | None, min_examples: int) -> str:
    """Return what one side lacks to be compared; nothing when it is fit for it."""
    if statistics is None:
        return f"the {side} side has no statistics of this column in every span"
    if statistics.n < min_examples:
        return f"the {side} side has {statistics.n} examples, fewer than {min_examples}"
    return ""


def _disagreement(baseline: ColumnStatistics, current: ColumnStatistics) -> str:
    """Return why two sides that have enough examples cannot be compared; nothing when they can."""
    if baseline.role != current.role:
        return f"the column was {baseline.role} and is {current.role}: recompute the statistics"
    if baseline.edges != current.edges:
        return "the sides were counted over different histogram edges: recompute the statistics"
    return "" if baseline.n_present else "the baseline side holds no value to compare with"


def _decide(distance: float, bound: float, floor: float, *, has_vanished: bool) -> tuple[Verdict, str]:
    if has_vanished and distance > floor:
        return "fail", f"there is no value any more; Jensen-Shannon distance {distance:.4f}"
    if distance <= bound:
        return "pass", f"Jensen-Shannon distance {distance:.4f}, at most {bound:g}"
    if distance <= floor:
        return "undecided", (
            f"Jensen-Shannon distance {distance:.4f}, above {bound:g}, "
            f"but samples this small may differ by {floor:.4f} by chance"
        )
    return "fail", f"Jensen-Shannon distance {distance:.4f}, above {bound:g}"


def _largest_parts(cells: Cells, parts: Floats) -> tuple[Contribution, ...]:
    bits = parts.tolist()
    largest = sorted(range(len(bits)), key=lambda i: -bits[i])[:_N_CONTRIBUTIONS]
    return tuple(
        Contribution(
            cell=cells.names[i],
            n_baseline=cells.baseline[i],
            n_current=cells.current[i],
            bits=round(bits[i], 12),
        )
        for i in largest
        if bits[i] > 0
    )
