from __future__ import annotations

import subprocess
import sys

import pytest

from ratchet.errors import SpecError
from ratchet.validation.expectations import load_expectations
from tests.ratchet.validation.factories import expect, write

GOOD = """\
schema_version: 1
expectations:
  - expect: expect_column_values_to_be_between
    column: distance
    min_value: 0
    max_value: 5000
    mostly: 0.99
    severity: warning
    environments: [training]
    note: miles, not kilometres
  - expect: expect_column_values_to_not_be_null
    column: carrier
"""


def test_what_is_written_is_what_is_read(tmp_path):
    bounds, present = load_expectations(write(tmp_path, GOOD)).items
    assert bounds.expect == "expect_column_values_to_be_between"
    assert bounds.arguments == {"column": "distance", "min_value": 0, "max_value": 5000, "mostly": 0.99}
    assert (bounds.severity, bounds.environments, bounds.note) == ("warning", ("training",), "miles, not kilometres")
    assert bounds.where == "expectations.yaml:3"
    assert (present.severity, present.environments, present.note) == ("critical", ("training", "serving"), None)


def test_the_environment_selects(tmp_path):
    expectations = load_expectations(write(tmp_path, GOOD))
    assert [item.columns for item in expectations.of("serving")] == [("carrier",)]
    assert [item.columns for item in expectations.of("training")] == [("distance",), ("carrier",)]


def test_native_objects_keep_arguments_and_severity(tmp_path):
    bounds, _ = load_expectations(write(tmp_path, GOOD)).build("training")
    assert type(bounds).__name__ == "ExpectColumnValuesToBeBetween"
    assert (bounds.mostly, bounds.max_value, bounds.severity.value) == (0.99, 5000, "warning")


def test_the_digest_names_the_bytes(tmp_path):
    first = load_expectations(write(tmp_path, GOOD)).digest
    assert first == load_expectations(write(tmp_path, GOOD)).digest
    assert first != load_expectations(write(tmp_path, GOOD + "# edited\n")).digest


def test_a_file_is_read_without_importing_great_expectations(tmp_path):
    path = write(tmp_path, GOOD)
    code = (
        "import sys; from pathlib import Path; from ratchet.validation.expectations import load_expectations; "
        f"load_expectations(Path({str(path)!r})); "
        "print(sorted({'great_expectations', 'pandas', 'polars'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


BETWEEN = "expect: expect_column_values_to_be_between, column: a"
PRESENT = "expect: expect_column_values_to_not_be_null, column: a"


@pytest.mark.parametrize(
    ("item", "message"),
    [
        pytest.param(
            "expect: expect_column_values_to_not_be_nul, column: a",
            "yaml:3: .*did you mean 'expect_column_values_to_not_be_null'",
            id="misspelt-type",
        ),
        pytest.param("expect: 7, column: a", "unknown expectation 7", id="type-is-no-text"),
        pytest.param("column: a", "unknown expectation None", id="no-type"),
        pytest.param("just text", "must be a mapping", id="no-mapping"),
        pytest.param("expect: unexpected_rows_expectation, unexpected_rows_query: x", "databases only", id="sql"),
        pytest.param(
            "expect: expect_column_values_to_be_of_type, column: a, type_: int",
            "expect_column_type_to_be",
            id="type-that-misjudges",
        ),
        pytest.param(
            f"{BETWEEN}, min_val: 1, max_value: 2",
            "min_val: unknown key; did you mean 'min_value'",
            id="misspelt-argument",
        ),
        pytest.param(
            "expect: expect_column_values_to_be_in_set, column: a", "'value_set' is missing", id="missing-argument"
        ),
        pytest.param(
            "expect: expect_column_values_to_be_in_set, column: a, value_set: []", "at least one value", id="empty-set"
        ),
        pytest.param(BETWEEN, "min_value, max_value or both", id="no-bound"),
        pytest.param(
            "expect: expect_column_mean_to_be_between, column: a", "passes on anything", id="no-bound-of-a-mean"
        ),
        pytest.param(f"{BETWEEN}, min_value: 2, max_value: 1", "must not exceed max_value", id="crossed-bounds"),
        pytest.param(f'{BETWEEN}, min_value: "5"', "must be a number", id="number-as-text"),
        pytest.param(f"{BETWEEN}, min_value: true", "must be a number", id="bool-as-number"),
        pytest.param(f"{PRESENT}, mostly: 0", "above 0", id="mostly-0"),
        pytest.param(f"{PRESENT}, mostly: 1.01", "at most 1", id="mostly-over-1"),
        pytest.param("expect: expect_column_values_to_not_be_null, column: 3", "must be text", id="column-is-no-text"),
        pytest.param(f"{PRESENT}, row_condition: 'b > 1'", "evaluates it as code", id="row-condition"),
        pytest.param(f"{PRESENT}, severity: info", "critical or warning", id="severity"),
        pytest.param(f"{PRESENT}, environments: []", "training, serving or both", id="no-environment"),
        pytest.param(f"{PRESENT}, environments: [prod]", "training, serving or both", id="environment"),
        pytest.param(f"{PRESENT}, environments: [{{}}]", "training, serving or both", id="environment-mapping"),
        pytest.param(f"{PRESENT}, note: 5", "must be text", id="note"),
        pytest.param(f"{PRESENT}, column: b", "stands twice", id="duplicate-key"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_file_and_line(tmp_path, item, message):
    with pytest.raises(SpecError, match=message) as caught:
        expect(tmp_path, item if item == "just text" else f"{{{item}}}")
    assert "expectations.yaml:3" in str(caught.value)


@pytest.mark.parametrize("bounds", ["min_value: 1, max_value: 1", "min_value: 0.5, max_value: 1"])
def test_bounds_that_a_value_can_meet_are_taken(tmp_path, bounds):
    assert len(expect(tmp_path, f"{{expect: expect_column_values_to_be_between, column: a, {bounds}}}").items) == 1


def test_every_fault_is_named_at_once(tmp_path):
    with pytest.raises(SpecError) as caught:
        expect(tmp_path, "{expect: expect_x}", "{expect: expect_column_to_exist}")
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("schema_version: 1\nexpectations: []\n", "at least one expectation", id="empty-list"),
        pytest.param("schema_version: 1\n", "at least one expectation", id="no-list"),
        pytest.param("schema_version: 2\nexpectations: []\n", "schema_version: must be 1", id="version"),
        pytest.param("schema_version: true\nexpectations: []\n", "schema_version: must be 1", id="version-bool"),
        pytest.param("schema_version: 1\nexpectation: []\n", "did you mean 'expectations'", id="key"),
        pytest.param("- a\n", "must be a mapping", id="no-mapping"),
    ],
)
def test_the_file_itself_is_held_to_its_shape(tmp_path, text, message):
    with pytest.raises(SpecError, match=message):
        load_expectations(write(tmp_path, text))


def test_what_only_great_expectations_can_tell_is_a_spec_error_with_its_line(tmp_path):
    item = "{expect: expect_column_values_to_not_be_outliers, column: a, method: guess}"
    with pytest.raises(SpecError, match=r"expectations\.yaml:3: .*method"):
        expect(tmp_path, item).build("serving")
