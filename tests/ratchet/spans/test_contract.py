from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import DataError
from ratchet.spans.contract import sort_examples, sort_ground_truth
from ratchet.spans.records import REASON
from ratchet.spec.contract import Rows
from ratchet.spec.label import Label
from tests.factories.models import CALENDAR, day, parcels_spec

SPEC = parcels_spec({"source.max_quarantined": 1.0, "features.slices": []})
START, END = CALENDAR.bounds(day(1))
TICK = timedelta(microseconds=1)
SCHEMA = {
    "parcel_id": pl.String,
    "sent_at": pl.Datetime("us", "UTC"),
    "distance": pl.Float64,
    "weight": pl.Float64,
    "carrier": pl.String,
}
INSTANTS = st.sampled_from([None, START - TICK, START, START + timedelta(hours=5), END - TICK, END])
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "parcel_id": st.sampled_from([None, "a", "b", "c", "d"]),
            "sent_at": INSTANTS,
            "distance": st.sampled_from([None, 1.0, 2.0, float("nan")]),
            "weight": st.just(5.0),
            "carrier": st.sampled_from([None, "A"]),
        }
    ),
    min_size=1,
    max_size=25,
)


def make_frame(*rows: dict[str, Any]) -> pl.DataFrame:
    sound = {"sent_at": START, "distance": 1.0, "weight": 5.0, "carrier": "A"}
    return pl.DataFrame([{"parcel_id": f"p{number}", **sound, **row} for number, row in enumerate(rows)], schema=SCHEMA)


def sort(frame: pl.DataFrame, **changes: Any) -> Any:
    spec = parcels_spec({"source.max_quarantined": 1.0, "features.slices": [], **changes}) if changes else SPEC
    return sort_examples(frame, spec, (START, END))


def fault(row: dict[str, Any]) -> str | None:
    """What is wrong with a row by itself."""
    if row["parcel_id"] is None:
        return "parcel_id is null"
    if row["sent_at"] is None:
        return "sent_at is null"
    return None if START <= row["sent_at"] < END else "sent_at is outside the span"


def expected_reason(row: dict[str, Any], number: int, rows: list[dict[str, Any]]) -> str | None:
    """The contract once more, row by row."""
    if fault(row):
        return fault(row)
    same = [other for other in rows if other["parcel_id"] == row["parcel_id"] and not fault(other)]
    if len({repr(other) for other in same}) > 1:
        return "parcel_id stands for rows that differ"
    is_first = not any(other["parcel_id"] == row["parcel_id"] and not fault(other) for other in rows[:number])
    return None if is_first else "parcel_id is delivered twice"


@given(ROWS)
def test_rows_in_are_rows_kept_and_rows_quarantined(rows: list[dict[str, Any]]):
    frame = pl.DataFrame(rows, schema=SCHEMA)
    found, rows = sort(frame), frame.rows(named=True)
    assert found.kept.height + found.quarantined.height == len(rows)
    reasons = [expected_reason(row, number, rows) for number, row in enumerate(rows)]
    assert found.reasons() == dict(sorted(Counter(reason for reason in reasons if reason).items()))
    kept = [repr(row) for row, reason in zip(rows, reasons, strict=True) if reason is None]
    assert [repr(row) for row in found.kept.rows(named=True)] == kept
    both = pl.concat([found.kept, found.quarantined.drop(REASON)])
    assert Counter(map(repr, both.rows(named=True))) == Counter(map(repr, rows))


@settings(max_examples=25)
@given(ROWS)
def test_the_order_of_the_columns_does_not_matter(rows: list[dict[str, Any]]):
    frame = pl.DataFrame(rows, schema=SCHEMA)
    assert sort(frame.select(reversed(frame.columns))).kept.equals(sort(frame).kept)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"parcel_id": st.sampled_from([None, "a", "b", "c"]), "is_late": st.sampled_from([None, True, False])}
        ),
        min_size=1,
        max_size=12,
    )
)
def test_no_outcome_is_lost_and_a_contradicted_one_is_not_believed(rows: list[dict[str, Any]]):
    frame = pl.DataFrame(rows, schema={"parcel_id": pl.String, "is_late": pl.Boolean})
    found = sort_ground_truth(frame, "parcel_id", SPEC.label, 1.0)
    assert found.kept.height + found.quarantined.height == len(rows)
    said: dict[str, set[bool]] = {}
    for row in rows:
        if row["parcel_id"] is not None and row["is_late"] is not None:
            said.setdefault(row["parcel_id"], set()).add(row["is_late"])
    believed = {name: outcome for name, (outcome, *more) in ((n, list(o)) for n, o in said.items()) if not more}
    assert dict(found.kept.iter_rows()) == believed


