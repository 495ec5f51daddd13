from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import EmptyDataError
from ratchet.validation.expectations import Expectations, load_expectations
from ratchet.validation.inference import _round_out, infer_expectations
from tests.ratchet.validation.factories import make_day, make_days, make_spec, validate, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("model")


@pytest.fixture(scope="module")
def inferred(folder) -> Expectations:
    return load_expectations(write(folder, infer_expectations(make_days(), make_spec(folder))))


def arguments_of(expectations: Expectations, expect: str, column: str) -> dict[str, object] | None:
    found = [item for item in expectations.items if item.expect == expect and column in item.columns]
    return dict(found[0].arguments) if found else None


def infer(folder, frame: pl.DataFrame) -> Expectations:
    return load_expectations(write(folder, infer_expectations(frame, make_spec(folder))))


@pytest.mark.parametrize("environment", ["training", "serving"])
def test_every_span_meets_what_was_inferred_from_it(inferred, environment):
    for day in make_days().partition_by("span"):
        result = validate(day, inferred, environment)
        assert result.verdict == "pass", result.anomalies
        assert result.anomalies == ()


def test_the_label_is_expected_in_training_only(inferred):
    assert {item.environments for item in inferred.items if "is_late" in item.columns} == {("training",)}
    assert validate(make_day().drop("is_late"), inferred, "serving").verdict == "pass"
    assert validate(make_day().drop("is_late"), inferred, "training").verdict == "fail"


@pytest.mark.parametrize(
    ("fault", "column"),
    [
        pytest.param(lambda day: day.with_columns(distance=-pl.col("distance")), "distance", id="negative"),
        pytest.param(lambda day: day.with_columns(pl.col("temp") * 1.8 + 132), "temp", id="other-units"),
        pytest.param(lambda day: day.with_columns(carrier=pl.lit("XX")), "carrier", id="unknown-values"),
        pytest.param(lambda day: day.with_columns(carrier=pl.lit("NO ")), "carrier", id="padded-values"),
        pytest.param(lambda day: day.with_columns(distance=pl.col("distance").first()), "distance", id="one-number"),
        pytest.param(lambda day: day.with_columns(carrier=pl.col("carrier").first()), "carrier", id="one-value"),
        pytest.param(lambda day: day.drop("rain"), "rain", id="missing"),
        pytest.param(lambda day: day.with_columns(pl.col("distance").cast(pl.String)), "distance", id="other-type"),
        pytest.param(lambda day: pl.concat([day, day.head(1)]), "trip_id", id="delivered-twice"),
        pytest.param(lambda day: day.head(100), None, id="cut-short"),
        pytest.param(lambda day: day.with_columns(temp=pl.lit(None, dtype=pl.Float64)), "temp", id="all-null"),
        pytest.param(lambda day: day.with_columns(route=pl.lit("longer than any")), "route", id="other-format"),
        pytest.param(lambda day: day.with_columns(left_at=pl.lit(None, dtype=pl.Date)), "left_at", id="no-time"),
    ],
)
def test_a_planted_fault_fails_and_names_its_column(inferred, fault, column):
    result = validate(fault(make_day()), inferred, "serving")
    assert result.verdict == "fail"
    assert column in {anomaly.column for anomaly in result.anomalies}


def test_the_text_is_the_same_whatever_the_order_of_the_rows(folder):
    spec = make_spec(folder)
    text = infer_expectations(make_days(), spec)
    assert text == infer_expectations(make_days().sample(fraction=1, shuffle=True, seed=3), spec)
    assert all(len(line) < 200 for line in text.splitlines())


def test_an_empty_frame_cannot_be_inferred_from(folder):
    with pytest.raises(EmptyDataError, match="there is none"):
        infer_expectations(make_day().clear(), make_spec(folder))


def test_without_a_span_column_the_frame_is_one_span(folder):
    expectations = infer(folder, make_day(n=100).drop("span"))
    (rows,) = [item for item in expectations.items if item.expect == "expect_table_row_count_to_be_between"]
    assert rows.arguments == {"min_value": 50, "max_value": 200}


