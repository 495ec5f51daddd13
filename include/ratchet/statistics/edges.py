"""Histogram edges: fixed once from the first spans and kept in the model folder as ``histograms.yaml``.

Counts over fixed edges add up; counts over edges that move with the data do not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from ratchet.errors import DataError, SpecError
from ratchet.spec.yaml_source import YamlSource, read_yaml

SCHEMA_VERSION = 1
HISTOGRAMS = "histograms.yaml"  # in a model folder
N_QUANTILES = 13
# Edges beyond what the first spans held, in ranges of it: without them, all of a summer is one bin of January's.
_BEYOND = (0.25, 0.5, 1.0)
Floats = np.ndarray[Any, np.dtype[np.float64]]

_HEADER = "# Histogram edges by column. An edit makes the statistics of every span stale: recompute them all.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramEdges:
    """The inner edges of every numeric column, and the spans they were chosen from.

    A bin holds the values from its lower edge up to, and without, the next; the first and the last are open.
    """

    spans: tuple[str, ...]
    edges: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        for column, edges in self.edges.items():
            check_edges(column, edges)


def check_edges(column: str, edges: Sequence[float]) -> None:
    """Raise ValueError unless there is an edge and all are finite and ascending without repetition."""
    ascending = all(low < high for low, high in pairwise(edges))
    if not edges or not ascending or not all(math.isfinite(edge) for edge in edges):
        raise ValueError(f"The edges of {column!r} must be finite and ascending, at least one. Got {list(edges)[:20]}.")


def choose_edges(frame: pl.DataFrame, numeric_columns: Iterable[str]) -> dict[str, tuple[float, ...]]:
    """Return up to 19 edges for each column: 13 between the values seen, three below them and three above.

    Those between are quantiles, and where these coincide, quantiles of the distinct values as well: they keep the
    tail of a column visible that is nearly always 0. A constant column gets two edges, so that a value below and a
    value above are seen.

    Raises
    ------
    DataError
        If a column is not there, is not numeric, or holds no finite value.
    """
    return {column: _choose(column, _finite_values(frame, column)) for column in numeric_columns}


def _finite_values(frame: pl.DataFrame, column: str) -> Floats:
    if column not in frame.columns:
        raise DataError(
            f"There is no column {column!r} to choose histogram edges for. Seen: {', '.join(frame.columns)}."
        )
    series = frame[column]
    if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
        raise DataError(f"Column {column!r} must be numeric to have histogram edges. Got {series.dtype}.")
    values: Floats = series.cast(pl.Float64).drop_nulls().to_numpy()
    finite: Floats = values[np.isfinite(values)]
    return finite


def _choose(column: str, values: Floats) -> tuple[float, ...]:
    if not len(values):
        raise DataError(
            f"Column {column!r} holds no finite value, so it has no histogram edges. "
            "Take it out of the features, or choose the edges from spans that hold it."
        )
    distinct = np.unique(values + 0.0)  # -0.0 and 0.0 are one edge
    low, high = distinct[0], distinct[-1]
    if low == high:
        return (float(low), float(np.nextafter(low, np.inf)))
    inner = _quantiles(values, N_QUANTILES, low)
    if len(inner) < N_QUANTILES:
        inner = np.union1d(inner, _quantiles(distinct[1:], N_QUANTILES - len(inner), low))
    with np.errstate(over="ignore"):
        steps = (high - low) * np.array(_BEYOND)
        edges = np.unique(np.concatenate([low - steps, inner, high + steps]))
    return tuple(float(edge) for edge in edges[np.isfinite(edges)])


def _quantiles(values: Floats, n: int, low: float) -> Floats:
    # Nearest, not interpolated: an edge is a value that occurs. One at the minimum would part nothing.
    edges: Floats = np.unique(np.quantile(values, np.linspace(0, 1, n + 2)[1:-1], method="nearest"))
    inner: Floats = edges[edges > low] + 0.0
    return inner


def dump_edges(histograms: HistogramEdges) -> str:
    """Return the text of ``histograms.yaml``."""
    values = {
        "schema_version": SCHEMA_VERSION,
        "spans": list(histograms.spans),
        "edges": {column: list(edges) for column, edges in sorted(histograms.edges.items())},
    }
    return _HEADER + yaml.dump(values, Dumper=yaml.CSafeDumper, sort_keys=False, width=120, default_flow_style=None)


def load_edges(path: Path) -> HistogramEdges:
    """Return the edges that ``dump_edges`` wrote.

    Raises
    ------
    SpecError
        If the file is not there or is not of that form; the message names file, line and key.
    """
    source = read_yaml(path)
    values = source.values
    known = ("schema_version", "spans", "edges")
    if not isinstance(values, dict) or set(values) != set(known):
        seen = ", ".join(values) if isinstance(values, dict) else type(values).__name__
        raise SpecError(source.place((), f"must hold the keys {', '.join(known)}, no others. Got {seen}."))
    if values["schema_version"] != SCHEMA_VERSION or isinstance(values["schema_version"], bool):
        raise SpecError(
            source.place(("schema_version",), f"must be {SCHEMA_VERSION}. Got {values['schema_version']!r}.")
        )
    spans, edges = values["spans"], values["edges"]
    if not isinstance(spans, list) or not all(isinstance(span, str) for span in spans):
        raise SpecError(source.place(("spans",), f"must be a list of span keys. Got {spans!r}."))
    if not isinstance(edges, dict):
        raise SpecError(source.place(("edges",), f"must map columns to lists of numbers. Got {edges!r}."))
    return HistogramEdges(spans=tuple(spans), edges={column: _parse(source, column, edges[column]) for column in edges})


def _parse(source: YamlSource, column: str, edges: object) -> tuple[float, ...]:
    at = ("edges", column)
    # bool is an int in Python: `- true` would become the edge 1.0.
    if not isinstance(edges, list) or not all(type(edge) in (int, float) for edge in edges):
        raise SpecError(source.place(at, f"must be a list of numbers. Got {edges!r}."))
    parsed = tuple(float(edge) for edge in edges)
    try:
        check_edges(column, parsed)
    except ValueError as error:
        raise SpecError(source.place(at, str(error))) from None
    return parsed
