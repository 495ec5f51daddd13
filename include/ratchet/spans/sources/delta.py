"""A Delta table of somebody else's, read at one version."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.sources.times import read_times
from ratchet.storage.endpoint import delta_options, polars_options
from ratchet.storage.failures import raise_store_error

if TYPE_CHECKING:
    from ratchet.spans.sources.delivered import SpanWindow


def ask_table(uri: str) -> None:
    """Ask whether the table is there and can be opened.

    Raises
    ------
    DataError
        If there is none.
    StoreError
        If the store does not answer.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        DeltaTable(uri, storage_options=delta_options(uri))
    except TableNotFoundError:
        raise DataError(f"There is no Delta table {uri}.") from None
    except (DeltaError, OSError) as error:
        raise_store_error(f"Opening {uri}", error)


def read_delta(uri: str, window: SpanWindow, *, time: str) -> tuple[pl.DataFrame, int]:
    """Return the rows of a span, and the version of the table they were read from.

    Rows without an event time belong to no span, so a table that holds one is refused.

    Raises
    ------
    DataError
        If there is no such table, it has no such column of times, or a row without one.
    StoreError
        If the store does not answer.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError, TableNotFoundError

    try:
        table = DeltaTable(uri, storage_options=delta_options(uri))
        scan = pl.scan_delta(table, storage_options=polars_options(uri))
        schema = scan.collect_schema()
        if time not in schema:
            raise DataError(f"{uri} has no column {time!r}. It has: {', '.join(schema.names())}.")
        instant = read_times(schema[time], time, zone=window.time_zone, what=uri)
        (n_timeless,) = scan.select(pl.col(time).null_count()).collect().row(0)
        rows = scan.filter((instant >= window.start) & (instant < window.end)).with_columns(instant).collect()
    except TableNotFoundError:
        raise DataError(f"There is no Delta table {uri}.") from None
    except (DeltaError, OSError, pl.exceptions.ComputeError) as error:
        raise_store_error(f"Reading {uri}", error)
    if n_timeless:
        raise DataError(
            f"{uri} holds {n_timeless} row(s) whose {time} is null: they belong to no span. "
            "Give them one, or delete them."
        )
    return rows, table.version()
