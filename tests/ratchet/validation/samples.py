"""One sample of each expectation type for a frame with the columns a, b and key."""

from __future__ import annotations

from typing import Any

A = {"column": "a"}
PAIR = {"column_A": "a", "column_B": "b"}
LIST = {"column_list": ["a", "b"]}

SAMPLES: dict[str, dict[str, Any]] = {
    "expect_column_distinct_values_to_be_in_set": A | {"value_set": ["x", "y"]},
    "expect_column_distinct_values_to_contain_set": A | {"value_set": ["x"]},
    "expect_column_distinct_values_to_equal_set": A | {"value_set": ["x"]},
    "expect_column_max_to_be_between": A | {"min_value": 0, "max_value": 5},
    "expect_column_mean_to_be_between": A | {"min_value": 0},
    "expect_column_median_to_be_between": A | {"min_value": 0},
    "expect_column_min_to_be_between": A | {"max_value": 1, "strict_max": True},
    "expect_column_most_common_value_to_be_in_set": A | {"value_set": ["x", 1], "ties_okay": True},
    "expect_column_pair_values_a_to_be_greater_than_b": PAIR
    | {"or_equal": True, "ignore_row_if": "either_value_is_missing"},
    "expect_column_pair_values_to_be_equal": PAIR | {"mostly": 0.5},
    "expect_column_pair_values_to_be_in_set": PAIR | {"value_pairs_set": [[1, 2]]},
    "expect_column_proportion_of_non_null_values_to_be_between": A | {"min_value": 0.5},
    "expect_column_proportion_of_unique_values_to_be_between": A | {"min_value": 0.5},
    "expect_column_quantile_values_to_be_between": A
    | {"quantile_ranges": {"quantiles": [0.25, 0.75], "value_ranges": [[-1, 1], [None, 3]]}},
    "expect_column_stdev_to_be_between": A | {"max_value": 2},
    "expect_column_sum_to_be_between": A | {"min_value": 0, "max_value": 10},
    "expect_column_to_exist": A,
    "expect_column_type_to_be": A | {"type_": "float64"},
    "expect_column_unique_value_count_to_be_between": A | {"min_value": 2, "max_value": 4},
    "expect_column_value_lengths_to_be_between": A | {"min_value": 1, "max_value": 3},
    "expect_column_value_lengths_to_equal": A | {"value": 1, "mostly": 0.6},
    "expect_column_value_z_scores_to_be_less_than": A | {"threshold": 2, "double_sided": True},
    "expect_column_values_to_be_between": A | {"min_value": 0, "max_value": 3, "strict_min": True, "mostly": 0.7},
    "expect_column_values_to_be_dateutil_parseable": A,
    "expect_column_values_to_be_decreasing": A,
    "expect_column_values_to_be_in_set": A | {"value_set": [0, 1, 2]},
    "expect_column_values_to_be_increasing": A,
    "expect_column_values_to_be_json_parseable": A,
    "expect_column_values_to_be_null": A | {"mostly": 0.3},
    "expect_column_values_to_be_unique": A,
    "expect_column_values_to_match_json_schema": A | {"json_schema": {"type": "number"}},
    "expect_column_values_to_match_regex": A | {"regex": "^[x-z]+$"},
    "expect_column_values_to_match_regex_list": A | {"regex_list": ["x", r"\d"], "match_on": "any"},
    "expect_column_values_to_match_strftime_format": A | {"strftime_format": "%Y"},
    "expect_column_values_to_not_be_in_set": A | {"value_set": ["x", "y"]},
    "expect_column_values_to_not_be_null": A | {"mostly": 0.8},
    "expect_column_values_to_not_be_outliers": A,
    "expect_column_values_to_not_match_regex": A | {"regex": r"(?<=x)y|\s"},
    "expect_column_values_to_not_match_regex_list": A | {"regex_list": ["z"]},
    "expect_compound_columns_to_be_unique": LIST,
    "expect_multicolumn_sum_to_equal": LIST | {"sum_total": 3},
    "expect_multicolumn_values_to_be_equal": LIST,
    "expect_select_column_values_to_be_unique_within_record": LIST,
    "expect_table_column_count_to_be_between": {"min_value": 1, "max_value": 2},
    "expect_table_column_count_to_equal": {"value": 3},
    "expect_table_columns_to_match_ordered_list": {"column_list": ["a", "b", "key"]},
    "expect_table_columns_to_match_set": {"column_set": ["a", "c"], "exact_match": False},
    "expect_table_row_count_to_be_between": {"min_value": 3, "max_value": 20},
    "expect_table_row_count_to_equal": {"value": 3},
}
