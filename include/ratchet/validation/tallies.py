"""What one scan keeps of its batches. Each tally adds batches up; none holds examples but for uniqueness."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl
from datasketches import kll_doubles_sketch

if TYPE_CHECKING:
    from ratchet.validation.columns import Column

# 99 % of rank errors of one sketch stay below 0.28 % at this size, for about 25 KB a column.
SKETCH_K = 1024
# Distinct values that are held by their value; a column with more of them is left to the exact computation.
MAX_COUNTED = 100_000
_COMPACT_ABOVE = 1 << 20


T = TypeVar("T", bound="Tally")


class Tally:
    """One quantity over all batches: expressions of the common query, or a look at the batch itself."""

    key: Hashable

    def expressions(self) -> Sequence[pl.Expr]:
        """Return what the common query computes for it, each giving one row."""
        return ()

    def add(self, row: Sequence[Any]) -> None:
        """Take the row that the expressions gave for one batch."""

    def look(self, batch: pl.DataFrame) -> None:
        """Take one batch as it is."""


class Count(Tally):
    """How many examples an expression says yes to."""

    def __init__(self, key: Hashable, counted: pl.Expr) -> None:
        self.key, self.n = key, 0
        self._counted = counted

    def expressions(self) -> Sequence[pl.Expr]:
        """Return the count of one batch."""
        return (self._counted,)

    def add(self, row: Sequence[Any]) -> None:
        """Add one batch."""
        self.n += int(row[0] or 0)


class Moments(Tally):
    """Number, sum, extremes, mean and squared deviations of a numeric column."""

    def __init__(self, column: Column) -> None:
        self.key = ("moments", column.name)
        self._column = column
        self.n, self.mean, self.m2, self.sum = 0, 0.0, 0.0, 0
        self.low: Any = None
        self.high: Any = None

    def expressions(self) -> Sequence[pl.Expr]:
        """Return the figures of one batch."""
        values = self._column.values
        total = values.cast(pl.Int64, strict=False).sum() if self._column.kind == "whole" else values.sum()
        return (values.count(), values.mean(), values.var(ddof=0), values.min(), values.max(), total)

    def add(self, row: Sequence[Any]) -> None:
        """Merge one batch: Chan, Golub and LeVeque (1983)."""
        n, mean, variance, low, high, total = row
        if not n:
            return
        apart, merged = mean - self.mean, self.n + n
        self.m2 += variance * n + apart * apart * self.n * n / merged
        self.mean += apart * n / merged
        self.n, self.sum = merged, self.sum + total
        self.low = low if self.low is None else min(self.low, low)
        self.high = high if self.high is None else max(self.high, high)

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return max(abs(float(self.low)), abs(float(self.high))) if self.n else 0.0


class Sketch(Tally):
    """Quantiles of a numeric column within a stated error of rank."""

    def __init__(self, column: Column) -> None:
        self.key = ("sketch", column.name)
        self._column = column
        self._sketch = kll_doubles_sketch(SKETCH_K)

    def look(self, batch: pl.DataFrame) -> None:
        """Add the values of one batch."""
        values = batch.select(self._column.values.cast(pl.Float64).drop_nulls()).to_series()
        if len(values):
            self._sketch.update(values.to_numpy(writable=True))

    def around(self, rank: float) -> tuple[float, float, float] | None:
        """Return the value at a rank in [0, 1], and two values that the exact one lies between."""
        n = self._sketch.n
        if not n:
            return None
        # Twice the error of 99 % is five deviations; two ranks more for whatever interpolation is asked for.
        error = (2 * self._sketch.normalized_rank_error(False) if self._sketch.is_estimation_mode() else 0.0) + 2 / n
        ranks = [min(max(at, 0.0), 1.0) for at in (rank, rank - error, rank + error)]
        at, low, high = self._sketch.get_quantiles(ranks, True)
        return at, min(low, at), max(high, at)


class Keys(Tally):
    """64 bits a value, the same for equal values: how many are distinct, and whether all are.

    Numbers and times are their own key. Two different texts share one with a probability of n**2 / 2**65.
    """

    def __init__(self, column: Column, *, each: bool) -> None:
        self.key = ("keys", column.name, each)
        self._column, self._each = column, each
        self._parts: list[np.ndarray[Any, np.dtype[np.uint64]]] = []
        self._n_held, self._n_compacted = 0, 0
        self._counted: tuple[int, int] | None = None

    @property
    def are_values(self) -> bool:
        """Whether different values always have different keys."""
        return self._column.kind != "text"

    def look(self, batch: pl.DataFrame) -> None:
        """Add the keys of one batch."""
        keys = batch.select(_key(self._column).drop_nulls()).to_series()
        part = (keys if self._each else keys.unique()).to_numpy()
        self._parts.append(part)
        self._n_held += len(part)
        if not self._each and self._n_held > max(_COMPACT_ABOVE, 2 * self._n_compacted):
            self._parts = [np.unique(np.concatenate(self._parts))]
            self._n_held = self._n_compacted = len(self._parts[0])

    @property
    def n_distinct(self) -> int:
        """How many different keys there are."""
        return self._count()[0]

    @property
    def n_repeated(self) -> int:
        """How many examples share their key with another."""
        return self._count()[1]

    def _count(self) -> tuple[int, int]:
        if self._counted is None:
            keys = np.concatenate(self._parts) if self._parts else np.empty(0, dtype=np.uint64)
            self._parts = []
            keys.sort()
            is_first = np.ones(len(keys), dtype=bool)
            np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
            is_single = is_first & np.append(is_first[1:], True)
            self._counted = int(is_first.sum()), len(keys) - int(is_single.sum())
        return self._counted


def _key(column: Column) -> pl.Expr:
    if column.kind == "text":
        return column.values.hash(seed=0)
    if column.kind == "float":
        return (column.values + 0.0).reinterpret(signed=False)  # -0.0 equals 0.0
    if column.kind == "time":
        return column.values.to_physical().cast(pl.Int64).reinterpret(signed=False)
    whole = column.values if column.dtype == pl.UInt64 else column.values.cast(pl.Int64)
    return whole.reinterpret(signed=False)


class ValueCounts(Tally):
    """The examples of each value of one column."""

    def __init__(self, column: Column) -> None:
        self.key = ("values", column.name)
        self._column = column
        self._counts: pl.DataFrame | None = None

    def look(self, batch: pl.DataFrame) -> None:
        """Add the counts of one batch."""
        values = self._column.values.alias("value")
        counted = _counted(batch.lazy().select(values, n=pl.lit(1, dtype=pl.Int64)).drop_nulls("value"))
        self._counts = counted if self._counts is None else _counted(pl.concat([self._counts, counted]).lazy())

    @property
    def n_values(self) -> int:
        """How many values are held."""
        return 0 if self._counts is None else self._counts.height

    def take(self) -> pl.DataFrame:
        """Return the columns ``value`` and ``n``, and forget them."""
        counts, self._counts = self._counts, None
        return pl.DataFrame(schema={"value": pl.Null, "n": pl.Int64}) if counts is None else counts


class FewValueCounts(ValueCounts):
    """The examples of each value, while there are at most ``MAX_COUNTED`` of them; then nothing."""

    def __init__(self, column: Column) -> None:
        super().__init__(column)
        self.key = ("few values", column.name)
        self.is_over = False

    def look(self, batch: pl.DataFrame) -> None:
        """Add the counts of one batch."""
        if not self.is_over:
            super().look(batch)
            self.is_over = self.n_values > MAX_COUNTED
        if self.is_over:
            self.take()

    @property
    def counts(self) -> pl.DataFrame | None:
        """The columns ``value`` and ``n``, sorted by value; None if there are too many, or none at all."""
        if self._counts is None or self.is_over:
            return None
        return self._counts.sort("value")


def _counted(values: pl.LazyFrame) -> pl.DataFrame:
    return values.group_by("value").agg(pl.col("n").sum()).collect()


class Tallies:
    """All tallies of one scan, each quantity once."""

    def __init__(self) -> None:
        self._by_key: dict[Hashable, Any] = {}

    def share(self, tally: T) -> T:
        """Return the tally of this key that is already kept, or this one."""
        kept: T = self._by_key.setdefault(tally.key, tally)
        return kept

    def holds(self, key: Hashable) -> bool:
        """Say whether a quantity is kept."""
        return key in self._by_key

    def add(self, batch: pl.DataFrame) -> None:
        """Take one batch: one query for all that is an expression, then the looks."""
        asked = [(tally, tally.expressions()) for tally in self._by_key.values()]
        named = [expression.alias(f"{i}") for i, expression in enumerate(e for _, each in asked for e in each)]
        row = batch.lazy().select(named).collect().row(0) if named else ()
        start = 0
        for tally, expressions in asked:
            if expressions:
                tally.add(row[start : start + len(expressions)])
                start += len(expressions)
            tally.look(batch)
