"""What Great Expectations passes although nothing was judged; here each of it fails, and says so.

It passes an empty suite, an empty frame, most expectations of an all-null column, a comparison of columns that never
hold values together, and infinity against a bound on one side only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.validation.tallies import Count

if TYPE_CHECKING:
    from ratchet.validation.expectations import Expectation
    from ratchet.validation.tallies import Tallies

# They speak of nulls, or of the column and not its values. expect_column_values_to_not_be_null is left to the rest: an
# all-null column never meets it, and so breaks everything it is held to for one stated cause.
_NULLS_ALLOWED = frozenset(
    {
        "expect_column_values_to_be_null",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "expect_column_to_exist",
        "expect_column_type_to_be",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacuity:
    """Why an expectation cannot be judged; equal ones are one anomaly."""

    column: str | None
    expected: str
    seen: str
    what_to_do: str
    n_unexpected: int | None = None
    share: float | None = None


NO_EXPECTATION = Vacuity(
    column=None,
    expected="at least one expectation for this environment",
    seen="none",
    what_to_do="write expectations for it, or let ratchet infer them from the first spans.",
)
NO_EXAMPLE = Vacuity(
    column=None,
    expected="at least one example",
    seen="an empty frame",
    what_to_do="ask the source why nothing was delivered; an empty span is never validated.",
)


class Facts:
    """What of a frame must be known to tell whether anything is judged; counted by the scan of the frame."""

    def __init__(self, expectations: Sequence[Expectation], schema: pl.Schema, tallies: Tallies) -> None:
        self.schema = schema
        self._rows = tallies.share(Count(("rows",), pl.len()))
        self._held: dict[tuple[str, ...], Count] = {}
        self._infinite: dict[str, Count] = {}
        for expectation in expectations:
            self._count(expectation, tallies)

    @property
    def n_rows(self) -> int:
        """How many examples there are."""
        return self._rows.n

    def n_held(self, columns: tuple[str, ...]) -> int:
        """Return how many examples hold a value in each of the columns."""
        return self._held[columns].n

    def n_infinite(self, column: str) -> int:
        """Return how many values of a column of broken numbers are infinite."""
        return self._infinite[column].n

    def _count(self, expectation: Expectation, tallies: Tallies) -> None:
        columns = expectation.columns
        if not columns or any(column not in self.schema for column in columns):
            return
        held = pl.all_horizontal(*(_has_value(self.schema, column) for column in columns))
        self._held[columns] = tallies.share(Count(("held", *columns), held.sum()))
        if self.schema[columns[0]].is_float():
            infinite = pl.col(columns[0]).is_infinite().sum()
            self._infinite[columns[0]] = tallies.share(Count(("infinite", columns[0]), infinite))


def find_vacuity(expectation: Expectation, facts: Facts) -> Vacuity | None:
    """Return why the frame leaves nothing to judge, None where it does not."""
    if expectation.expect == "expect_column_to_exist":
        return None
    for column in expectation.columns:
        if column not in facts.schema:
            return _missing(column)
    if expectation.expect in _NULLS_ALLOWED or not expectation.columns:
        return None
    if facts.n_held(expectation.columns):
        return _infinite(expectation, facts)
    return _all_null(expectation, facts.n_rows)


def _has_value(schema: pl.Schema, column: str) -> pl.Expr:
    # NaN becomes null on the way to pandas.
    held = pl.col(column).is_not_null()
    return held & pl.col(column).is_not_nan() if schema[column].is_float() else held


def _missing(column: str) -> Vacuity:
    return Vacuity(
        column=column,
        expected="the column to exist",
        seen="no such column",
        what_to_do="have the source deliver it; if it is gone for good, remove it from the spec and the expectations.",
    )


def _all_null(expectation: Expectation, n_rows: int) -> Vacuity:
    columns = expectation.columns
    together = " together" if len(columns) > 1 else ""
    return Vacuity(
        column=", ".join(columns),
        expected=f"at least one example to judge{together}",
        seen=f"no value{together} in any of {n_rows:,} examples",
        what_to_do="ask the source why the column is empty. If it may be, give its expectations severity warning.",
        n_unexpected=n_rows,
        share=1.0,
    )


def _infinite(expectation: Expectation, facts: Facts) -> Vacuity | None:
    is_bounded = "min_value" in expectation.arguments or "max_value" in expectation.arguments
    if not is_bounded or not facts.schema[expectation.columns[0]].is_float():
        return None
    column = expectation.columns[0]
    n_infinite = facts.n_infinite(column)
    if not n_infinite:
        return None
    return Vacuity(
        column=column,
        expected="finite numbers",
        seen=f"{n_infinite:,} infinite values",
        what_to_do="ask the source for the numbers; a division by zero is a common cause.",
        n_unexpected=n_infinite,
        share=round(n_infinite / facts.n_rows, 6),
    )
