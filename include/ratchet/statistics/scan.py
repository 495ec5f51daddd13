"""All statistics of a span from one scan of it, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

from ratchet.errors import DataError
from ratchet.statistics.edges import check_edges
from ratchet.statistics.numbers import NumberScan
from ratchet.statistics.texts import TextScan

if TYPE_CHECKING:
    import pyarrow as pa

    from ratchet.statistics.column import ColumnStatistics, Kind

Batch: TypeAlias = "pl.DataFrame | pa.RecordBatch | pa.Table"

# Rows of a batch that a LazyFrame is collected in: large enough that a group-by pays, small enough to stay in memory.
BATCH_ROWS = 250_000


class StatisticsScan:
    """A scan under way: fed batch by batch, of which nothing is kept but counts and sketches.

    Parameters
    ----------
    roles : mapping of str to {"numeric", "categorical", "time", "entity"}
        What each column counts as. A numeric column may be Boolean; a categorical one is counted by its text.
    edges : mapping of str to sequence of float
        Inner histogram edges of every numeric column; those of other columns are not looked at.

    Raises
    ------
    DataError
        If a numeric column has no edges; in ``add``, if a column is not there or its type is none of its role's.
    """

    def __init__(self, roles: Mapping[str, Kind], edges: Mapping[str, Sequence[float]]) -> None:
        self._roles = dict(roles)
        self._scans: dict[str, NumberScan | TextScan] = {
            column: NumberScan(column, role, _edges_of(column, role, edges))
            if role in ("numeric", "time")
            else TextScan(column, role)
            for column, role in roles.items()
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a batch must hold."""
        return tuple(self._roles)

    def check(self, schema: Mapping[str, pl.DataType]) -> None:
        """Raise DataError unless a batch of this schema can be scanned."""
        for column, role in self._roles.items():
            _check_type(column, role, schema)

    def add(self, batch: Batch) -> None:
        """Take in one batch; other columns than those of the roles are not looked at."""
        frame = as_frame(batch)
        self.check(frame.schema)
        for column, scan in self._scans.items():
            scan.add(frame[column])

    def result(self) -> dict[str, ColumnStatistics]:
        """Return the statistics of what was taken in so far, by column; of no example when nothing was."""
        return {column: scan.result() for column, scan in self._scans.items()}


def scan_statistics(
    frame: pl.DataFrame | pl.LazyFrame | Iterable[Batch | pl.LazyFrame],
    roles: Mapping[str, Kind],
    edges: Mapping[str, Sequence[float]],
) -> dict[str, ColumnStatistics]:
    """Return the statistics of each column in ``roles``, by column; of no example when there is none.

    Parameters
    ----------
    frame : polars DataFrame or LazyFrame, or iterable of batches
        Read once, only these columns of it. A LazyFrame is collected in batches by the streaming engine; batches may
        be Polars frames, or record batches and tables of Arrow. One batch at a time is held in memory.
    roles, edges
        As for ``StatisticsScan``.

    Raises
    ------
    DataError
        If a column is not there, is of a type that its role cannot hold, or is numeric and has no edges.
    """
    scan = StatisticsScan(roles, edges)
    parts = [frame] if isinstance(frame, pl.DataFrame | pl.LazyFrame) else frame
    for part in parts:
        if isinstance(part, pl.LazyFrame):
            scan.check(part.collect_schema())
            for batch in _batches(part, scan.columns):
                scan.add(batch)
        else:
            scan.add(part)
    return scan.result()


def as_frame(batch: Batch) -> pl.DataFrame:
    """Return a batch as a Polars frame, without a copy where the types allow it."""
    if isinstance(batch, pl.DataFrame):
        return batch
    found = pl.from_arrow(batch)
    if not isinstance(found, pl.DataFrame):
        raise TypeError(f"A batch must be a Polars frame, or a record batch or table of Arrow. Got {type(batch)}.")
    return found


def _batches(lazy: pl.LazyFrame, columns: Sequence[str]) -> Iterable[pl.DataFrame]:
    # The order of rows changes no statistic, and keeping it would hold more of them in memory.
    return lazy.select(columns).collect_batches(chunk_size=BATCH_ROWS, maintain_order=False, engine="streaming")


def _check_type(column: str, role: Kind, schema: Mapping[str, pl.DataType]) -> None:
    if column not in schema:
        raise DataError(f"Column {column!r} is not there. Seen: {', '.join(schema)}.")
    dtype = schema[column]
    if role == "numeric" and not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"Column {column!r} must be numeric, as its role says. Got {dtype}.")
    if role == "time" and not (dtype in (pl.Date, pl.Null) or isinstance(dtype, pl.Datetime)):
        raise DataError(f"Column {column!r} must hold dates or instants, as its role says. Got {dtype}.")
    if role in ("categorical", "entity") and (dtype.is_nested() or dtype in (pl.Binary, pl.Object)):
        raise DataError(f"Column {column!r} must hold plain values to be {role}. Got {dtype}.")


def _edges_of(column: str, role: Kind, edges: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    if role != "numeric":
        return ()
    if column not in edges:
        raise DataError(f"Column {column!r} is numeric and has no histogram edges. Choose them once, then scan.")
    chosen = tuple(float(edge) for edge in edges[column])
    check_edges(column, chosen)
    return chosen
