"""The private seam to Great Expectations, held to its shape for every type that may be written."""

from __future__ import annotations

import inspect

import polars as pl
import pytest

from ratchet.validation.catalogue import TYPES
from ratchet.validation.decision import wanted_metrics
from ratchet.validation.engine import Asking, ask
from ratchet.validation.expectations import Expectation
from ratchet.validation.library import import_great_expectations
from ratchet.validation.metrics import MEASURES
from tests.ratchet.validation.samples import SAMPLES

SCHEMAS = {
    "numbers": pl.Schema({"a": pl.Float64(), "b": pl.Int64(), "key": pl.String()}),
    "text": pl.Schema({"a": pl.String(), "b": pl.String(), "key": pl.String()}),
}
# Answered from the scan for numbers, for text, or both; every other type is left to the pandas engine.
ON_ANY = {
    "expect_column_pair_values_a_to_be_greater_than_b",
    "expect_column_pair_values_to_be_equal",
    "expect_column_proportion_of_non_null_values_to_be_between",
    "expect_column_proportion_of_unique_values_to_be_between",
    "expect_column_to_exist",
    "expect_column_type_to_be",
    "expect_column_unique_value_count_to_be_between",
    "expect_column_values_to_be_in_set",
    "expect_column_values_to_be_null",
    "expect_column_values_to_be_unique",
    "expect_column_values_to_not_be_null",
    "expect_table_column_count_to_be_between",
    "expect_table_column_count_to_equal",
    "expect_table_columns_to_match_ordered_list",
    "expect_table_columns_to_match_set",
    "expect_table_row_count_to_be_between",
    "expect_table_row_count_to_equal",
}
ON_NUMBERS = {
    "expect_column_max_to_be_between",
    "expect_column_mean_to_be_between",
    "expect_column_median_to_be_between",
    "expect_column_min_to_be_between",
    "expect_column_quantile_values_to_be_between",
    "expect_column_stdev_to_be_between",
    "expect_column_sum_to_be_between",
    "expect_column_values_to_be_between",
}
ON_TEXT = {
    "expect_column_distinct_values_to_be_in_set",
    "expect_column_distinct_values_to_contain_set",
    "expect_column_distinct_values_to_equal_set",
    "expect_column_most_common_value_to_be_in_set",
    "expect_column_value_lengths_to_be_between",
    "expect_column_value_lengths_to_equal",
    "expect_column_values_to_be_dateutil_parseable",
    "expect_column_values_to_be_json_parseable",
    "expect_column_values_to_match_json_schema",
    "expect_column_values_to_match_regex",
    "expect_column_values_to_match_regex_list",
    "expect_column_values_to_match_strftime_format",
    "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_not_match_regex",
    "expect_column_values_to_not_match_regex_list",
}
ANSWERED = {"numbers": ON_ANY | ON_NUMBERS, "text": ON_ANY | ON_TEXT}


def build(name: str):
    return Expectation(expect=name, arguments=SAMPLES[name]).build()


def test_there_is_a_sample_of_every_type():
    assert set(SAMPLES) == set(TYPES)


@pytest.mark.parametrize("columns", sorted(SCHEMAS))
@pytest.mark.parametrize("name", sorted(TYPES))
def test_each_type_is_answered_by_the_scan_or_left_to_pandas(name, columns):
    (is_answered,) = Asking([build(name)], SCHEMAS[columns], entity="key").is_answered_by_scan
    assert is_answered is (name in ANSWERED[columns])


@pytest.mark.parametrize("name", sorted(TYPES))
def test_each_type_names_its_metrics_and_judges_them_by_name(name):
    native = build(name)
    wanted = wanted_metrics(native)
    assert wanted
    assert all(metric.metric_name == key for key, metric in wanted.items())
    parameters = inspect.signature(native._validate).parameters
    assert {"metrics", "runtime_configuration"} <= set(parameters)
    assert all(parameters[key].default is not inspect.Parameter.empty for key in parameters if key != "metrics")


def test_every_measure_is_of_a_metric_that_some_type_asks_for():
    asked = {name for kind in TYPES for name in wanted_metrics(build(kind)) or {}}
    assert set(MEASURES) <= asked


FRAME = pl.DataFrame({"a": [1.0, 2.0, 3.0, None], "b": [1, 2, 3, 4], "key": ["k", "l", "m", "n"]})


@pytest.fixture(scope="module")
def opposite():
    """Return expectations of hand-made types with another rule on metrics that the scan knows."""
    import_great_expectations()
    from great_expectations.expectations import registry
    from great_expectations.expectations.core import ExpectColumnMaxToBeBetween, ExpectColumnValuesToBeBetween

    class ExpectColumnMaxNotToBeBetween(ExpectColumnMaxToBeBetween):
        def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
            found = super()._validate(metrics, runtime_configuration, execution_engine)
            return {**found, "success": not found["success"]}

    class ExpectColumnValuesNotToBeBetween(ExpectColumnValuesToBeBetween):
        def _validate(self, metrics, runtime_configuration=None, execution_engine=None):
            found = super()._validate(metrics, runtime_configuration, execution_engine)
            return {**found, "success": not found["success"]}

    kinds = (ExpectColumnMaxNotToBeBetween, ExpectColumnValuesNotToBeBetween)
    yield [kind(column="a", min_value=0, max_value=5) for kind in kinds]
    for kind in kinds:  # a class registers itself, for the rest of the process
        registry._registered_expectations.pop(kind.expectation_type)


def test_a_hand_made_rule_decides_on_the_scan_too(monkeypatch, opposite):
    monkeypatch.setattr("ratchet.validation.engine.ask_pandas", None)  # the scan alone
    usual = [build("expect_column_max_to_be_between")]
    assert [answer.is_met for answer in ask(FRAME, [*usual, *opposite], entity="key")] == [True, False, False]


def test_a_metric_that_somebody_registered_anew_is_left_to_pandas(monkeypatch):
    native = build("expect_column_max_to_be_between")
    from great_expectations.expectations.metrics import ColumnMax

    assert wanted_metrics(native)
    monkeypatch.setattr(ColumnMax, "__module__", "somebody.elses")
    assert wanted_metrics(native) is None


def test_a_rule_that_raises_is_left_to_pandas(monkeypatch):
    native = build("expect_column_max_to_be_between")

    def broken(self, metrics, runtime_configuration=None, execution_engine=None):
        raise KeyError("what the scan did not tell")

    monkeypatch.setattr(type(native), "_validate", broken)
    (answer,) = ask(FRAME, [native], entity="key")
    assert (answer.is_met, answer.error) == (False, "KeyError")


def test_a_row_condition_is_left_to_pandas():
    native = build("expect_column_values_to_not_be_null").copy(update={"row_condition": "b > 1"})
    assert Asking([native], FRAME.schema, entity="key").is_answered_by_scan == [False]
