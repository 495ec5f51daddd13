"""All statistics of a frame from one Polars scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from datasketches import kll_doubles_sketch

from ratchet.errors import DataError
from ratchet.statistics.column import ColumnStatistics
from ratchet.statistics.edges import check_edges
from ratchet.statistics.merging import MAX_VALUES, SKETCH_K, keep_frequent, sketch_distinct

if TYPE_CHECKING:
    from ratchet.spec.features import Role

Floats = np.ndarray[Any, np.dtype[np.float64]]


def scan_statistics(
    frame: pl.DataFrame | pl.LazyFrame, roles: Mapping[str, Role], edges: Mapping[str, Sequence[float]]
) -> dict[str, ColumnStatistics]:
    """Return the statistics of each column in ``roles``, by column; of no example when the frame is empty.

    Parameters
    ----------
    frame : polars DataFrame or LazyFrame
        Collected once, and only these columns of it, which are held in memory. Where that is too much, scan parts
        and merge.
    roles : mapping of str to {"numeric", "categorical"}
        What each column counts as. A numeric column may be Boolean; a categorical one is counted by its text.
    edges : mapping of str to sequence of float
        Inner histogram edges of every numeric column; those of other columns are not looked at.

    Raises
    ------
    DataError
        If a column is not there, is of a type that its role cannot hold, or is numeric and has no edges.
    """
    lazy = frame.lazy()
    schema = lazy.collect_schema()
    for column, role in roles.items():
        _check_type(column, role, schema)
    chosen = {column: _edges_of(column, edges) for column, role in roles.items() if role == "numeric"}
    held = lazy.select(*(pl.col(column) for column in roles)).collect()
    return {
        column: _scan_numeric(held[column], chosen[column]) if role == "numeric" else _scan_categorical(held[column])
        for column, role in roles.items()
    }


def _check_type(column: str, role: Role, schema: pl.Schema) -> None:
    if column not in schema:
        raise DataError(f"Column {column!r} is not there. Seen: {', '.join(schema)}.")
    dtype = schema[column]
    if role == "numeric" and not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"Column {column!r} must be numeric, as its role says. Got {dtype}.")
    if role == "categorical" and (dtype.is_nested() or dtype in (pl.Binary, pl.Object)):
        raise DataError(f"Column {column!r} must hold plain values to be categorical. Got {dtype}.")


def _edges_of(column: str, edges: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    if column not in edges:
        raise DataError(f"Column {column!r} is numeric and has no histogram edges. Choose them once, then scan.")
    chosen = tuple(float(edge) for edge in edges[column])
    check_edges(column, chosen)
    return chosen


def _scan_numeric(series: pl.Series, edges: tuple[float, ...]) -> ColumnStatistics:
    # Writable, since the sketch takes no other array; that copies once.
    values: Floats = series.cast(pl.Float64).drop_nulls().to_numpy(writable=True)
    is_finite = np.isfinite(values)
    finite = values if is_finite.all() else values[is_finite]
    n_nan = int(np.count_nonzero(np.isnan(values))) if len(finite) < len(values) else 0
    return ColumnStatistics(
        column=series.name,
        role="numeric",
        n=len(series),
        n_null=series.null_count(),
        n_nan=n_nan,
        n_infinite=len(values) - len(finite) - n_nan,
        n_zero=len(finite) - int(np.count_nonzero(finite)),
        edges=edges,
        counts=_histogram(finite, edges),
        **_moments(finite),
    )


def _histogram(finite: Floats, edges: tuple[float, ...]) -> tuple[int, ...]:
    # One comparison an edge costs a fifth of one binary search an example.
    below = [0, *(int(np.count_nonzero(finite < edge)) for edge in edges), len(finite)]
    return tuple(high - low for low, high in pairwise(below))


def _moments(finite: Floats) -> dict[str, Any]:
    if not len(finite):
        return {}
    sketch = kll_doubles_sketch(SKETCH_K)
    sketch.update(finite)
    with np.errstate(over="ignore", invalid="ignore"):  # values near 1e308 have an infinite variance, and it says so
        mean, m2 = float(finite.mean()), float(finite.var()) * len(finite)
    return {
        "minimum": float(finite.min()),
        "maximum": float(finite.max()),
        "mean": mean,
        "m2": m2,
        "sketch": bytes(sketch.serialize()),
    }


def _scan_categorical(series: pl.Series) -> ColumnStatistics:
    # The lazy group-by takes a third less than value_counts.
    counted = series.alias("value").drop_nulls().to_frame().lazy().group_by("value").agg(pl.len().alias("n")).collect()
    # Text is made of the distinct values only: casting a million numbers costs more than counting them.
    texts, counts = counted["value"].cast(pl.String).to_list(), counted["n"].to_list()
    values: dict[str, int] = dict(zip(texts, counts, strict=True))
    return ColumnStatistics(
        column=series.name,
        role="categorical",
        n=len(series),
        n_null=series.null_count(),
        distinct_sketch=sketch_distinct(values) if len(values) > MAX_VALUES else None,
        **keep_frequent(values),
    )