class TestOutcomesOfOtherKinds:
    NUMBER = Label(column="y", kind="regression", known_after_spans=1)
    CLASS = Label(column="y", kind="multiclass", classes=("a", "7"), known_after_spans=1)

    def sort(self, label: Label, outcomes: pl.Series, rows: Rows | None = None) -> Any:
        frame = pl.DataFrame({"parcel_id": [f"p{i}" for i in range(len(outcomes))], "y": outcomes})
        return sort_ground_truth(frame, "parcel_id", label, 1.0, rows=rows)

    def test_a_number_must_be_finite_whatever_features_may_be(self):
        outcomes = pl.Series([1.5, -0.0, None, float("nan"), float("inf"), -1e300])
        found = self.sort(self.NUMBER, outcomes, Rows(infinite="keep"))
        assert found.kept["y"].to_list() == [1.5, 0.0, -1e300]
        assert found.reasons() == {"y is null": 1, "y is no finite number": 2}
        assert self.sort(self.NUMBER, pl.Series([3, 4])).kept["y"].dtype == pl.Float64

    def test_text_is_a_number_only_where_the_spec_parses_it(self):
        texts = pl.Series(["1.5", "soon", "NA"])
        with pytest.raises(DataError, match="'y' was delivered as text: 1 of 3 values are numbers"):
            self.sort(self.NUMBER, texts)
        found = self.sort(self.NUMBER, texts, Rows(text_numbers="parse", null_words=("NA",)))
        assert found.kept["y"].to_list() == [1.5]
        assert found.reasons() == {"y is no number": 1, "y is null": 1}

    def test_a_text_must_be_one_of_the_classes_to_the_letter(self):
        found = self.sort(self.CLASS, pl.Series(["a", "A", "a ", None, "7"]))
        assert found.kept["y"].to_list() == ["a", "7"]
        assert found.reasons() == {"y is none of label.classes": 2, "y is null": 1}
        assert self.sort(self.CLASS, pl.Series([7, 8])).kept["y"].to_list() == ["7"]

    def test_a_type_that_holds_no_such_outcome_is_refused_whole(self):
        lists = pl.Series([[1.0], [2.0]])
        with pytest.raises(DataError, match="'y' was delivered as List"):
            self.sort(self.NUMBER, lists)
        with pytest.raises(DataError, match="'y' was delivered as List"):
            self.sort(self.CLASS, lists)

    def test_a_contradicted_number_is_not_believed(self):
        frame = pl.DataFrame({"parcel_id": ["a", "a", "b", "b"], "y": [1.0, 2.0, 3.0, 3.0]})
        assert sort_ground_truth(frame, "parcel_id", self.NUMBER, 1.0).kept.rows() == [("b", 3.0)]


