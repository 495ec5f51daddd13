from __future__ import annotations

import json
import math

import polars as pl
import pytest

from ratchet.validation.frame import validate_frame
from ratchet.validation.result import ValidationResult, summary
from ratchet.verdicts import worst
from tests.ratchet.validation.factories import CANARY, expect, make_day, validate

DISTANCE = "{expect: expect_column_values_to_be_between, column: distance, min_value: 80, max_value: 2500}"
EITHER = "ignore_row_if: either_value_is_missing"
PRESENT = "{expect: expect_column_values_to_not_be_null, column: distance}"
UNIQUE = "{expect: expect_column_values_to_be_unique, column: trip_id}"
CARRIER = '{expect: expect_column_values_to_be_in_set, column: carrier, value_set: [AA, "NO", "010"]}'


def only(result: ValidationResult):
    (anomaly,) = result.anomalies
    return anomaly


class TestVacuousPasses:
    def test_no_expectation_for_the_environment_fails(self, tmp_path):
        expectations = expect(tmp_path, PRESENT[:-1] + ", environments: [training]}")
        result = validate(make_day(), expectations, "serving")
        assert (result.verdict, result.n_expectations) == ("fail", 0)
        assert "at least one expectation" in only(result).expected
        assert validate(make_day(), expectations, "training").verdict == "pass"

    def test_an_empty_frame_fails(self, tmp_path):
        result = validate(make_day().clear(), expect(tmp_path, PRESENT, UNIQUE, DISTANCE))
        assert result.verdict == "fail"
        assert "at least one example" in only(result).expected

    @pytest.mark.parametrize(
        "item",
        [
            "{expect: expect_column_values_to_be_between, column: temp, min_value: 0, max_value: 1}",
            "{expect: expect_column_values_to_be_in_set, column: temp, value_set: [1]}",
            "{expect: expect_column_values_to_be_unique, column: temp}",
            "{expect: expect_column_mean_to_be_between, column: temp, min_value: 0}",
            "{expect: expect_column_unique_value_count_to_be_between, column: temp, max_value: 5}",
            "{expect: expect_column_values_to_not_be_null, column: temp, mostly: 0.01}",
        ],
    )
    @pytest.mark.parametrize("nothing", [None, math.nan], ids=["null", "nan"])
    def test_an_all_null_column_fails(self, tmp_path, item, nothing):
        frame = make_day().with_columns(temp=pl.lit(nothing, dtype=pl.Float64))
        result = validate(frame, expect(tmp_path, item))
        assert result.verdict == "fail"
        assert only(result).seen == "no value in any of 300 examples"

    @pytest.mark.parametrize(
        "item",
        [
            "{expect: expect_column_values_to_be_null, column: temp}",
            "{expect: expect_column_proportion_of_non_null_values_to_be_between, column: temp, max_value: 0.5}",
            "{expect: expect_column_to_exist, column: temp}",
            "{expect: expect_column_type_to_be, column: temp, type_: float64}",
        ],
    )
    def test_an_all_null_column_meets_what_speaks_of_nulls_or_of_the_column(self, tmp_path, item):
        frame = make_day().with_columns(temp=pl.lit(None, dtype=pl.Float64))
        assert validate(frame, expect(tmp_path, item)).verdict == "pass"

    def test_one_value_is_enough_to_judge(self, tmp_path):
        one = pl.when(pl.int_range(pl.len()) == 0).then(100)
        result = validate(make_day().with_columns(distance=one), expect(tmp_path, DISTANCE))
        assert result.verdict == "pass"

    def test_columns_that_never_hold_values_together_fail_a_comparison(self, tmp_path):
        even = pl.int_range(pl.len()) % 2 == 0
        frame = make_day().with_columns(a=pl.when(even).then(1), b=pl.when(~even).then(2))
        item = f"{{expect: expect_column_pair_values_to_be_equal, column_A: a, column_B: b, {EITHER}}}"
        result = validate(frame, expect(tmp_path, item))
        assert result.verdict == "fail"
        assert "no value together" in only(result).seen

    @pytest.mark.parametrize("number", [math.inf, -math.inf])
    def test_infinity_fails_a_bound_on_the_other_side(self, tmp_path, number):
        frame = make_day().with_columns(rain=pl.when(pl.int_range(pl.len()) == 0).then(number).otherwise("rain"))
        bound = "min_value: -1" if number > 0 else "max_value: 2"
        result = validate(
            frame, expect(tmp_path, f"{{expect: expect_column_values_to_be_between, column: rain, {bound}}}")
        )
        assert result.verdict == "fail"
        assert only(result).seen == "1 infinite values"

    def test_a_missing_column_fails_and_says_so_once(self, tmp_path):
        result = validate(make_day().drop("distance"), expect(tmp_path, DISTANCE, PRESENT, UNIQUE))
        assert [check.verdict for check in result.checks] == ["fail", "fail", "pass"]
        anomaly = only(result)
        assert (anomaly.column, anomaly.seen) == ("distance", "no such column")
        assert anomaly.where == ("expectations.yaml:3", "expectations.yaml:4")

    def test_an_exception_fails_and_says_so_without_its_message(self, tmp_path):
        frame = make_day().with_columns(distance=pl.lit(CANARY))
        result = validate(frame, expect(tmp_path, DISTANCE))
        assert result.verdict == "fail"
        assert only(result).seen == "it could not be evaluated (TypeError); the column is of type str"


