"""The values of a Polars column as Great Expectations' pandas engine sees them, still in Polars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

import polars as pl

Kind = Literal["float", "whole", "flag", "text", "time"]

_WHOLE = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
_TEXT = (pl.String, pl.Categorical, pl.Enum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column and what it counts as after the conversion to pandas."""

    name: str
    dtype: pl.DataType
    kind: Kind

    @property
    def values(self) -> pl.Expr:
        """Return the values, null where pandas has none: NaN becomes null on the way."""
        if self.kind == "float":
            return pl.col(self.name).cast(pl.Float64).fill_nan(None)
        return pl.col(self.name).cast(pl.String) if self.kind == "text" else pl.col(self.name)

    @property
    def limits(self) -> tuple[int, int]:
        """Return the least and the largest number that the type of a whole column holds."""
        bits = int("".join(filter(str.isdigit, str(self.dtype))))
        return (0, 2**bits - 1) if self.dtype.is_unsigned_integer() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def column_of(name: str, schema: pl.Schema) -> Column | None:
    """Return the column, None where it is missing or its type is left to pandas."""
    dtype = schema.get(name)
    # Great Expectations reads a quoted name as another spelling of the name within.
    kind = None if dtype is None or name[:1] in ('"', "[", "`") else _kind(dtype)
    return None if dtype is None or kind is None else Column(name=name, dtype=dtype, kind=kind)


def _kind(dtype: pl.DataType) -> Kind | None:
    # Float32 is left to pandas: there a bound is rounded to the type before it is compared.
    if dtype == pl.Float64 or isinstance(dtype, pl.Decimal):
        return "float"
    if dtype in _WHOLE:
        return "whole"
    if dtype == pl.Boolean:
        return "flag"
    if isinstance(dtype, _TEXT):
        return "text"
    return "time" if isinstance(dtype, pl.Datetime | pl.Date) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What lies between two bounds, of which one may be missing."""

    low: float | None
    high: float | None
    strict_low: bool
    strict_high: bool

    def outside(self, values: pl.Expr) -> pl.Expr:
        """Say which broken numbers lie outside; null for null."""
        parts = []
        if self.low is not None:
            low = pl.lit(float(self.low), dtype=pl.Float64)
            parts.append(values <= low if self.strict_low else values < low)
        if self.high is not None:
            high = pl.lit(float(self.high), dtype=pl.Float64)
            parts.append(values >= high if self.strict_high else values > high)
        return parts[0] if len(parts) == 1 else parts[0] | parts[1]

    def outside_whole(self, values: pl.Expr, limits: tuple[int, int]) -> pl.Expr:
        """Say which whole numbers lie outside; compared as such, for 2**53 + 1 is no broken number."""
        low = limits[0] if self.low is None else _first_above(self.low, self.strict_low)
        high = limits[1] if self.high is None else -_first_above(-self.high, self.strict_high)
        if low > high or low > limits[1] or high < limits[0]:
            return values.is_not_null()
        return ~values.is_between(max(low, limits[0]), min(high, limits[1]))


def _first_above(number: float, strict: bool) -> int:
    whole = math.ceil(number)
    return whole + 1 if strict and whole == number else whole


def bounds_of(arguments: dict[str, Any]) -> Bounds | None:
    """Return the bounds of a metric, None where they are left to pandas: none at all, not finite, or crossed."""
    low, high = arguments.get("min_value"), arguments.get("max_value")
    given = [bound for bound in (low, high) if bound is not None]
    if not given or not all(is_finite_number(bound) for bound in given) or given[0] > given[-1]:
        return None
    return Bounds(
        low=low,
        high=high,
        strict_low=bool(arguments.get("strict_min")),
        strict_high=bool(arguments.get("strict_max")),
    )


def is_finite_number(value: object) -> TypeGuard[float]:
    """Say whether it is a number, and no bool, NaN or infinity."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def members_of(column: Column, value_set: Any) -> list[Any] | None:
    """Return the values of a set that the column can hold, None where membership is left to pandas."""
    if not isinstance(value_set, list | tuple | set) or not value_set:
        return None
    values = list(value_set)
    if column.kind == "text":
        return values if all(isinstance(value, str) for value in values) else None
    if column.kind == "whole" and all(type(value) is int for value in values):
        low, high = column.limits
        return [value for value in values if low <= value <= high]
    if column.kind == "float" and all(is_finite_number(value) and abs(value) <= 2**53 for value in values):
        return [float(value) for value in values]
    return None
