"""The metrics that expectations of Great Expectations ask for, as one scan in Polars computes them.

A metric that is not in this table, or is asked with arguments or of a type that is not covered, has no measure: its
expectation is left to the pandas engine. What a measure says is what that engine would say, or stated limits around it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from ratchet.validation.columns import Column, bounds_of, column_of, is_finite_number, members_of
from ratchet.validation.judged import Judged, resolve
from ratchet.validation.tallies import Count, FewValueCounts, Keys, Moments, Sketch, Tallies

# Of a sum of floats, in parts of the largest value: orders of magnitude above what any order of adding can lose.
_ROUNDING = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The value of a metric; with limits, the exact value lies between them."""

    value: Any
    low: Any = None
    high: Any = None

    @property
    def is_exact(self) -> bool:
        """Whether there are no limits."""
        return self.low is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How one metric follows from the tallies of a scan.

    Parameters
    ----------
    figure : callable
        Gives the figure once all batches were added; None if it cannot be told.
    unexpected : callable or None
        Which examples of a frame a count counted.
    exact : callable or None
        Gives the exact figure of a frame of the measured column, where ``figure`` has limits.
    is_whole : bool
        ``unexpected`` needs the whole column at once.
    """

    figure: Callable[[], Figure | None]
    unexpected: Callable[[pl.DataFrame], pl.Series] | None = None
    exact: Callable[[pl.DataFrame], Figure] | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One metric as an expectation asks for it."""

    name: str
    domain: Mapping[str, Any]
    arguments: dict[str, Any]
    schema: pl.Schema
    tallies: Tallies

    @property
    def column(self) -> Column | None:
        """The column asked about; None if it is missing or of a type that is not covered."""
        return column_of(self.domain.get("column", ""), self.schema)

    def counted(self, counted: pl.Expr, *of: object) -> Count:
        """Return the tally of a count that is named by what it counts."""
        return self.tallies.share(Count(of, counted))


def measure(asked: Asked) -> Measure | None:
    """Return how a metric is computed, None if it is left to pandas."""
    if asked.domain.get("row_condition") is not None or asked.name not in MEASURES:
        return None
    return MEASURES[asked.name](asked)


def _row_count(asked: Asked) -> Measure:
    tally = asked.counted(pl.len(), "rows")
    return Measure(figure=lambda: Figure(value=tally.n))


def _known(value: Any) -> Measure:
    return Measure(figure=lambda: Figure(value=value))


def _column_types(asked: Asked) -> Measure:
    from ratchet.validation.pandas_edge import pandas_dtype

    types = [{"name": name, "type": pandas_dtype(dtype)} for name, dtype in asked.schema.items()]
    return _known(types)


def _n_null(asked: Asked, column: Column) -> Count:
    return asked.counted(column.values.null_count(), "null", column.name)


def _n_present(asked: Asked, column: Column) -> Count:
    return asked.counted(column.values.count(), "present", column.name)


def _nulls(asked: Asked) -> Measure | None:
    column = asked.column
    if column is None:
        return None
    tally = _n_null(asked, column)
    return Measure(figure=lambda: Figure(value=tally.n), unexpected=_rows(column.values.is_null()))


def _presents(asked: Asked) -> Measure | None:
    column = asked.column
    if column is None:
        return None
    tally = _n_present(asked, column)
    return Measure(figure=lambda: Figure(value=tally.n), unexpected=_rows(column.values.is_not_null()))


def _rows(unexpected: pl.Expr) -> Callable[[pl.DataFrame], pl.Series]:
    return lambda frame: frame.select(unexpected.fill_null(False).alias("unexpected")).to_series()


def _map_count(asked: Asked, column: Column, unexpected: pl.Expr) -> Measure:
    condition = (asked.name, column.name, repr(sorted(asked.arguments.items(), key=str)))
    tally = asked.counted(unexpected.sum(), *condition)
    return Measure(figure=lambda: Figure(value=tally.n), unexpected=_rows(unexpected))


def _between(asked: Asked) -> Measure | None:
    column, bounds = asked.column, bounds_of(asked.arguments)
    if column is None or bounds is None or column.kind in ("text", "time"):
        return None  # Great Expectations compares neither with numbers
    if column.kind == "flag":
        return _by_value(asked)
    if column.kind == "float":
        return _map_count(asked, column, bounds.outside(column.values))
    return _map_count(asked, column, bounds.outside_whole(column.values, column.limits))