class TestRules:
    BETWEEN = "expect_column_values_to_be_between"

    @pytest.mark.parametrize(
        ("seen", "bounds"),
        [
            pytest.param([100, 110, 120], (80, 140), id="whole-once-the-range"),
            pytest.param([5, 15, 20], (0, 35), id="whole-never-below-0"),
            pytest.param([-5, 0, 5], (-15, 15), id="whole-below-0-before"),
            pytest.param([10.0, 15.0, 20.0], (-10, 40), id="broken-twice-the-range"),
            pytest.param([1.0, 6.0, 11.0], (0, 31), id="broken-near-0-not-below"),
            pytest.param([0.0, 0.0, 1.0], (0, 11), id="skewed-ten-ranges-upward"),
            pytest.param([7.0, 7.0, 7.0], (-7, 21), id="constant"),
        ],
    )
    def test_bounds_are_widened(self, folder, seen, bounds):
        frame = pl.DataFrame({"trip_id": ["a", "b", "c"], "temp": seen})
        arguments = arguments_of(infer(folder, frame), self.BETWEEN, "temp")
        assert arguments is not None
        assert (arguments["min_value"], arguments["max_value"]) == bounds

    @pytest.mark.parametrize(
        ("n_null", "mostly"), [(0, None), (10, 0.79), (46, 0.07), (47, 0.05)], ids=["none", "some", "many", "just"]
    )
    def test_presence_allows_twice_the_nulls_and_a_hundredth(self, folder, n_null, mostly):
        frame = pl.DataFrame({"temp": [None] * n_null + [1.5] * (100 - n_null)})
        arguments = arguments_of(infer(folder, frame), "expect_column_values_to_not_be_null", "temp")
        assert arguments is not None
        assert arguments.get("mostly") == pytest.approx(mostly)

    def test_a_column_often_null_is_only_warned_about(self, folder):
        frame = pl.DataFrame({"temp": [None] * 48 + [1.5] * 52})
        items = [item for item in infer(folder, frame).items if item.columns == ("temp",)]
        assert {item.severity for item in items} == {"warning"}
        assert "expect_column_values_to_not_be_null" not in {item.expect for item in items}

    def test_an_all_null_column_is_expected_to_exist_only(self, folder):
        frame = pl.DataFrame({"temp": pl.Series([None] * 5, dtype=pl.Float64)})
        assert [item.expect for item in infer(folder, frame).items if item.columns] == ["expect_column_to_exist"]

    @pytest.mark.parametrize(("n_values", "is_listed"), [(50, True), (51, False)])
    def test_a_domain_is_listed_up_to_a_size(self, folder, n_values, is_listed):
        frame = pl.DataFrame({"carrier": [f"c{i:02}" for i in range(n_values)] * 10})
        expectations = infer(folder, frame)
        assert bool(arguments_of(expectations, "expect_column_values_to_be_in_set", "carrier")) is is_listed
        assert bool(arguments_of(expectations, "expect_column_value_lengths_to_be_between", "carrier")) is not is_listed

    def test_an_entity_seen_twice_in_a_span_is_not_expected_to_be_unique(self, folder):
        frame = pl.DataFrame({"trip_id": ["a", "a"]})
        assert arguments_of(infer(folder, frame), "expect_column_values_to_be_unique", "trip_id") is None


@given(
    values=st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=12), min_size=1, max_size=8, unique=True)
)
@settings(max_examples=25, deadline=None)
def test_any_text_survives_the_way_through_the_file(folder, values):
    frame = pl.DataFrame({"carrier": values * 10})
    arguments = arguments_of(infer(folder, frame), "expect_column_values_to_be_in_set", "carrier")
    assert arguments is not None
    assert set(arguments["value_set"]) == set(values)  # type: ignore[call-overload]


@given(number=st.floats(-1e12, 1e12))
def test_rounding_goes_outward_by_less_than_one_in_a_hundred(number):
    low, high = _round_out(number, up=False), _round_out(number, up=True)
    assert low <= number <= high
    assert high - low <= abs(number) * 0.01 + 1e-300
