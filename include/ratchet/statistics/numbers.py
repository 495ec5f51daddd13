"""The scan of one column of numbers, or of instants counted as seconds."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ratchet.statistics.column import ColumnStatistics
from ratchet.statistics.distinct import add_hashes, hash_numbers, new_registers
from ratchet.statistics.merging import MAX_NUMERIC_VALUES, keep_frequent
from ratchet.statistics.moments import Moments, measure_moments, merge_moments
from ratchet.statistics.quantiles import QuantileScan

if TYPE_CHECKING:
    from ratchet.statistics.column import Kind

Floats = np.ndarray[Any, np.dtype[np.float64]]

# Values worked on at a time: what is made of them stays in the processor's cache, which a whole column does not.
_CHUNK = 1 << 16
_SAMPLE = 4 * MAX_NUMERIC_VALUES
_MERGED_AT = 64


class NumberScan:
    """Counts, moments, histogram and sketches of a column, fed part by part."""

    def __init__(self, column: str, role: Kind, edges: tuple[float, ...]) -> None:
        self._column, self._role, self._edges = column, role, edges
        self._n = self._n_null = self._n_nan = self._n_infinite = self._n_zero = 0
        self._counts = np.zeros(len(edges) + 1, np.int64)
        self._moments: list[Moments] = []
        self._sketch = QuantileScan()
        self._registers = new_registers()
        self._values: Counter[float] = Counter()
        self._n_other = self._count_error = 0

    def add(self, series: pl.Series) -> None:
        """Take in the values of one batch."""
        self._n += len(series)
        self._n_null += series.null_count()
        for start in range(0, len(series), _CHUNK):
            self._add(_as_numbers(series.slice(start, _CHUNK)))

    def _add(self, numbers: Floats) -> None:
        # A copy, since the sketch takes no array that may not be written to; and -0.0 becomes 0.0.
        values = numbers + 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            total = float(values.sum())
        known = total if np.isfinite(total) else None
        if known is None:  # or else no value is NaN or infinite
            values = self._take_finite(values)
        if not len(values):
            return
        self._n_zero += len(values) - int(np.count_nonzero(values))
        self._counts += _histogram(values, self._edges)
        self._add_moments(measure_moments(values, known))
        self._sketch.add(values)
        self._count_values(values)
        add_hashes(self._registers, hash_numbers(values))

    def _take_finite(self, values: Floats) -> Floats:
        n_nan = int(np.count_nonzero(np.isnan(values)))
        finite: Floats = values[np.isfinite(values)]
        self._n_nan += n_nan
        self._n_infinite += len(values) - len(finite) - n_nan
        return finite

    def _add_moments(self, moments: Moments) -> None:
        self._moments.append(moments)
        if len(self._moments) >= _MERGED_AT:
            self._moments = [merge_moments(self._moments)]

    def _count_values(self, values: Floats) -> None:
        # Most columns of measurements are told from their first values, and never sorted.
        if len(set(values[:_SAMPLE].tolist())) > MAX_NUMERIC_VALUES:
            self._n_other += len(values)
            self._count_error += len(values)
            return
        found, counts = np.unique(values, return_counts=True)
        if len(found) > 20 * MAX_NUMERIC_VALUES:
            keep = np.argsort(-counts, kind="stable")[: 20 * MAX_NUMERIC_VALUES + 1]
            self._count_error += int(counts[keep[-1]])
            found, counts = found[keep[:-1]], counts[keep[:-1]]
            self._n_other += len(values) - int(counts.sum())
        self._values.update(dict(zip(found.tolist(), counts.tolist(), strict=True)))
        if len(self._values) > 20 * MAX_NUMERIC_VALUES:
            self._drop_rare()

    def _drop_rare(self) -> None:
        ranked = self._values.most_common()
        kept, dropped = ranked[: 4 * MAX_NUMERIC_VALUES], ranked[4 * MAX_NUMERIC_VALUES :]
        self._values = Counter(dict(kept))
        self._n_other += sum(count for _, count in dropped)
        self._count_error += dropped[0][1]

    def result(self) -> ColumnStatistics:
        """Return the statistics of what was taken in so far."""
        values = {name_number(value): count for value, count in self._values.items()}
        kept = keep_frequent(values, self._role, n_other=self._n_other, count_error=self._count_error)
        return ColumnStatistics(
            column=self._column,
            role=self._role,
            n=self._n,
            n_null=self._n_null,
            n_nan=self._n_nan,
            n_infinite=self._n_infinite,
            n_zero=self._n_zero,
            edges=self._edges,
            counts=tuple(self._counts.tolist()),
            **self._figures(),
            **kept,
            distinct_sketch=self._registers.tobytes() if kept["n_other"] else None,
        )

    def _figures(self) -> dict[str, Any]:
        if not self._moments:
            return {}
        moments = merge_moments(self._moments)
        return {
            "minimum": self._sketch.minimum,
            "maximum": self._sketch.maximum,
            "mean": moments.mean,
            "m2": moments.m2,
            "m3": moments.m3,
            "m4": moments.m4,
            "sketch": self._sketch.to_bytes(),
        }


def name_number(value: float) -> str:
    """Return a number as text that reads back as the same number; a whole one has no decimals."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)


def _as_numbers(series: pl.Series) -> Floats:
    present = series.drop_nulls() if series.null_count() else series
    if present.dtype == pl.Date or isinstance(present.dtype, pl.Datetime):
        present = present.dt.epoch("us").cast(pl.Float64) / 1e6
    numbers: Floats = present.cast(pl.Float64).to_numpy()
    return numbers


def _histogram(values: Floats, edges: tuple[float, ...]) -> np.ndarray[Any, np.dtype[np.int64]]:
    # One comparison an edge costs a fifth of one binary search an example.
    below = [0, *(int(np.count_nonzero(values < edge)) for edge in edges), len(values)]
    return np.array([high - low for low, high in pairwise(below)], np.int64)