def _lengths_between(asked: Asked) -> Measure | None:
    column, bounds = asked.column, bounds_of(asked.arguments)
    if column is None or bounds is None or column.kind != "text":
        return _by_value(asked)
    return _map_count(asked, column, bounds.outside_whole(column.values.str.len_chars(), (0, 2**32 - 1)))


def _length_equals(asked: Asked) -> Measure | None:
    column, length = asked.column, asked.arguments.get("value")
    if column is None or not is_finite_number(length) or column.kind != "text":
        return _by_value(asked)
    lengths = column.values.str.len_chars().cast(pl.Float64)
    return _map_count(asked, column, lengths.ne(float(length)))


def _membership(is_in: bool) -> Callable[[Asked], Measure | None]:
    def build(asked: Asked) -> Measure | None:
        column = asked.column
        members = None if column is None else members_of(column, asked.arguments.get("value_set"))
        if column is None or members is None:
            return _by_value(asked)
        dtype = pl.String() if column.kind == "text" else pl.Float64() if column.kind == "float" else column.dtype
        values = column.values + 0.0 if column.kind == "float" else column.values
        found = values.is_in(pl.Series(members, dtype=dtype).implode())
        return _map_count(asked, column, ~found if is_in else found)

    return build


def _by_value(asked: Asked) -> Measure | None:
    """Let Great Expectations judge each distinct value; floats are left to pandas, where -0.0 and 0.0 read apart."""
    column = asked.column
    if column is None or column.kind == "float":
        return None
    tally = asked.tallies.share(Judged(column))
    question = tally.ask(asked.name.removesuffix(_UNEXPECTED_COUNT), asked.arguments)

    def figure() -> Figure | None:
        tally.settle()
        return None if question.n_unexpected is None else Figure(value=question.n_unexpected)

    return Measure(figure=figure, unexpected=lambda frame: tally.unexpected_rows(frame, question))


def _unique(asked: Asked) -> Measure | None:
    column = asked.column
    if column is None or column.kind == "flag":
        return None
    keys = asked.tallies.share(Keys(column, each=True))
    values = column.values + 0.0 if column.kind == "float" else column.values
    repeated = _rows(values.is_duplicated() & values.is_not_null())

    def figure() -> Figure:
        n = keys.n_repeated
        # Two texts may share a key, so keys alone can only tell that all differ.
        return Figure(value=n) if keys.are_values or not n else Figure(value=n, low=0, high=n)

    return Measure(
        figure=figure,
        unexpected=repeated,
        exact=lambda frame: Figure(value=int(repeated(frame).sum())),
        is_whole=True,
    )


def _distinct_keys(asked: Asked, column: Column) -> Keys:
    each = Keys(column, each=True)
    return asked.tallies.share(each if asked.tallies.holds(each.key) else Keys(column, each=False))


def _distinct_count(asked: Asked) -> Measure | None:
    column = asked.column
    if column is None or column.kind == "flag":
        return None
    keys, present = _distinct_keys(asked, column), _n_present(asked, column)

    def figure() -> Figure:
        n = keys.n_distinct
        return Figure(value=n) if keys.are_values else Figure(value=n, low=n, high=min(n + 1, present.n))

    return Measure(figure=figure, exact=lambda frame: Figure(value=_n_distinct(frame, column)))


def _n_distinct(frame: pl.DataFrame, column: Column) -> int:
    return int(frame.select(column.values.drop_nulls().n_unique()).item())


def _unique_proportion(asked: Asked) -> Measure | None:
    column, distinct = asked.column, _distinct_count(asked)
    if column is None or distinct is None:
        return None
    present = _n_present(asked, column)

    def share(n: int) -> float:
        return n / present.n if present.n else 0

    def figure() -> Figure | None:
        found = distinct.figure()
        if found is None or found.is_exact:
            return found and Figure(value=share(found.value))
        return Figure(value=share(found.value), low=share(found.low), high=share(found.high))

    return Measure(figure=figure, exact=lambda frame: Figure(value=share(_n_distinct(frame, column))))


def _non_null_proportion(asked: Asked) -> Measure | None:
    column = asked.column
    if column is None:
        return None
    present, rows = _n_present(asked, column), asked.counted(pl.len(), "rows")
    return Measure(figure=lambda: Figure(value=present.n / rows.n if rows.n else 0))


def _of_moments(figure: Callable[[Moments, bool], Figure | None]) -> Callable[[Asked], Measure | None]:
    def build(asked: Asked) -> Measure | None:
        column = asked.column
        if column is None or column.kind not in ("float", "whole"):
            return None
        moments = asked.tallies.share(Moments(column))
        return Measure(figure=lambda: figure(moments, column.kind == "whole") if moments.n else None)

    return build


