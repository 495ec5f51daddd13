"""Event times as they are delivered, made into instants in UTC."""

from __future__ import annotations

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.records import UTC_TIME

_EPOCHS = {"unix_seconds": 1_000_000, "unix_milliseconds": 1_000}
_ISO = ("%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d")


def read_times(kind: pl.DataType, column: str, *, zone: str, what: str, written: str | None = None) -> pl.Expr:
    """Return the expression of a column's instants in UTC; what is no instant is null.

    A time without a zone is local to the span's: of an hour that the clock shows twice it is the first, and one that
    the clock leaves out is null.

    Parameters
    ----------
    kind : polars.DataType
        The column's type.
    zone : str
        IANA name of the zone of times without one.
    what : str
        Where the column comes from, for the error.
    written : str, optional
        How it is written where it is no timestamp: ``unix_seconds``, ``unix_milliseconds`` or a format; ISO 8601 by
        default.

    Raises
    ------
    DataError
        If the column cannot hold times so written.
    """
    value = pl.col(column)
    if isinstance(kind, pl.Datetime):
        return _in_utc(value) if kind.time_zone else _local(value, zone)
    if kind == pl.Date:
        return _local(value.cast(pl.Datetime("us")), zone)
    if written in _EPOCHS and (kind == pl.String or kind.is_numeric()):
        # A count of seconds may carry a fraction; as a float it is exact to the microsecond until the year 2255.
        micros = value.cast(pl.Float64, strict=False) * _EPOCHS[written]
        return pl.when(micros.is_finite()).then(micros.round()).cast(pl.Int64).cast(UTC_TIME)
    if kind == pl.String:
        return _written(value.str.strip_chars(), written, zone)
    raise DataError(
        f"{what}: the time column {column!r} must hold timestamps, dates or text. Got {kind}. "
        "If these are seconds since 1970, say time_format: unix_seconds."
    )


def read_event_times(
    frame: pl.DataFrame, column: str, *, zone: str, what: str, written: str | None = None
) -> pl.DataFrame:
    """Return the frame with its event times as instants; without such a column, as it is.

    Raises
    ------
    DataError
        If not a single value of the column is an instant: then the format is wrong, not a row.
    """
    if column not in frame.columns:
        return frame
    kind = frame.schema[column]
    read = frame.with_columns(read_times(kind, column, zone=zone, what=what, written=written))
    n_given = frame.height - frame[column].null_count()
    if n_given and read[column].null_count() == frame.height:
        raise DataError(
            f"{what}: none of {n_given} values of the time column {column!r} reads as "
            f"{written or 'ISO 8601, such as 2024-03-01T05:00:00Z'}. Say how it is written: time_format."
        )
    return read


def _written(text: pl.Expr, written: str | None, zone: str) -> pl.Expr:
    if written is not None and "%z" in written:
        return _in_utc(text.str.to_datetime(written, time_unit="us", time_zone="UTC", strict=False))
    if written is not None:
        # A date alone is its midnight.
        return _local(_parsed(text, written), zone)
    plain = text.str.replace(r"^(\d{4}-\d{2}-\d{2}) ", "${1}T")
    aware = plain.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(_in_utc(aware), *(_local(_parsed(plain, form), zone) for form in _ISO))


def _parsed(text: pl.Expr, form: str) -> pl.Expr:
    has_clock = any(part in form for part in ("%H", "%I", "%T", "%R", "%c", "%s"))
    if has_clock:
        return text.str.to_datetime(form, time_unit="us", strict=False)
    return text.str.to_date(form, strict=False).cast(pl.Datetime("us"))


def _local(value: pl.Expr, zone: str) -> pl.Expr:
    return _in_utc(value.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null"))


def _in_utc(value: pl.Expr) -> pl.Expr:
    return value.dt.convert_time_zone("UTC").cast(UTC_TIME)
