"""The cells that two sides of one column are counted over: bins or values, and those of what is no value."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.statistics.column import ColumnStatistics

OTHER = "(other)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Counts of both sides over the same named cells; what is neither null nor a number has cells of its own."""

    names: tuple[str, ...]
    baseline: tuple[int, ...]
    current: tuple[int, ...]


def align_cells(baseline: ColumnStatistics, current: ColumnStatistics) -> Cells:
    """Return the counts of both sides over common cells.

    A value that one side no longer counts apart joins "(other)" on both: joining cells never adds distance, so
    values that were dropped from the counts cannot look like drift.

    Raises
    ------
    ValueError
        If the sides differ in column, role or histogram edges.
    """
    if (baseline.column, baseline.role, baseline.edges) != (current.column, current.role, current.edges):
        raise ValueError(f"{baseline.column!r} and {current.column!r} differ in column, role or histogram edges.")
    rows = _bins(baseline, current) if baseline.role == "numeric" else _values(baseline, current)
    rows.append(("(null)", baseline.n_null, current.n_null))
    if baseline.role == "numeric":
        rows.append(("(nan)", baseline.n_nan, current.n_nan))
        rows.append(("(infinite)", baseline.n_infinite, current.n_infinite))
    names, left, right = zip(*rows, strict=True)
    return Cells(names=names, baseline=left, current=right)


def _bins(baseline: ColumnStatistics, current: ColumnStatistics) -> list[tuple[str, int, int]]:
    edges = [f"{edge:.6g}" for edge in baseline.edges]
    if len(set(edges)) < len(edges):
        edges = [repr(edge) for edge in baseline.edges]
    inner = [f"[{low}, {high})" for low, high in pairwise(edges)]
    names = [f"below {edges[0]}", *inner, f"from {edges[-1]}"] if edges else ["any number"]
    return list(zip(names, baseline.counts, current.counts, strict=True))


def _values(baseline: ColumnStatistics, current: ColumnStatistics) -> list[tuple[str, int, int]]:
    known = dict.fromkeys((*baseline.values, *current.values))
    apart = [
        value
        for value in known
        if (value in baseline.values or not baseline.n_other) and (value in current.values or not current.n_other)
    ]
    rows = [(value, baseline.values.get(value, 0), current.values.get(value, 0)) for value in apart]
    if len(apart) < len(known) or baseline.n_other or current.n_other:
        left, right = (
            side.n_present - sum(counts)
            for side, counts in ((baseline, [row[1] for row in rows]), (current, [row[2] for row in rows]))
        )
        rows.append((OTHER, left, right))
    return rows