def _around(value: float, error: float) -> Figure | None:
    # Infinite values, and sums beyond 1e308, are for the exact computation.
    if not is_finite_number(value) or not is_finite_number(error):
        return None
    return Figure(value=value, low=value - error, high=value + error)


def _mean(moments: Moments, is_whole: bool) -> Figure | None:
    if is_whole and moments.n * moments.largest < 2**53:
        return Figure(value=moments.sum / moments.n)
    if is_whole and moments.n * moments.largest >= 2**63:  # the sum of pandas wraps round
        return None
    return _around(moments.mean, _ROUNDING * moments.largest)


def _sum(moments: Moments, is_whole: bool) -> Figure | None:
    if is_whole:
        return Figure(value=moments.sum) if moments.n * moments.largest < 2**63 else None
    return _around(moments.sum, _ROUNDING * moments.largest * moments.n)


def _deviation(moments: Moments, is_whole: bool) -> Figure | None:
    if moments.n < 2 or moments.m2 < 0:
        return None
    if is_whole and moments.n * moments.largest >= 2**63:
        return None
    deviation = (moments.m2 / (moments.n - 1)) ** 0.5
    return _around(deviation, 10 * _ROUNDING * (deviation + moments.largest))


def _quantiles(asked: Asked) -> Measure | None:
    ranks = asked.arguments.get("quantiles")
    column = asked.column
    if column is None or column.kind not in ("float", "whole") or not isinstance(ranks, list | tuple):
        return None
    if not all(is_finite_number(rank) and 0 <= rank <= 1 for rank in ranks):
        return None
    sketch, moments = asked.tallies.share(Sketch(column)), asked.tallies.share(Moments(column))

    def figure() -> Figure | None:
        if not is_finite_number(moments.largest):
            return None
        found = [sketch.around(rank) for rank in ranks]
        if not found or None in found:
            return None
        values, lows, highs = (list(each) for each in zip(*(one for one in found if one), strict=True))
        return Figure(value=values, low=lows, high=highs)

    return Measure(figure=figure)


def _median(asked: Asked) -> Measure | None:
    quantiles = _quantiles(
        Asked(
            name=asked.name,
            domain=asked.domain,
            arguments={"quantiles": [0.5]},
            schema=asked.schema,
            tallies=asked.tallies,
        )
    )
    if quantiles is None:
        return None

    def figure() -> Figure | None:
        found = quantiles.figure()
        return found and Figure(value=found.value[0], low=found.low[0], high=found.high[0])

    return Measure(figure=figure)


def _from_distinct(asked: Asked) -> Measure | None:
    """Let Great Expectations find the metric on the distinct values, which it depends on alone."""
    column = asked.column
    if column is None or column.kind == "float":
        return None
    tally = asked.tallies.share(FewValueCounts(column))

    def figure() -> Figure | None:
        from great_expectations.validator.metric_configuration import MetricConfiguration

        counts = tally.counts
        if counts is None:
            return None
        metric = MetricConfiguration(asked.name, {"column": column.name}, asked.arguments)
        (found,) = resolve(counts["value"].alias(column.name), [metric])
        return None if found is None else Figure(value=found)

    return Measure(figure=figure)


def _most_common(asked: Asked) -> Measure | None:
    column = asked.column
    if column is None or column.kind not in ("text", "whole"):
        return None
    tally = asked.tallies.share(FewValueCounts(column))

    def figure() -> Figure | None:
        counts = tally.counts
        if counts is None:
            return None
        return Figure(value=counts.filter(pl.col("n") == pl.col("n").max())["value"].to_list())

    return Measure(figure=figure)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """Two columns, as the plain conversion to pandas compares them: whole numbers with nulls as floats."""

    a: pl.Expr
    b: pl.Expr
    kept: pl.Expr
    whole: tuple[Column, ...]


def _pair(asked: Asked) -> _Pair | None:
    a, b = (column_of(asked.domain.get(key, ""), asked.schema) for key in ("column_A", "column_B"))
    if a is None or b is None or a.name == b.name:
        return None
    are_numbers = {a.kind, b.kind} <= {"float", "whole"}
    if not are_numbers and (a.kind != b.kind or a.kind not in ("text", "time") or a.dtype != b.dtype):
        return None
    missing = {
        "either_value_is_missing": a.values.is_null() | b.values.is_null(),
        "both_values_are_missing": a.values.is_null() & b.values.is_null(),
        "neither": pl.lit(False),
    }.get(asked.domain.get("ignore_row_if") or "neither")
    if missing is None:
        return None
    whole = tuple(column for column in (a, b) if column.kind == "whole")
    values = [column.values.cast(pl.Float64) if are_numbers else column.values for column in (a, b)]
    return _Pair(a=values[0], b=values[1], kept=~missing, whole=whole)


