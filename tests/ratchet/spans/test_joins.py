from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import DataError
from ratchet.spans.joins import join_as_of, reading_window, select_visible
from ratchet.spans.records import UTC_TIME
from ratchet.spec.delivery import FunctionDelivery
from ratchet.spec.joins import Join

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
DAY = (datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 3, 2, tzinfo=UTC))
MAIN = {"id": pl.String, "place": pl.String, "at": UTC_TIME}
REPORTS = {"place": pl.String, "true_at": UTC_TIME, "recorded_at": UTC_TIME, "temp": pl.Float64}


def a_join(**said: Any) -> Join:
    return Join(
        **{
            "delivery": FunctionDelivery(kind="function", function="source.read_reports"),
            "keys": ("place",),
            "time": "true_at",
            "available_after_minutes": 60,
            "stale_after_minutes": 360,
            "columns": ("temp",),
            **said,
        }
    )


def minutes(number: float) -> datetime:
    return NOON + timedelta(minutes=number)


def main(*rows: tuple[str | None, float | None]) -> pl.DataFrame:
    """Rows of a place and the minutes after noon at which they happened."""
    values = [(str(i), place, None if at is None else minutes(at)) for i, (place, at) in enumerate(rows)]
    return pl.DataFrame(values, schema=MAIN, orient="row")


def reports(*rows: tuple[str | None, float, float, float]) -> pl.DataFrame:
    """Rows of a place, when they were true and recorded, and a temperature."""
    values = [(place, minutes(true), minutes(recorded), temp) for place, true, recorded, temp in rows]
    return pl.DataFrame(values, schema=REPORTS, orient="row")


def joined(left: pl.DataFrame, right: pl.DataFrame, join: Join) -> list[Any]:
    visible = select_visible(right, join, reading_window(join, DAY), name="weather", zone="UTC")
    frame = join_as_of(left, visible, join, name="weather", time="at", zone="UTC")
    assert frame.drop("temp").equals(left)
    return frame["temp"].to_list()


class TestJoin:
    @pytest.mark.parametrize(
        ("true_at", "temp"),
        [
            pytest.param(-60, 7.0, id="at-the-delay"),
            pytest.param(-59, None, id="within-the-delay"),
            pytest.param(-420, 7.0, id="at-the-tolerance"),
            pytest.param(-421, None, id="stale"),
            pytest.param(10, None, id="of-the-future"),
        ],
    )
    def test_takes_what_was_true_before_the_delay_and_within_the_tolerance(self, true_at: float, temp: float | None):
        assert joined(main(("a", 0)), reports(("a", true_at, true_at, 7.0)), a_join()) == [temp]

    def test_the_newest_of_the_own_key_counts(self):
        right = reports(("a", -180, -180, 1.0), ("a", -120, -120, 2.0), ("b", -90, -90, 9.0))
        assert joined(main(("a", 0), ("b", 0), ("c", 0), (None, 0), ("a", None)), right, a_join()) == [
            *(2.0, 9.0),
            *(None, None, None),
        ]

    def test_a_null_of_the_newest_row_is_not_filled_from_an_older_one(self):
        right = reports(("a", -180, -180, 1.0), ("a", -120, -120, None))  # type: ignore[arg-type]
        assert joined(main(("a", 0)), right, a_join()) == [None]

    def test_a_row_without_key_is_joined_to_none(self):
        assert joined(main((None, 0)), reports((None, -120, -120, 5.0)), a_join()) == [None]

    def test_keeps_order_and_rows_of_the_main_source(self):
        left = main(("b", 30), ("a", 0), ("b", -30), ("a", 0))
        right = reports(("a", -120, -120, 1.0), ("b", -95, -95, 2.0), ("b", -35, -35, 3.0))
        assert joined(left, right, a_join()) == [3.0, 1.0, 2.0, 1.0]


class TestRevisions:
    BOTH = reports(("a", -120, -110, 1.0), ("a", -120, -30, 99.0))
    REVISED = a_join(recorded_time="recorded_at")

    def test_a_later_revision_does_not_leak(self):
        without = reports(("a", -120, -110, 1.0))
        assert joined(main(("a", 0)), self.BOTH, self.REVISED) == [1.0]
        assert joined(main(("a", 0)), without, self.REVISED) == [1.0]

    def test_a_revision_counts_from_its_record_and_the_delay_on(self):
        assert joined(main(("a", 29), ("a", 30)), self.BOTH, self.REVISED) == [1.0, 99.0]

    def test_a_row_recorded_late_is_passed_over_for_an_older_one_that_was_known(self):
        right = reports(("a", -180, -180, 1.0), ("a", -120, -10, 2.0))
        assert joined(main(("a", 0), ("a", 50)), right, self.REVISED) == [1.0, 2.0]

    def test_an_old_row_recorded_last_does_not_cover_a_newer_one(self):
        right = reports(("a", -120, -120, 2.0), ("a", -180, -70, 1.0))
        assert joined(main(("a", 0)), right, self.REVISED) == [2.0]

    def test_without_the_key_of_the_revision_contradicting_rows_are_refused(self):
        with pytest.raises(DataError, match=r"joins.weather: 1 rows contradict another of the same place, true_at"):
            joined(main(("a", 0)), self.BOTH, a_join())


ROWS = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(-8, 4), st.integers(-1, 3), st.integers(0, 3)), max_size=12
)
ASKED = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-6, 6)), max_size=8)