class TestBounds:
    @pytest.mark.parametrize(
        ("sent_at", "n_kept"),
        [
            pytest.param(START, 1, id="first-instant"),
            pytest.param(START - TICK, 0, id="just-before"),
            pytest.param(END - TICK, 1, id="last-instant"),
            pytest.param(END, 0, id="first-of-the-next"),
        ],
    )
    def test_a_span_holds_its_first_instant_and_not_the_next_span_s(self, sent_at: Any, n_kept: int):
        assert sort(make_frame({"sent_at": sent_at})).kept.height == n_kept

    def test_other_zones_and_finer_clocks_are_the_same_instant(self):
        frame = make_frame({"sent_at": START}).with_columns(
            pl.col("sent_at").dt.convert_time_zone("Asia/Tokyo").cast(pl.Datetime("ns", "Asia/Tokyo"))
        )
        assert sort(frame).kept["sent_at"].to_list() == [START]

    @pytest.mark.parametrize(("n_bad", "is_refused"), [(1, False), (2, True)])
    def test_as_large_a_share_as_the_spec_says_is_let_through_and_no_larger(self, n_bad: int, is_refused: bool):
        frame = make_frame(*({"sent_at": END if number < n_bad else START} for number in range(100)))
        if not is_refused:
            assert sort(frame, **{"source.max_quarantined": 0.01}).quarantined.height == 1
            return
        with pytest.raises(
            DataError, match=r"2 of 100 rows .* at most 1.0% may: sent_at is outside the span: 2. Nothing was"
        ):
            sort(frame, **{"source.max_quarantined": 0.01})


class TestColumns:
    def test_what_is_known_only_afterwards_is_withheld_and_named(self):
        found = sort(make_frame({}).with_columns(delivered_at=pl.lit(END)))
        assert found.columns_withheld == ("delivered_at",)
        assert "delivered_at" not in found.kept.columns
        assert found.columns_unknown == ()

    def test_what_the_spec_does_not_name_is_left_out_and_named(self):
        found = sort(make_frame({}).with_columns(note=pl.lit("fragile"), delivery=pl.lit("x")))
        assert found.columns_unknown == ("note", "delivery")
        assert found.kept.columns == list(SCHEMA)

    def test_a_missing_column_is_refused_by_name_with_what_was_delivered(self):
        with pytest.raises(
            DataError, match="delivered no column weight, carrier. Delivered: parcel_id, sent_at, distance."
        ):
            sort(make_frame({}).drop("weight", "carrier"))

    @pytest.mark.parametrize(
        ("column", "values", "words"),
        [
            pytest.param("distance", ["12"], "numeric feature 'distance' was delivered as text", id="number-as-text"),
            pytest.param("distance", [START], "'distance' was delivered as Datetime", id="number-as-time"),
            pytest.param("carrier", [["A"]], "categorical column 'carrier' was delivered as List", id="text-as-list"),
            pytest.param("carrier", [b"A"], "'carrier' was delivered as Binary", id="text-as-bytes"),
            pytest.param("sent_at", [START.replace(tzinfo=None)], "'sent_at' must be a timestamp with", id="no-zone"),
            pytest.param("sent_at", ["2024-03-01"], "'sent_at' must be a timestamp with", id="time-as-text"),
            pytest.param("sent_at", [START.date()], "'sent_at' must be a timestamp with", id="time-as-date"),
        ],
    )
    def test_a_wrong_type_is_refused_naming_the_column(self, column: str, values: list[Any], words: str):
        frame = make_frame({}).with_columns(pl.Series(column, values))
        with pytest.raises(DataError, match=words):
            sort(frame)

    @pytest.mark.parametrize(
        ("column", "series", "value"),
        [
            pytest.param("distance", pl.Series([3]), 3.0, id="whole-number"),
            pytest.param("distance", pl.Series([True]), 1.0, id="boolean"),
            pytest.param("distance", pl.Series([None]), None, id="nothing-at-all"),
            pytest.param("carrier", pl.Series([7]), "7", id="number-as-category"),
            pytest.param("carrier", pl.Series(["A"], dtype=pl.Categorical), "A", id="category"),
            pytest.param("parcel_id", pl.Series([17]), "17", id="number-as-entity"),
        ],
    )
    def test_types_that_mean_the_same_are_brought_to_one(self, column: str, series: pl.Series, value: object):
        kept = sort(make_frame({}).with_columns(series.alias(column))).kept
        assert (kept[column].to_list(), dict(kept.schema)) == ([value], SCHEMA)

    def test_a_label_must_be_true_or_false(self):
        frame = pl.DataFrame({"parcel_id": ["a"], "is_late": [1]})
        with pytest.raises(DataError, match="label 'is_late' must be Boolean. Got Int64"):
            sort_ground_truth(frame, "parcel_id", SPEC.label, 1.0)