def _pair_count(asked: Asked, pair: _Pair, counted: pl.Expr, *, is_unexpected: bool) -> Measure:
    named = (repr(sorted(asked.arguments.items(), key=str)), repr(sorted(asked.domain.items(), key=str)))
    tally = asked.counted(counted.sum(), asked.name, *named)
    moments = [asked.tallies.share(Moments(column)) for column in pair.whole]

    def figure() -> Figure | None:
        # Whole numbers that a float holds compare alike either way.
        return Figure(value=tally.n) if all(each.largest <= 2**53 for each in moments) else None

    return Measure(figure=figure, unexpected=_rows(counted) if is_unexpected else None)


def _pair_unexpected(compare: Callable[[Asked, _Pair], pl.Expr]) -> Callable[[Asked], Measure | None]:
    def build(asked: Asked) -> Measure | None:
        pair = _pair(asked)
        if pair is None:
            return None
        unexpected = pair.kept & ~compare(asked, pair).fill_null(False)
        return _pair_count(asked, pair, unexpected, is_unexpected=True)

    return build


def _pair_filtered(asked: Asked) -> Measure | None:
    pair = _pair(asked)
    return None if pair is None else _pair_count(asked, pair, pair.kept, is_unexpected=False)


def _greater(asked: Asked, pair: _Pair) -> pl.Expr:
    return pair.a >= pair.b if asked.arguments.get("or_equal") else pair.a > pair.b


def _equal(asked: Asked, pair: _Pair) -> pl.Expr:
    return pair.a == pair.b


_UNEXPECTED_COUNT = ".unexpected_count"
_BY_VALUE = (
    "column_values.match_regex",
    "column_values.not_match_regex",
    "column_values.match_regex_list",
    "column_values.not_match_regex_list",
    "column_values.match_strftime_format",
    "column_values.json_parseable",
    "column_values.match_json_schema",
    "column_values.dateutil_parseable",
)
_FROM_DISTINCT = (
    "column.distinct_values.not_in_set",
    "column.distinct_values.not_in_set.count",
    "column.distinct_values.missing_from_column",
    "column.distinct_values.missing_from_column.count",
)

MEASURES: dict[str, Callable[[Asked], Measure | None]] = {
    "table.row_count": _row_count,
    "table.columns": lambda asked: _known(list(asked.schema)),
    "table.column_count": lambda asked: _known(len(asked.schema)),
    "table.column_types": _column_types,
    "column_values.nonnull.unexpected_count": _nulls,
    "column_values.null.unexpected_count": _presents,
    "column_values.between.unexpected_count": _between,
    "column_values.value_length.between.unexpected_count": _lengths_between,
    "column_values.value_length.equals.unexpected_count": _length_equals,
    "column_values.in_set.unexpected_count": _membership(is_in=True),
    "column_values.not_in_set.unexpected_count": _membership(is_in=False),
    "column_values.unique.unexpected_count": _unique,
    **dict.fromkeys((name + _UNEXPECTED_COUNT for name in _BY_VALUE), _by_value),
    "column.non_null_proportion": _non_null_proportion,
    "column.unique_proportion": _unique_proportion,
    "column.distinct_values.count": _distinct_count,
    **dict.fromkeys(_FROM_DISTINCT, _from_distinct),
    "column.most_common_value": _most_common,
    "column.min": _of_moments(lambda moments, _: Figure(value=moments.low)),
    "column.max": _of_moments(lambda moments, _: Figure(value=moments.high)),
    "column.mean": _of_moments(_mean),
    "column.sum": _of_moments(_sum),
    "column.standard_deviation": _of_moments(_deviation),
    "column.median": _median,
    "column.quantile_values": _quantiles,
    "column_pair_values.equal.unexpected_count": _pair_unexpected(_equal),
    "column_pair_values.equal.filtered_row_count": _pair_filtered,
    "column_pair_values.a_greater_than_b.unexpected_count": _pair_unexpected(_greater),
    "column_pair_values.a_greater_than_b.filtered_row_count": _pair_filtered,
}