def naive(left: Sequence[Mapping[str, Any]], right: Sequence[Mapping[str, Any]], join: Join) -> list[float | None]:
    """Row by row: of the reports known by then, the one true last, in its last revision, unless it is stale."""
    found: list[float | None] = []
    for row in left:
        cutoff = row["at"] - timedelta(minutes=join.available_after_minutes)
        known = [
            report
            for report in right
            if report["place"] == row["place"]
            and report["true_at"] <= cutoff
            and (join.recorded_time is None or report["recorded_at"] <= cutoff)
        ]
        best = max(known, key=lambda report: (report["true_at"], report["recorded_at"]), default=None)
        is_fresh = best is not None and cutoff - best["true_at"] <= timedelta(minutes=join.stale_after_minutes)
        found.append(best["temp"] if best is not None and is_fresh else None)
    return found


@given(rows=ROWS, asked=ASKED, delay=st.sampled_from([0, 60, 90]), stale=st.sampled_from([60, 180, 360]))
@pytest.mark.parametrize("recorded_time", [None, "recorded_at"])
def test_agrees_with_a_join_row_by_row(
    recorded_time: str | None, rows: Any, asked: Any, delay: int, stale: int
) -> None:
    join = a_join(recorded_time=recorded_time, available_after_minutes=delay, stale_after_minutes=stale)
    right = reports(*((place, 60 * at, 60 * (at + late), float(temp)) for place, at, late, temp in rows))
    # One row for each revision, as the contract of a joined source demands.
    keys = ["place", "true_at", *([recorded_time] if recorded_time else [])]
    right = right.unique(keys, keep="first", maintain_order=True)
    left = main(*((place, 60 * at) for place, at in asked))
    assert joined(left, right, join) == naive(left.to_dicts(), right.to_dicts(), join)


class TestWindow:
    def test_reaches_back_by_delay_and_tolerance_and_ends_early_by_the_delay(self):
        assert reading_window(a_join(), DAY) == (DAY[0] - timedelta(hours=7), DAY[1] - timedelta(hours=1))

    def test_the_first_and_the_last_row_of_a_span_see_what_they_may(self):
        join = a_join()
        first, last = DAY[0], DAY[1] - timedelta(microseconds=1)
        left = pl.DataFrame([("1", "a", first), ("2", "a", last)], schema=MAIN, orient="row")
        right = pl.DataFrame(
            [("a", one - timedelta(hours=hours), one, temp) for one, hours, temp in ((first, 7, 1.0), (last, 1, 2.0))],
            schema=REPORTS,
            orient="row",
        )
        assert joined(left, right, join) == [1.0, 2.0]

    def test_what_no_row_of_the_span_may_see_is_left_out(self):
        join = a_join(recorded_time="recorded_at")
        window = reading_window(join, DAY)
        told = [(window[0], window[0]), (window[1], window[1]), (window[0], window[1])]
        right = pl.DataFrame([("a", *times, 1.0) for times in told], schema=REPORTS, orient="row")
        assert select_visible(right, join, window, name="weather", zone="UTC").rows() == [
            ("a", window[0], window[0], 1.0)
        ]

    def test_does_not_depend_on_the_order_of_delivery_nor_on_a_row_delivered_twice(self):
        join, window = a_join(), reading_window(a_join(), DAY)
        right = reports(("b", -60, -60, 2.0), ("a", -60, -60, 1.0), ("a", -120, -120, 3.0))
        turned = pl.concat([right.reverse(), right])
        assert select_visible(right, join, window, name="w", zone="UTC").equals(
            select_visible(turned, join, window, name="w", zone="UTC")
        )


class TestRefusals:
    @pytest.mark.parametrize(
        ("left", "right", "said", "words"),
        [
            pytest.param(
                main(("a", 0)).with_columns(temp=1.0),
                reports(),
                {},
                r"adds temp, which .* Set joins.weather.prefix",
                id="a-clash",
            ),
            pytest.param(main(("a", 0)).drop("place"), reports(), {}, "delivered no column place", id="no-key"),
            pytest.param(main(("a", 0)), reports().drop("temp"), {}, "without the column temp", id="no-joined-column"),
            pytest.param(
                main(("a", 0)).with_columns(place=1), reports(), {}, "Int32 in the main .* String", id="key-of-a-type"
            ),
            pytest.param(
                main(("a", 0)).with_columns(at=pl.lit(True)),
                reports(),
                {},
                "main source: the time column 'at' must hold timestamps",
                id="time-of-no-type",
            ),
            pytest.param(
                main(("a", 0)),
                reports().with_columns(true_at=pl.lit(True)),
                {},
                "joins.weather: the time column 'true_at' must hold",
                id="joined-time-of-no-type",
            ),
            pytest.param(
                main(("a", 0)),
                reports().with_columns(temp=pl.lit(None, dtype=pl.List(pl.Int64))),
                {},
                "'temp' was delivered as List",
                id="nested",
            ),
        ],
    )
    def test_say_what_is_wrong(self, left: pl.DataFrame, right: pl.DataFrame, said: dict[str, Any], words: str):
        with pytest.raises(DataError, match=words):
            joined(left, right, a_join(**said))

    def test_a_prefix_keeps_names_apart(self):
        join = a_join(prefix="weather_")
        visible = select_visible(
            reports(("a", -120, -120, 1.0)), join, reading_window(join, DAY), name="weather", zone="UTC"
        )
        frame = join_as_of(main(("a", 0)).with_columns(temp=5.0), visible, join, name="weather", time="at", zone="UTC")
        assert frame.select("temp", "weather_temp").rows() == [(5.0, 1.0)]

    def test_categories_and_narrow_numbers_match_text_and_wide_ones(self):
        join = a_join(keys=("place", "gate"))
        left = main(("a", 0)).with_columns(pl.col("place").cast(pl.Categorical), gate=pl.lit(3, dtype=pl.Int16))
        right = reports(("a", -120, -120, 1.0)).with_columns(gate=pl.lit(3, dtype=pl.Int64))
        assert joined(left, right, join) == [1.0]
