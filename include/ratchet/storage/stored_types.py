"""The types in which a Delta table keeps the columns of a Polars frame.

Delta knows no unsigned integers (255 as UInt8 is refused, as its byte is signed), no categories, and no instants but
microseconds in UTC. A time without a zone would silently raise the table's protocol and be read as whatever one likes.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from polars.datatypes import DataTypeClass

from ratchet.errors import DataError

# What a column may arrive as, beside the table's own type: the values stay what they were.
_WIDENINGS: Mapping[type[pl.DataType], tuple[type[pl.DataType], ...]] = {
    pl.Int16: (pl.Int8,),
    pl.Int32: (pl.Int8, pl.Int16),
    pl.Int64: (pl.Int8, pl.Int16, pl.Int32),
    pl.Float64: (pl.Float32,),
}


def as_stored(frame: pl.DataFrame, table: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Return the frame in the types of the table; a column that is new to the table gets the nearest one of Delta's.

    Raises
    ------
    DataError
        If a column has no type that Delta keeps, or is of another type than the table's.
    """
    types = {name: _stored_type(name, dtype, table.get(name)) for name, dtype in frame.schema.items()}
    try:
        return frame.cast(types)  # type: ignore[arg-type]  # a mapping by name is one of those it takes
    except pl.exceptions.InvalidOperationError as error:
        raise DataError(
            f"A value does not fit the type it is stored in: {' '.join(str(error).split())[:300]}"
        ) from error


def _stored_type(name: str, dtype: pl.DataType, table: pl.DataType | None) -> pl.DataType:
    if isinstance(dtype, pl.Null):
        if table is None:
            raise DataError(f"Column {name!r} has no type (every value is null). Cast it to the type it will have.")
        return table
    stored = _nearest(name, dtype)
    if table is None or stored == table:
        return stored
    if type(stored) in _WIDENINGS.get(type(table), ()):
        return table
    raise DataError(f"Column {name!r} is stored as {table!r}. Got {dtype!r}; cast it, or write another column.")


def _nearest(name: str, dtype: pl.DataType) -> pl.DataType:
    match dtype:
        case pl.List():
            return pl.List(_nearest(name, _instance(dtype.inner)))
        case pl.Struct():
            return pl.Struct({field.name: _nearest(name, _instance(field.dtype)) for field in dtype.fields})
        case pl.Datetime(time_zone=None):
            raise DataError(f"Column {name!r} is a time without a zone. Make it an instant: dt.replace_time_zone(...).")
        case pl.Datetime():
            return pl.Datetime("us", "UTC")
        case pl.Categorical() | pl.Enum():
            return pl.String()
        case pl.Duration() | pl.Time() | pl.Object() | pl.Array() | pl.Int128():
            raise DataError(f"Column {name!r} is of type {dtype!r}, which Delta does not keep. Cast it.")
        case _:
            return pl.Int64() if dtype.is_unsigned_integer() else dtype


def _instance(dtype: pl.DataType | DataTypeClass) -> pl.DataType:
    return dtype() if isinstance(dtype, DataTypeClass) else dtype
