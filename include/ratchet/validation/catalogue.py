"""The expectation types that may be written, and their arguments.

Kept as a table so that a file is checked without importing Great Expectations, which takes seconds; a test holds the
table to the installed version.
"""

from __future__ import annotations

from dataclasses import dataclass

_BOUNDS = "min_value max_value strict_min strict_max"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationType:
    """Arguments of one expectation type; of ``required`` none may be left out."""

    required: frozenset[str]
    optional: frozenset[str]

    @property
    def arguments(self) -> frozenset[str]:
        """Return every argument that the type knows."""
        return self.required | self.optional

    @property
    def has_bounds(self) -> bool:
        """Return whether it compares with ``min_value`` and ``max_value``."""
        return "min_value" in self.optional


def _type(required: str, optional: str = "") -> ExpectationType:
    return ExpectationType(required=frozenset(required.split()), optional=frozenset(optional.split()))


TYPES: dict[str, ExpectationType] = {
    "expect_column_distinct_values_to_be_in_set": _type("column value_set"),
    "expect_column_distinct_values_to_contain_set": _type("column value_set"),
    "expect_column_distinct_values_to_equal_set": _type("column value_set"),
    "expect_column_max_to_be_between": _type("column", _BOUNDS),
    "expect_column_mean_to_be_between": _type("column", _BOUNDS),
    "expect_column_median_to_be_between": _type("column", _BOUNDS),
    "expect_column_min_to_be_between": _type("column", _BOUNDS),
    "expect_column_most_common_value_to_be_in_set": _type("column value_set", "ties_okay"),
    "expect_column_pair_values_a_to_be_greater_than_b": _type("column_A column_B", "mostly or_equal ignore_row_if"),
    "expect_column_pair_values_to_be_equal": _type("column_A column_B", "mostly ignore_row_if"),
    "expect_column_pair_values_to_be_in_set": _type("column_A column_B value_pairs_set", "mostly ignore_row_if"),
    "expect_column_proportion_of_non_null_values_to_be_between": _type("column", _BOUNDS),
    "expect_column_proportion_of_unique_values_to_be_between": _type("column", _BOUNDS),
    "expect_column_quantile_values_to_be_between": _type("column quantile_ranges", "allow_relative_error"),
    "expect_column_stdev_to_be_between": _type("column", _BOUNDS),
    "expect_column_sum_to_be_between": _type("column", _BOUNDS),
    "expect_column_to_exist": _type("column", "column_index"),
    "expect_column_type_to_be": _type("column type_"),
    "expect_column_unique_value_count_to_be_between": _type("column", _BOUNDS),
    "expect_column_value_lengths_to_be_between": _type("column", f"mostly {_BOUNDS}"),
    "expect_column_value_lengths_to_equal": _type("column value", "mostly"),
    "expect_column_value_z_scores_to_be_less_than": _type("column threshold double_sided", "mostly"),
    "expect_column_values_to_be_between": _type("column", f"mostly {_BOUNDS}"),
    "expect_column_values_to_be_dateutil_parseable": _type("column", "mostly"),
    "expect_column_values_to_be_decreasing": _type("column", "mostly strictly"),
    "expect_column_values_to_be_in_set": _type("column value_set", "mostly"),
    "expect_column_values_to_be_increasing": _type("column", "mostly strictly"),
    "expect_column_values_to_be_json_parseable": _type("column", "mostly"),
    "expect_column_values_to_be_null": _type("column", "mostly"),
    "expect_column_values_to_be_unique": _type("column", "mostly"),
    "expect_column_values_to_match_json_schema": _type("column json_schema", "mostly"),
    "expect_column_values_to_match_regex": _type("column regex", "mostly"),
    "expect_column_values_to_match_regex_list": _type("column regex_list", "mostly match_on"),
    "expect_column_values_to_match_strftime_format": _type("column strftime_format", "mostly"),
    "expect_column_values_to_not_be_in_set": _type("column value_set", "mostly"),
    "expect_column_values_to_not_be_null": _type("column", "mostly"),
    "expect_column_values_to_not_be_outliers": _type("column", "mostly method multiplier"),
    "expect_column_values_to_not_match_regex": _type("column regex", "mostly"),
    "expect_column_values_to_not_match_regex_list": _type("column regex_list", "mostly"),
    "expect_compound_columns_to_be_unique": _type("column_list", "mostly ignore_row_if"),
    "expect_multicolumn_sum_to_equal": _type("column_list sum_total", "mostly ignore_row_if"),
    "expect_multicolumn_values_to_be_equal": _type("column_list", "mostly ignore_row_if"),
    "expect_select_column_values_to_be_unique_within_record": _type("column_list", "mostly ignore_row_if"),
    "expect_table_column_count_to_be_between": _type("", "min_value max_value"),
    "expect_table_column_count_to_equal": _type("value"),
    "expect_table_columns_to_match_ordered_list": _type("column_list"),
    "expect_table_columns_to_match_set": _type("column_set", "exact_match"),
    "expect_table_row_count_to_be_between": _type("", _BOUNDS),
    "expect_table_row_count_to_equal": _type("value"),
}

_SQL = "it runs on databases only, and a span is a frame."
_TYPE = "after the conversion to pandas it judges whole numbers and text wrongly. Write expect_column_type_to_be."
# Known to Great Expectations, refused here: each would fail, or judge wrongly, on every span.
REFUSED_TYPES: dict[str, str] = {
    "expect_column_kl_divergence_to_be_less_than": "it fails on whole numbers with nulls. The spec watches drift.",
    "expect_column_values_to_be_in_type_list": _TYPE,
    "expect_column_values_to_be_of_type": _TYPE,
    "expect_column_values_to_match_like_pattern": _SQL,
    "expect_column_values_to_match_like_pattern_list": _SQL,
    "expect_column_values_to_not_match_like_pattern": _SQL,
    "expect_column_values_to_not_match_like_pattern_list": _SQL,
    "expect_query_results_to_match_comparison": _SQL,
    "expect_table_row_count_to_equal_other_table": _SQL,
    "unexpected_rows_expectation": _SQL,
}

# Arguments that every type takes in Great Expectations, refused here with the reason.
REFUSED_ARGUMENTS: dict[str, str] = {
    "row_condition": "pandas evaluates it as code, and one that selects no row passes. Derive a column instead.",
    "condition_parser": "it belongs to row_condition, which is not read.",
    "result_format": "results never hold raw values.",
    "catch_exceptions": "an expectation that cannot be evaluated always fails.",
    "windows": "it needs Great Expectations Cloud.",
    "meta": "write a note instead.",
    "notes": "write a note instead.",
    "description": "write a note instead.",
    "batch_id": "the span is given by the caller.",
    "id": "an expectation is named by its line.",
}
