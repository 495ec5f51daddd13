"""Expectations and answers in words. Values of the data are never quoted, counts and aggregates are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ratchet.validation.answers import Answer
    from ratchet.validation.expectations import Expectation

# {all}: "all values" or "at least 99% of the values"; {range}, {set}: the bounds and the size of the list.
_EXPECTED: dict[str, str] = {
    "expect_column_distinct_values_to_be_in_set": "only values among {set}",
    "expect_column_distinct_values_to_contain_set": "each of {set} to occur",
    "expect_column_distinct_values_to_equal_set": "each of {set} to occur, and nothing else",
    "expect_column_max_to_be_between": "the largest value {range}",
    "expect_column_mean_to_be_between": "a mean {range}",
    "expect_column_median_to_be_between": "a median {range}",
    "expect_column_min_to_be_between": "the smallest value {range}",
    "expect_column_proportion_of_non_null_values_to_be_between": "a share of examples with a value {range}",
    "expect_column_proportion_of_unique_values_to_be_between": "a share of distinct values {range}",
    "expect_column_quantile_values_to_be_between": "{quantiles}",
    "expect_column_stdev_to_be_between": "a standard deviation {range}",
    "expect_column_sum_to_be_between": "a sum {range}",
    "expect_column_to_exist": "the column to exist",
    "expect_column_type_to_be": "the type {type_}",
    "expect_column_unique_value_count_to_be_between": "a number of distinct values {range}",
    "expect_column_value_lengths_to_be_between": "{all} to have a length {range}",
    "expect_column_values_to_be_between": "{all} {range}",
    "expect_column_values_to_be_in_set": "{all} among {set}",
    "expect_column_values_to_be_null": "{all} to be null",
    "expect_column_values_to_be_unique": "{all} to be unique",
    "expect_column_values_to_match_regex": "{all} to match {regex}",
    "expect_column_values_to_not_be_in_set": "{all} outside {set}",
    "expect_column_values_to_not_be_null": "{all} to be present",
    "expect_table_column_count_to_be_between": "a number of columns {range}",
    "expect_table_column_count_to_equal": "{value} columns",
    "expect_table_columns_to_match_set": "the {n_columns} listed columns",
    "expect_table_row_count_to_be_between": "a number of examples {range}",
    "expect_table_row_count_to_equal": "{value} examples",
}


def expected_words(expectation: Expectation) -> str:
    """Return what was expected, without the column."""
    template = _EXPECTED.get(expectation.expect)
    if template is None:
        given = ", ".join(f"{name} {value}" for name, value in expectation.arguments.items() if name != "column")
        phrase = expectation.expect.removeprefix("expect_").replace("_", " ")
        return f"{phrase} ({given})" if given else phrase
    arguments = expectation.arguments
    values = arguments.get("value_set", ())
    return template.format(
        **{name: value for name, value in arguments.items() if name in ("type_", "regex", "value")},
        all=_all(float(arguments.get("mostly", 1))),
        range=_range(expectation),
        set=f"the {len(values)} listed values" if len(values) != 1 else "the one listed value",
        n_columns=len(arguments.get("column_set", ())),
        quantiles=_quantiles(arguments.get("quantile_ranges", {})),
    )


def _all(mostly: float) -> str:
    return "all values" if mostly == 1 else f"at least {_percent(mostly)} of the values"


def _quantiles(ranges: Mapping[str, Any]) -> str:
    pairs = zip(ranges.get("quantiles", ()), ranges.get("value_ranges", ()), strict=True)
    return "; ".join(f"{_percent(rank)} of the values below a number {_between(*bounds)}" for rank, bounds in pairs)


def _between(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"from {low} to {high}"
    return f"of at least {low}" if high is None else f"of at most {high}"


def _range(expectation: Expectation) -> str:
    arguments = expectation.arguments
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is not None and high is not None and not (arguments.get("strict_min") or arguments.get("strict_max")):
        return f"from {low} to {high}"
    least = "above" if arguments.get("strict_min") else "at least"
    most = "below" if arguments.get("strict_max") else "at most"
    parts = [f"{word} {bound}" for word, bound in ((least, low), (most, high)) if bound is not None]
    return " and ".join(parts)


def seen_words(expectation: Expectation, answer: Answer, column_type: str | None) -> str:
    """Return what was seen instead."""
    if answer.error is not None:
        of_type = f"; the column is of type {column_type}" if column_type else ""
        return f"it could not be evaluated ({answer.error}){of_type}"
    if answer.figure is not None:
        figure = answer.figure
        return f"{figure:,.6g}" if isinstance(figure, float) and abs(figure) < 1e6 else f"{figure}"
    if answer.n_judged is not None and answer.n_unexpected is not None:
        return f"{answer.n_unexpected:,} of {answer.n_judged:,} ({_share(answer)}) are not"
    if answer.missing_columns:
        return f"without {', '.join(answer.missing_columns)}"
    parts = [f"{answer.n_unexpected} values not listed"] if answer.n_unexpected else []
    parts += [f"{answer.n_missing} of those listed never occur"] if answer.n_missing else []
    return ", ".join(parts) or "it is not so"


def _share(answer: Answer) -> str:
    share = answer_share(answer)
    return "no value" if share is None else _percent(share)


def _percent(share: float) -> str:
    """Return a share with as many digits as it needs, so that 99.96% is not 100%."""
    return f"{100 * share:.4f}".rstrip("0").rstrip(".") + "%"


def answer_share(answer: Answer) -> float | None:
    """Return the share in [0, 1] of the judged examples that departed; None where none was counted."""
    if answer.n_unexpected is None or not answer.n_judged:
        return None
    return round(answer.n_unexpected / answer.n_judged, 6)


def advice(expectation: Expectation, answer: Answer) -> str:
    """Return what to do about an expectation that was not met."""
    if answer.error is not None or expectation.expect == "expect_column_type_to_be":
        return "have the source deliver the type that was agreed, or edit the expectation if the new type is right."
    if expectation.expect.startswith("expect_table_row_count"):
        return "ask whether the span was delivered whole and once; edit the bounds if such spans are normal."
    if answer.example_keys:
        return "look the examples up at the source; have the span delivered again, or edit the expectation."
    return "compare the span with earlier ones; have it delivered again, or edit the expectation if it is right."
