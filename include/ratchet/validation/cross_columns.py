"""What always held between columns: equalities, orders, constant sums.

An order that the ranges of both columns imply, or that values paired by chance would keep as well, says nothing of a
row: it is proposed only where one pair of twenty would break it if the columns had nothing to do with each other.
A sum of one column that equals another (``c = a + b``) has no native expectation; derive the difference as a feature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

MIN_TOGETHER = 100
_BROKEN_BY_CHANCE = 0.05
_MAX_COLUMNS = 40
_SAMPLE = 2_000
_Floats = np.ndarray[Any, np.dtype[np.float64]]
Proposal = tuple[str, dict[str, Any]]


def propose_cross_columns(frame: pl.DataFrame, numeric: Sequence[str]) -> Iterator[Proposal]:
    """Yield the comment and the keys of each expectation that every example of the frame meets."""
    names = [name for name in numeric if _varies(frame[name])][:_MAX_COLUMNS]
    held = {name: _numbers(frame[name]) for name in names}
    for a, b in combinations(names, 2):
        together = ~(np.isnan(held[a]) | np.isnan(held[b]))
        if together.sum() < MIN_TOGETHER:
            continue
        yield from _pair(a, b, held[a][together], held[b][together])
    for three in combinations(names[:12], 3):
        yield from _sum(three, [held[name] for name in three])


def _varies(series: pl.Series) -> bool:
    return series.dtype.is_numeric() and series.drop_nulls().n_unique() > 1


def _numbers(series: pl.Series) -> _Floats:
    numbers: _Floats = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _pair(a: str, b: str, x: _Floats, y: _Floats) -> Iterator[Proposal]:
    together = {"ignore_row_if": "either_value_is_missing"}
    n = f"in each of {len(x):,} examples that hold both"
    if (x == y).all():
        keys = {"expect": "expect_column_pair_values_to_be_equal", "column_A": a, "column_B": b, **together}
        yield f"equal {n}", keys
        return
    for (larger, high), (smaller, low) in (((a, x), (b, y)), ((b, y), (a, x))):
        if (high >= low).all() and _would_break(high, low):
            pair = {"column_A": larger, "column_B": smaller, "or_equal": True, **together}
            yield f"held {n}", {"expect": "expect_column_pair_values_a_to_be_greater_than_b", **pair}
    yield from _sum((a, b), [x, y])


def _would_break(high: _Floats, low: _Floats) -> bool:
    """Return whether values paired by chance would break the order often enough for it to mean something."""
    chance = np.random.default_rng(0)
    drawn = min(len(high), _SAMPLE)
    paired = chance.choice(high, drawn) < chance.choice(low, drawn)
    return bool(paired.mean() >= _BROKEN_BY_CHANCE)


def _sum(names: Sequence[str], columns: Sequence[_Floats]) -> Iterator[Proposal]:
    values = np.stack(columns, axis=1)
    values = values[~np.isnan(values).any(axis=1)]
    # Whole numbers only: sums of broken ones differ in their last digit.
    if len(values) < MIN_TOGETHER or (values[0].sum() != values[1].sum()) or not (values == np.rint(values)).all():
        return
    totals = values.sum(axis=1)
    if (totals == totals[0]).all() and all(np.ptp(column) > 0 for column in values.T):
        keys = {"expect": "expect_multicolumn_sum_to_equal", "column_list": list(names), "sum_total": int(totals[0])}
        yield f"summed up to it in each of {len(values):,} examples", keys | {"ignore_row_if": "any_value_is_missing"}