class TestBounds:
    @pytest.mark.parametrize(
        ("value", "verdict"),
        [
            pytest.param(80, "pass", id="at-the-lower"),
            pytest.param(79, "fail", id="below"),
            pytest.param(2500, "pass", id="at-the-upper"),
            pytest.param(2501, "fail", id="above"),
        ],
    )
    def test_bounds_are_inclusive(self, tmp_path, value, verdict):
        frame = make_day().with_columns(distance=pl.lit(value))
        assert validate(frame, expect(tmp_path, DISTANCE)).verdict == verdict

    @pytest.mark.parametrize(("n_null", "verdict"), [(3, "pass"), (4, "fail")])
    def test_mostly_is_inclusive(self, tmp_path, n_null, verdict):
        frame = make_day().with_columns(distance=pl.when(pl.int_range(pl.len()) >= n_null).then("distance"))
        assert validate(frame, expect(tmp_path, PRESENT[:-1] + ", mostly: 0.99}")).verdict == verdict

    @pytest.mark.parametrize(("n", "verdict"), [(99, "fail"), (100, "pass"), (200, "pass"), (201, "fail")])
    def test_row_count(self, tmp_path, n, verdict):
        item = "{expect: expect_table_row_count_to_be_between, min_value: 100, max_value: 200}"
        result = validate(make_day(n=n), expect(tmp_path, item))
        assert result.verdict == verdict
        if verdict == "fail":
            assert only(result).seen == str(n)

    def test_a_type_does_not_depend_on_the_nulls_of_the_day(self, tmp_path):
        whole = expect(tmp_path, "{expect: expect_column_type_to_be, column: distance, type_: Int64}")
        with_null = pl.when(pl.int_range(pl.len()) > 0).then("distance")
        assert validate(make_day(), whole).verdict == "pass"
        assert validate(make_day().with_columns(distance=with_null), whole).verdict == "pass"
        assert validate(make_day().with_columns(pl.col("distance").cast(pl.Float64)), whole).verdict == "fail"

    @pytest.mark.parametrize(("gap", "verdict"), [(1, "pass"), (-1, "fail")])
    def test_columns_with_nulls_are_compared(self, tmp_path, gap, verdict):
        frame = make_day().with_columns(b=pl.col("gust") - gap)
        item = f"{{expect: expect_column_pair_values_a_to_be_greater_than_b, column_A: gust, column_B: b, {EITHER}}}"
        assert validate(frame, expect(tmp_path, item)).verdict == verdict


@pytest.mark.parametrize("engine", ["scan", "pandas"])
@pytest.mark.parametrize(("low", "verdict"), [(0, "pass"), (2600, "fail")])
def test_quantiles_pass_and_fail_both_ways(tmp_path, engine, low, verdict):
    ranges = f"{{quantiles: [0.5], value_ranges: [[{low}, 3000]]}}"
    item = f"{{expect: expect_column_quantile_values_to_be_between, column: distance, quantile_ranges: {ranges}}}"
    result = validate_frame(make_day(), expect(tmp_path, item), environment="training", entity="trip_id", engine=engine)
    assert result.verdict == verdict


def test_a_mean_of_times_is_told_by_no_figure(tmp_path):
    item = "{expect: expect_column_mean_to_be_between, column: left_at, min_value: 0}"
    result = validate(make_day(), expect(tmp_path, item))
    assert result.verdict == "fail"
    assert "2013" not in only(result).seen


