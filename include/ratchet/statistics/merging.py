"""How the statistics of parts become those of the whole.

Pure: no frame, file or clock. Counts, minimum, maximum, histograms and text lengths merge exactly; moments to float
rounding; quantiles within the error that the sketch states; values within ``count_error``; distinct values to the
registers that one scan of the whole would hold. The order never matters beyond that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from datasketches import kll_doubles_sketch

from ratchet.errors import DataError
from ratchet.statistics.column import ColumnStatistics, TextLengths
from ratchet.statistics.distinct import add_hashes, hash_numbers, hash_texts, new_registers
from ratchet.statistics.moments import merge_moments
from ratchet.statistics.quantiles import SKETCH_K

if TYPE_CHECKING:
    from ratchet.statistics.column import Kind
    from ratchet.statistics.distinct import Registers

# Values of a categorical column that are counted apart; beyond them the rarest are counted together.
MAX_VALUES = 1000
# Of a numeric column: codes and counts have few values, measurements have none worth naming.
MAX_NUMERIC_VALUES = 50


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
    numbers = _merge_numbers(parts) if first.is_number else {"lengths": _merge_lengths(parts)}
    return ColumnStatistics(column=first.column, role=first.role, **counted, **numbers, **_merge_values(parts))


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


def _merge_numbers(parts: Sequence[ColumnStatistics]) -> dict[str, Any]:
    filled = [part for part in parts if part.n_present]
    counts: list[int] = np.array([part.counts for part in parts], dtype=np.int64).sum(axis=0).tolist()
    merged: dict[str, Any] = {"edges": parts[0].edges, "counts": tuple(counts)}
    if not filled:
        return merged
    moments = merge_moments([part.moments for part in filled if part.moments is not None])
    return merged | {
        "minimum": min(part.minimum for part in filled if part.minimum is not None),
        "maximum": max(part.maximum for part in filled if part.maximum is not None),
        "mean": moments.mean,
        "m2": moments.m2,
        "m3": moments.m3,
        "m4": moments.m4,
        "sketch": merge_sketches(part.sketch for part in filled if part.sketch is not None),
    }


def merge_sketches(sketches: Iterable[bytes]) -> bytes:
    """Return the KLL sketch of the values of all sketches."""
    merged = kll_doubles_sketch(SKETCH_K)
    for sketch in sketches:
        merged.merge(kll_doubles_sketch.deserialize(sketch))
    return bytes(merged.serialize())


def _merge_lengths(parts: Sequence[ColumnStatistics]) -> TextLengths | None:
    known = [part.lengths for part in parts if part.lengths is not None]
    if not known:
        return None
    return TextLengths(
        shortest=min(part.shortest for part in known),
        longest=max(part.longest for part in known),
        total=sum(part.total for part in known),
    )


def _merge_values(parts: Sequence[ColumnStatistics]) -> dict[str, Any]:
    values: Counter[str] = Counter()
    for part in parts:
        values.update(part.values)
    n_other, count_error = sum(part.n_other for part in parts), sum(part.count_error for part in parts)
    role = parts[0].role
    sketch = _merge_distinct(parts) if n_other or len(values) > max_values(role) else None
    return keep_frequent(values, role, n_other=n_other, count_error=count_error) | {"distinct_sketch": sketch}


def max_values(role: Kind) -> int:
    """Return how many values are counted apart: none of an entity, whose values name persons and things."""
    return {"categorical": MAX_VALUES, "entity": 0}.get(role, MAX_NUMERIC_VALUES)


def keep_frequent(
    values: Mapping[str, int], role: Kind = "categorical", *, n_other: int = 0, count_error: int = 0
) -> dict[str, Any]:
    """Return ``values``, ``n_other`` and ``count_error`` with the most frequent values, as many as the role keeps.

    A value dropped from the counts occurs at most as often as the most frequent one dropped, and what its parts
    may have missed before: the errors add up.
    """
    ranked = sorted(values.items(), key=lambda item: (-item[1], item[0]))
    kept, dropped = ranked[: max_values(role)], ranked[max_values(role) :]
    if dropped:
        n_other += sum(count for _, count in dropped)
        count_error += dropped[0][1]
    return {"values": dict(kept), "n_other": n_other, "count_error": count_error}


def _merge_distinct(parts: Sequence[ColumnStatistics]) -> bytes:
    merged = new_registers()
    for part in parts:
        np.maximum(merged, _registers(part), out=merged)
    return merged.tobytes()


def _registers(part: ColumnStatistics) -> Registers:
    if part.distinct_sketch is not None:
        return np.frombuffer(part.distinct_sketch, np.uint8)
    return sketch_distinct(part.values, part.role)


def sketch_distinct(values: Iterable[str], role: Kind = "categorical") -> Registers:
    """Return the HyperLogLog registers of these values, as a scan of a column in that role makes them."""
    registers = new_registers()
    is_text = role in ("categorical", "entity")
    add_hashes(registers, hash_texts(values) if is_text else hash_numbers(np.array([*map(float, values)], float)))
    return registers
