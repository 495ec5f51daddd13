from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import InputError
from ratchet.spans.calendar import Calendar

# Summer time as most have it, at midnight itself, of half an hour, and none, off the hour.
ZONES = ("America/New_York", "Asia/Beirut", "Australia/Lord_Howe", "Asia/Kathmandu")
FIRST, LAST = "2024-01-01", "2025-12-31"
HOURS = {
    "America/New_York": {"2024-03-10": 23, "2024-11-03": 25, "2025-03-09": 23, "2025-11-02": 25},
    "Asia/Beirut": {"2024-03-31": 23, "2024-10-26": 25, "2025-03-30": 23, "2025-10-25": 25},
    "Australia/Lord_Howe": {"2024-04-07": 24.5, "2024-10-06": 23.5, "2025-04-06": 24.5, "2025-10-05": 23.5},
    "Asia/Kathmandu": {},
}


@pytest.mark.parametrize("zone", ZONES)
class TestTwoYears:
    def test_spans_meet_and_none_overlaps(self, zone: str):
        calendar = Calendar(zone)
        bounds = [calendar.bounds(key) for key in calendar.range(FIRST, LAST)]
        assert len(bounds) == 366 + 365
        assert all(before[1] == after[0] for before, after in pairwise(bounds))
        assert all(start < end for start, end in bounds)

    def test_a_span_holds_its_first_and_its_last_instant_and_not_the_next(self, zone: str):
        calendar, tick = Calendar(zone), timedelta(microseconds=1)
        for key in calendar.range(FIRST, LAST):
            start, end = calendar.bounds(key)
            assert [calendar.containing(instant) for instant in (start, end - tick)] == [key, key]
            assert calendar.containing(end) == calendar.shift(key, 1)
            assert calendar.containing(start - tick) == calendar.shift(key, -1)

    def test_days_of_23_and_25_hours_are_one_span_each(self, zone: str):
        calendar = Calendar(zone)
        hours = {
            key: (end - start) / timedelta(hours=1)
            for key in calendar.range(FIRST, LAST)
            for start, end in [calendar.bounds(key)]
        }
        assert {key: length for key, length in hours.items() if length != 24} == HOURS[zone]


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2024, 1, 1), datetime(2025, 12, 31, 23, 59, 59), timezones=st.just(UTC)),
)
def test_each_instant_is_in_exactly_one_span(zone: str, instant: datetime):
    calendar = Calendar(zone)
    near = calendar.containing(instant)
    holding = [
        key
        for key in calendar.range(calendar.shift(near, -2), calendar.shift(near, 2))
        for start, end in [calendar.bounds(key)]
        if start <= instant < end
    ]
    assert holding == [near]
    assert calendar.containing(instant.astimezone(ZoneInfo("Pacific/Auckland"))) == near


def test_a_day_that_a_zone_left_out_holds_no_instant():
    calendar = Calendar("Pacific/Apia")  # crossed the date line
    assert calendar.bounds("2011-12-30")[0] == calendar.bounds("2011-12-30")[1]
    assert calendar.containing(datetime(2011, 12, 30, 10, tzinfo=UTC)) == "2011-12-31"


@given(st.dates(), st.integers(-800, 800))
def test_shift_and_distance_are_each_other_s_inverse(day, spans: int):
    calendar, key = Calendar("UTC"), day.isoformat()
    try:
        shifted = calendar.shift(key, spans)
    except OverflowError:
        return  # beyond the years that Python counts
    assert calendar.distance(key, shifted) == spans
    assert calendar.shift(shifted, -spans) == key
    assert (shifted > key) == (spans > 0)


class TestKeys:
    def test_leap_days_and_year_ends_are_counted(self):
        calendar = Calendar("America/New_York")
        assert calendar.range("2024-02-28", "2024-03-01") == ["2024-02-28", "2024-02-29", "2024-03-01"]
        assert calendar.range("2023-12-31", "2024-01-01") == ["2023-12-31", "2024-01-01"]
        assert calendar.distance("2024-02-28", "2024-03-01") == 2
        assert calendar.distance("2023-02-28", "2023-03-01") == 1

    def test_a_range_that_ends_before_it_begins_is_empty(self):
        assert Calendar("UTC").range("2024-03-02", "2024-03-01") == []

    @pytest.mark.parametrize("key", ["2024-02-29", "2013-12-31", "0999-01-01"])
    def test_a_date_is_a_key(self, key: str):
        assert Calendar("UTC").parse(key) == key

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("2023-02-29", id="no-leap-year"),
            pytest.param("20240301", id="without-dashes"),
            pytest.param("2024-W09-5", id="week"),
            pytest.param("2024-3-1", id="short"),
            pytest.param(" 2024-03-01", id="space"),
            pytest.param("2024-03-01\n", id="newline"),
            pytest.param("２０２４-03-01", id="wide-digits"),  # noqa: RUF001
            pytest.param("2024-03-01T00Z", id="hour"),
            pytest.param("../2024-03-01", id="path"),
            pytest.param("", id="empty"),
            pytest.param(None, id="none"),
        ],
    )
    def test_anything_else_is_refused(self, text: str):
        with pytest.raises(InputError, match="must be a date, YYYY-MM-DD"):
            Calendar("UTC").parse(text)

    def test_an_instant_without_a_zone_belongs_to_no_span(self):
        with pytest.raises(InputError, match="must carry its time zone"):
            Calendar("UTC").containing(datetime(2024, 3, 1))
