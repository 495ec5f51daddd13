"""The types in which delivered columns are kept, and which cells cannot be brought to them.

A column of a type that never fits is refused whole, by name. A cell that does not fit makes its row a bad one.
Documented mappings: -0.0 is 0.0; a whole number kept as a float names the same category or entity as the integer;
texts that the spec declares stand for a missing number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.records import UTC_TIME

if TYPE_CHECKING:
    from ratchet.spec.contract import Rows

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
# What texts that are no numbers look like: told by their kind, never by their value.
_KINDS = {
    "words for a missing value (NA, null, -)": r"^(?i:na|n/a|nan|null|none|nil|missing|unknown|\?|-+|\.|#n/a)$",
    "empty": r"^\s*$",
    "with thousands separators": r"^[+-]?\d{1,3}([,.' \u00a0\u202f_]\d{3})+([.,]\d+)?$",
    "with a decimal comma": r"^[+-]?\d+,\d+$",
    "infinite": r"^(?i:[+-]?inf(inity)?)$",
}


class Cells:
    """Expressions that bring columns to their stored types; ``faults`` say which rows they do not fit, and why."""

    def __init__(self, frame: pl.DataFrame, rows: Rows) -> None:
        self._frame, self._rows = frame, rows
        self.faults: list[tuple[pl.Expr, str]] = []

    def entity(self, name: str) -> pl.Expr:
        """Return the entity's keys as text."""
        text = self._text(name, "entity column")
        self._fault(pl.col(name).is_null(), f"{name} is null")
        self._fault(text.str.strip_chars() == "", f"{name} is empty")
        return text

    def instant(self, name: str) -> pl.Expr:
        """Return the event time in UTC."""
        kind = self._frame.schema[name]
        if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
            raise DataError(f"The time column {name!r} must be a timestamp with a time zone. Got {kind}.")
        self._fault(pl.col(name).is_null(), f"{name} is null")
        return pl.col(name).dt.convert_time_zone("UTC").cast(UTC_TIME)

    def category(self, name: str) -> pl.Expr:
        """Return a categorical column as text."""
        return self._text(name, "categorical column")

    def number(self, name: str) -> pl.Expr:
        """Return a numeric column as floats."""
        kind, column = self._frame.schema[name], pl.col(name)
        if isinstance(kind, pl.String | pl.Categorical | pl.Enum):
            number = self._parsed(name)
        elif kind.is_numeric() or isinstance(kind, pl.Boolean | pl.Null):
            number = column.cast(pl.Float64)
        else:
            raise DataError(f"The numeric feature {name!r} was delivered as {kind}. Deliver a number.")
        if self._rows.infinite == "quarantine":
            self._fault(number.is_infinite(), f"{name} is infinite")
        # Adding 0.0 would do, were it not optimised away.
        return pl.when(number == 0).then(0.0).otherwise(number)

    def _parsed(self, name: str) -> pl.Expr:
        text = pl.col(name).cast(pl.String).str.strip_chars()
        is_null = text.is_in(list(self._rows.null_words))
        if self._rows.text_numbers == "refuse":
            raise DataError(_words(name, self._frame.select(text).to_series()))
        self._fault(~is_null & ~text.str.contains(_NUMBER), f"{name} is no number")
        return pl.when(~is_null & text.str.contains(_NUMBER)).then(text).cast(pl.Float64, strict=False)

    def _text(self, name: str, what: str) -> pl.Expr:
        kind, column = self._frame.schema[name], pl.col(name)
        if kind.is_float():
            # 7 comes as 7.0 from a reader that met a null: the same category, or it would silently be a new one.
            is_whole = column.is_finite() & (column == column.floor()) & (column.abs() < 2**53)
            self._fault(~is_whole, f"{name} is neither text nor a whole number")
            return pl.when(is_whole).then(column).cast(pl.Int64).cast(pl.String)
        is_plain = kind.is_integer() or isinstance(
            kind, pl.String | pl.Categorical | pl.Enum | pl.Boolean | pl.Null | pl.Date | pl.Datetime
        )
        if not is_plain:
            raise DataError(f"The {what} {name!r} was delivered as {kind}. Deliver text.")
        text = column.cast(pl.String)
        if isinstance(kind, pl.String | pl.Categorical | pl.Enum):
            self._fault(text.str.contains("\x00", literal=True), f"{name} holds a NUL")
        return text

    def _fault(self, is_bad: pl.Expr, reason: str) -> None:
        self.faults.append((is_bad.fill_null(value=False), reason))


def reason_of(faults: Sequence[tuple[pl.Expr, str]]) -> pl.Expr:
    """Return the first reason that holds for each row; null for none."""
    found = pl.lit(None, dtype=pl.String)
    for is_bad, reason in reversed(faults):
        found = pl.when(is_bad).then(pl.lit(reason)).otherwise(found)
    return found


def _words(name: str, text: pl.Series) -> str:
    given = text.drop_nulls()
    rest = given.filter(~given.str.contains(_NUMBER))
    n_numbers, kinds = given.len() - rest.len(), []
    for kind, pattern in _KINDS.items():
        is_kind = rest.str.contains(pattern)
        if is_kind.any():
            kinds.append(f"{int(is_kind.sum())} {kind}")
        rest = rest.filter(~is_kind)
    if rest.len():
        kinds.append(f"{rest.len()} of another kind")
    return (
        f"The numeric feature {name!r} was delivered as text: {n_numbers} of {given.len()} values are numbers"
        f"{', the others: ' + ', '.join(kinds) if kinds else ''}. Deliver numbers, or set source.rows.text_numbers: "
        "parse (and null_words), which quarantines the rows whose text is no number."
    )
