"""Polars columns as the pandas columns that Great Expectations judges.

Types do not depend on the nulls of the day: whole numbers become ``Int64`` and the like, booleans ``boolean``, text
and categories ``str``, broken numbers ``float64``. Polars' own conversion turns whole numbers with one null into
``float64``, and a type expectation would then fail on that null.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import pandas as pd

_CATEGORIES = (pl.Categorical, pl.Enum)
_MASKED = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)


def to_pandas(frame: pl.DataFrame, columns: Sequence[str], *, masked: bool = True) -> pd.DataFrame:
    """Return the named columns as pandas.

    Parameters
    ----------
    masked : bool
        False turns whole numbers with nulls into ``float64``, exact up to 2**53: expectations that compare columns
        with each other fail on pandas' NA.
    """
    import pandas as pd

    return pd.DataFrame({name: _to_pandas(frame[name], masked) for name in columns}, copy=False)


def pandas_dtype(dtype: pl.DataType) -> Any:
    """Return the pandas type that ``to_pandas`` gives a column of a Polars type."""
    return _to_pandas(pl.Series("", [], dtype=dtype), True).dtype


def pandas_type(series: pl.Series) -> str:
    """Return the name of the pandas type that ``to_pandas`` gives the column."""
    return str(pandas_dtype(series.dtype))


def _to_pandas(series: pl.Series, masked: bool) -> Any:
    import pandas as pd

    if isinstance(series.dtype, _CATEGORIES):
        series = series.cast(pl.String)
    elif isinstance(series.dtype, pl.Decimal):
        series = series.cast(pl.Float64)
    if masked and series.dtype == pl.Boolean:
        return pd.arrays.BooleanArray(series.fill_null(False).to_numpy(), _mask(series))
    if masked and series.dtype in _MASKED:
        return pd.arrays.IntegerArray(series.fill_null(0).to_numpy(), _mask(series))
    return series.to_pandas()


def _mask(series: pl.Series) -> Any:
    return series.is_null().to_numpy()