class TestVerdict:
    def test_only_warnings_pass_with_an_anomaly(self, tmp_path):
        frame = make_day().with_columns(distance=pl.lit(-1))
        result = validate(frame, expect(tmp_path, DISTANCE[:-1] + ", severity: warning}", UNIQUE))
        assert result.verdict == worst(result.checks) == "pass"
        assert only(result).severity == "warning"
        assert result.checks[0].reason.startswith("warning, stops nothing")
        assert "0 of 2 expectations failed, 1 warned" in summary(result)

    def test_a_critical_failure_beside_a_warning_fails(self, tmp_path):
        frame = make_day().with_columns(distance=pl.lit(None, dtype=pl.Int64))
        result = validate(frame, expect(tmp_path, DISTANCE[:-1] + ", severity: warning}", PRESENT))
        assert result.verdict == worst(result.checks) == "fail"
        assert only(result).severity == "critical"

    def test_checks_stand_in_the_order_of_the_file(self, tmp_path):
        result = validate(make_day(), expect(tmp_path, DISTANCE, UNIQUE, CARRIER, PRESENT))
        assert [check.name.split(":")[0] for check in result.checks] == ["distance", "trip_id", "carrier", "distance"]
        assert result.n_expectations == 4

    def test_one_frame_does_not_answer_for_the_next(self, tmp_path):
        expectations = expect(tmp_path, DISTANCE, UNIQUE)
        verdicts = [validate(frame, expectations).verdict for frame in (make_day(), broken_day(), make_day())]
        assert verdicts == ["pass", "fail", "pass"]

    def test_it_goes_through_json(self, tmp_path):
        result = validate(broken_day(), expect(tmp_path, DISTANCE, UNIQUE, CARRIER))
        values = json.loads(json.dumps(result.to_json(), allow_nan=False))
        assert values["schema_version"] == 1
        assert ValidationResult.from_json(values) == result

    def test_a_later_schema_version_is_refused(self, tmp_path):
        values = validate(make_day(), expect(tmp_path, PRESENT)).to_json() | {"schema_version": 2}
        with pytest.raises(ValueError, match="schema_version must be 1"):
            ValidationResult.from_json(values)


def broken_day() -> pl.DataFrame:
    """Return a day with negative distances, unknown carriers and 20 trips delivered twice."""
    day = make_day().with_columns(
        distance=pl.when(pl.int_range(pl.len()) < 30).then(-5).otherwise("distance"),
        carrier=pl.when(pl.int_range(pl.len()) < 6).then(pl.lit(CANARY)).otherwise("carrier"),
    )
    return pl.concat([day, day.tail(20)])


class TestReport:
    @pytest.fixture
    def result(self, tmp_path):
        extreme = "{expect: expect_column_max_to_be_between, column: secret, max_value: 1}"
        common = "{expect: expect_column_most_common_value_to_be_in_set, column: carrier, value_set: [zz]}"
        distinct = "{expect: expect_column_distinct_values_to_be_in_set, column: carrier, value_set: [AA]}"
        expectations = expect(tmp_path, DISTANCE, UNIQUE, CARRIER, extreme, common, distinct)
        return validate(broken_day().with_columns(secret=pl.lit(918273645.25)), expectations)

    def test_counts_shares_and_keys_are_told(self, result):
        distance, trips, carriers = result.anomalies[:3]
        assert (distance.n_unexpected, distance.share) == (30, round(30 / 320, 6))
        assert distance.seen == "30 of 320 (9.375%) are not"
        assert distance.expected == "all values from 80 to 2500"
        assert distance.example_keys == tuple(f"2013-01-01-{i:04}" for i in range(5))
        assert trips.n_unexpected == 40
        assert trips.example_keys[0] == "2013-01-01-0280"
        assert (carriers.n_unexpected, carriers.expected) == (6, "all values among the 3 listed values")

    def test_raw_values_never_appear(self, result):
        text = json.dumps(result.to_json()) + summary(result)
        assert result.verdict == "fail"
        assert len(result.anomalies) == 6
        assert CANARY not in text
        assert "918273645" not in text

    def test_the_summary_reads_headline_first_then_a_paragraph_an_anomaly(self, result):
        paragraphs = summary(result, of="trips 2013-01-01").split("\n\n")
        assert paragraphs[0] == "FAIL trips 2013-01-01: 6 of 6 expectations failed (320 examples, training)."
        assert paragraphs[1].startswith(
            "- distance: expected all values from 80 to 2500; seen: 30 of 320 (9.375%) are not."
        )
        assert "do: look the examples up" in paragraphs[1]
        assert len(paragraphs) == 7

    def test_the_summary_stays_on_one_screen(self, tmp_path):
        items = [f"{{expect: expect_column_to_exist, column: c{i}}}" for i in range(14)]
        text = summary(validate(make_day(), expect(tmp_path, *items)))
        assert "... and 4 more anomalies" in text

    def test_without_the_entity_column_there_are_no_keys(self, tmp_path):
        result = validate(broken_day().drop("trip_id"), expect(tmp_path, DISTANCE))
        assert (only(result).n_unexpected, only(result).example_keys) == (30, ())

    def test_types_and_missing_columns_are_named(self, tmp_path):
        frame = make_day().with_columns(pl.col("distance").cast(pl.String))
        typed = "{expect: expect_column_type_to_be, column: distance, type_: Int64}"
        columns = "{expect: expect_table_columns_to_match_set, column_set: [distance, speed], exact_match: false}"
        result = validate(frame, expect(tmp_path, typed, columns))
        assert [anomaly.seen for anomaly in result.anomalies] == ["str", "without speed"]


def test_nothing_is_printed_and_no_file_is_written(tmp_path, monkeypatch, capfd):
    expectations = expect(tmp_path, DISTANCE, UNIQUE)
    empty = tmp_path / "cwd"
    empty.mkdir()
    monkeypatch.chdir(empty)
    validate(broken_day(), expectations)
    assert list(empty.iterdir()) == []
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
