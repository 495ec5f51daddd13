"""How the statistics of parts become those of the whole.

Pure: no frame, file or clock. Counts, minimum, maximum and histograms merge exactly; mean and variance to float
rounding; quantiles within the error that the sketch states; values within ``count_error``. The order never matters
beyond that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from datasketches import hll_sketch, hll_union, kll_doubles_sketch

from ratchet.errors import DataError
from ratchet.statistics.column import ColumnStatistics

# 99 % of rank errors stay below 1.05 % at k = 256, for about 3 KB a span of 1,000 examples.
SKETCH_K = 256
# Values of a categorical column that are counted apart; beyond them the rarest are counted together.
MAX_VALUES = 1000
_HLL_LG_K = 11  # 2.3 % standard error


def merge(a: ColumnStatistics, b: ColumnStatistics) -> ColumnStatistics:
    """Return the statistics of the examples of both."""
    return merge_all([a, b])


def merge_all(parts: Sequence[ColumnStatistics]) -> ColumnStatistics:
    """Return the statistics of the examples of all parts, which must not overlap.

    Raises
    ------
    DataError
        If the parts are of different columns or roles, or were counted over different edges.
    ValueError
        If there is no part.
    """
    if not parts:
        raise ValueError("merge_all needs at least one part, got none.")
    first = parts[0]
    for part in parts:
        _check_mergeable(first, part)
    if len(parts) == 1:
        return first
    counted = {
        name: sum(getattr(part, name) for part in parts) for name in ("n", "n_null", "n_nan", "n_infinite", "n_zero")
    }
    merged = _merge_numeric(parts) if first.role == "numeric" else _merge_categorical(parts)
    return ColumnStatistics(column=first.column, role=first.role, **counted, **merged)


def _check_mergeable(a: ColumnStatistics, b: ColumnStatistics) -> None:
    if (a.column, a.role) != (b.column, b.role):
        raise DataError(
            f"Only statistics of one column in one role can be merged. "
            f"Got {a.column!r} ({a.role}) and {b.column!r} ({b.role})."
        )
    if a.edges != b.edges:
        raise DataError(
            f"The statistics of {a.column!r} were counted over different histogram edges "
            f"({a.edges_digest[:12]} and {b.edges_digest[:12]}). Recompute the older ones over the present edges."
        )


def _merge_numeric(parts: Sequence[ColumnStatistics]) -> dict[str, Any]:
    filled = [part for part in parts if part.n_present]
    counts: list[int] = np.array([part.counts for part in parts], dtype=np.int64).sum(axis=0).tolist()
    merged: dict[str, Any] = {"edges": parts[0].edges, "counts": tuple(counts)}
    if not filled:
        return merged
    mean, m2 = _merge_moments(filled)
    minimum = min(part.minimum for part in filled if part.minimum is not None)
    maximum = max(part.maximum for part in filled if part.maximum is not None)
    sketch = merge_sketches(part.sketch for part in filled if part.sketch is not None)
    return merged | {"minimum": minimum, "maximum": maximum, "mean": mean, "m2": m2, "sketch": sketch}


def _merge_moments(filled: Sequence[ColumnStatistics]) -> tuple[float, float]:
    """Return mean and sum of squared deviations: Chan, Golub and LeVeque (1983), for any number of parts.

    A sum that is rounded once does not depend on the order of the parts.
    """
    n = sum(part.n_present for part in filled)
    means = [part.mean if part.mean is not None else math.nan for part in filled]
    mean = _sum(part.n_present / n * of for part, of in zip(filled, means, strict=True))
    between = _sum(part.n_present * (of - mean) * (of - mean) for part, of in zip(filled, means, strict=True))
    return mean, _sum([between, *(part.m2 for part in filled)])


def _sum(terms: Iterable[float]) -> float:
    terms = list(terms)
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):  # finite values near 1e308: the plain sum says inf or nan, which is what it is
        return float(sum(terms))


def merge_sketches(sketches: Iterable[bytes]) -> bytes:
    """Return the KLL sketch of the values of all sketches."""
    merged = kll_doubles_sketch(SKETCH_K)
    for sketch in sketches:
        merged.merge(kll_doubles_sketch.deserialize(sketch))
    return bytes(merged.serialize())


def _merge_categorical(parts: Sequence[ColumnStatistics]) -> dict[str, Any]:
    values: Counter[str] = Counter()
    for part in parts:
        values.update(part.values)
    n_other = sum(part.n_other for part in parts)
    count_error = sum(part.count_error for part in parts)
    sketch = _merge_distinct(parts) if n_other or len(values) > MAX_VALUES else None
    return keep_frequent(values, n_other=n_other, count_error=count_error) | {"distinct_sketch": sketch}


def keep_frequent(values: Mapping[str, int], *, n_other: int = 0, count_error: int = 0) -> dict[str, Any]:
    """Return ``values``, ``n_other`` and ``count_error`` with at most ``MAX_VALUES`` values, the most frequent.

    A value dropped from the counts occurs at most as often as the most frequent one dropped, and what its parts
    may have missed before: the errors add up.
    """
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    kept, dropped = ranked[:MAX_VALUES], ranked[MAX_VALUES:]
    if dropped:
        n_other += sum(count for _, count in dropped)
        count_error += dropped[0][1]
    return {"values": dict(kept), "n_other": n_other, "count_error": count_error}


def _merge_distinct(parts: Sequence[ColumnStatistics]) -> bytes:
    union = hll_union(_HLL_LG_K)
    for part in parts:
        sketch = part.distinct_sketch or sketch_distinct(part.values)
        union.update(hll_sketch.deserialize(sketch))
    return bytes(union.get_result().serialize_compact())


def sketch_distinct(values: Iterable[str]) -> bytes:
    """Return the HyperLogLog sketch of these values."""
    sketch = hll_sketch(_HLL_LG_K)
    for value in values:
        sketch.update(value)
    return bytes(sketch.serialize_compact())
