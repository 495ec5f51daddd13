"""The periods by which a table is looked at over time: the finest calendar unit that makes few of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ratchet.errors import DataError

Whole = np.ndarray[Any, np.dtype[np.int64]]

MAX_PERIODS = 36
_UNITS = (("1h", "%m-%d %Hh"), ("1d", "%Y-%m-%d"), ("1w", "%Y-%m-%d"), ("1mo", "%Y-%m"), ("1q", "%Y-%m"), ("1y", "%Y"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """The names of the periods in order, and which one each example belongs to; -1 without a time."""

    names: tuple[str, ...]
    of: Whole


def find_periods(time: pl.Series | None, n: int) -> Periods:
    """Return the periods of a column of dates, instants, or seconds since 1970; one of all without a column.

    Raises
    ------
    DataError
        If the column holds none of these.
    """
    if time is None or time.null_count() == n:
        return Periods(names=("all",), of=np.zeros(n, np.int64))
    at = _instants(time)
    for unit, form in _UNITS:
        start = at.dt.truncate(unit)
        if start.n_unique() <= MAX_PERIODS + 1 or unit == "1y":
            return _periods(start, form)
    raise AssertionError("unreachable: years come last")


def _periods(start: pl.Series, form: str) -> Periods:
    known = start.drop_nulls().unique().sort()
    codes = start.replace_strict(known, np.arange(len(known)), default=-1, return_dtype=pl.Int64)
    names = tuple(known.dt.strftime(form).to_list())
    return Periods(names=names, of=codes.fill_null(-1).to_numpy())


def _instants(time: pl.Series) -> pl.Series:
    if isinstance(time.dtype, pl.Datetime):
        return time.dt.replace_time_zone(None) if time.dtype.time_zone else time
    if time.dtype == pl.Date:
        return time.cast(pl.Datetime("us"))
    if time.dtype == pl.String:
        parsed = time.str.to_datetime(strict=False).cast(pl.Datetime("us"))
        if parsed.null_count() <= 0.01 * len(time) + time.null_count():
            return parsed
    elif time.dtype.is_integer():
        return pl.from_epoch(time, time_unit="ms" if (time.max() or 0) > 1e11 else "s").cast(pl.Datetime("us"))  # type: ignore[operator]
    raise DataError(f"Column {time.name!r} must hold dates, instants or seconds since 1970. Got {time.dtype}.")
