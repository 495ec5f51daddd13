"""Event times as they are delivered, made into instants in UTC."""

from __future__ import annotations

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.records import UTC_TIME


def read_times(kind: pl.DataType, column: str, *, zone: str, what: str) -> pl.Expr:
    """Return the expression of a column's instants in UTC.

    A time without a zone is local to the span's: of an hour that the clock shows twice it is the first, and one that
    the clock leaves out is null.

    Parameters
    ----------
    kind : polars.DataType
        The column's type: a timestamp or a date.
    zone : str
        IANA name of the zone of times without one.
    what : str
        Where the column comes from, for the error.

    Raises
    ------
    DataError
        If the column holds no times.
    """
    value = pl.col(column)
    if kind == pl.Date:
        value = value.cast(pl.Datetime("us"))
    elif not isinstance(kind, pl.Datetime):
        raise DataError(f"{what}: the time column {column!r} must hold timestamps or dates. Got {kind}.")
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        value = value.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return value.dt.convert_time_zone("UTC").cast(UTC_TIME)
