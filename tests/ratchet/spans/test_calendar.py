from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import InputError
from ratchet.spans.calendar import Calendar
from ratchet.spec.cadence import Cadence

CADENCES: tuple[Cadence, ...] = get_args(Cadence)
# Summer time as most have it, at midnight itself, of half an hour, and none, off the hour.
ZONES = ("America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu")
YEARS: dict[Cadence, tuple[str, str]] = {
    "hour": ("2024-01-01T00Z", "2025-12-31T23Z"),
    "day": ("2024-01-01", "2025-12-31"),
    "week": ("2024-W01", "2025-W52"),
    "month": ("2024-01", "2025-12"),
}
N_SPANS = {"hour": (366 + 365) * 24, "day": 366 + 365, "week": 52 + 52, "month": 24}
HOURS = {
    "America/New_York": {"2024-03-10": 23, "2024-11-03": 25, "2025-03-09": 23, "2025-11-02": 25},
    "Africa/Cairo": {"2024-04-26": 23, "2024-10-31": 25, "2025-04-25": 23, "2025-10-30": 25},
    "Australia/Lord_Howe": {"2024-04-07": 24.5, "2024-10-06": 23.5, "2025-04-06": 24.5, "2025-10-05": 23.5},
    "Asia/Kathmandu": {},
}
EXAMPLES: dict[Cadence, list[str]] = {
    "hour": ["2026-10-25T00Z", "2024-02-29T23Z", "1969-12-31T23Z"],
    "day": ["2024-02-29", "2013-12-31", "0999-01-01"],
    "week": ["2026-W43", "2026-W53", "2025-W01", "0999-W52"],
    "month": ["2026-10", "1999-12", "0999-01"],
}
TICK = timedelta(microseconds=1)


def length(calendar: Calendar, key: str) -> timedelta:
    start, end = calendar.bounds(key)
    return end - start


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cadence", CADENCES)
class TestTwoYears:
    def test_spans_meet_and_none_overlaps(self, cadence: Cadence, zone: str):
        calendar = Calendar(zone, cadence)
        bounds = [calendar.bounds(key) for key in calendar.range(*YEARS[cadence])]
        assert len(bounds) == N_SPANS[cadence]
        assert all(before[1] == after[0] for before, after in pairwise(bounds))
        assert all(start < end for start, end in bounds)

    def test_a_span_holds_its_first_and_its_last_instant_and_not_the_next(self, cadence: Cadence, zone: str):
        calendar = Calendar(zone, cadence)
        for key in calendar.range(*YEARS[cadence]):
            start, end = calendar.bounds(key)
            assert [calendar.containing(instant) for instant in (start, end - TICK)] == [key, key]
            assert calendar.containing(end) == calendar.shift(key, 1)
            assert calendar.containing(start - TICK) == calendar.shift(key, -1)

    def test_keys_sort_in_the_order_of_time_and_are_counted_without_a_gap(self, cadence: Cadence, zone: str):
        calendar, (first, last) = Calendar(zone, cadence), YEARS[cadence]
        keys = calendar.range(first, last)
        assert keys == sorted(keys)
        assert keys == sorted(keys, key=calendar.bounds)
        assert [calendar.parse(key) for key in keys] == keys
        assert [calendar.shift(first, number) for number in range(len(keys))] == keys
        assert [calendar.distance(first, key) for key in keys] == list(range(len(keys)))

    def test_all_but_hours_begin_with_a_local_day(self, cadence: Cadence, zone: str):
        calendar = Calendar(zone, cadence)
        days = Calendar(zone)
        for key in [] if cadence == "hour" else calendar.range(*YEARS[cadence]):
            start, _ = calendar.bounds(key)
            assert days.bounds(days.containing(start))[0] == start


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_23_and_25_hours_are_one_span_each(zone: str):
    calendar = Calendar(zone)
    hours = {key: length(calendar, key) / timedelta(hours=1) for key in calendar.range(*YEARS["day"])}
    assert {key: length for key, length in hours.items() if length != 24} == HOURS[zone]


class TestHoursThatAClockShowsTwiceOrNever:
    """Berlin, 2026-10-25: 02:30 comes twice. On 2026-03-29 it never comes."""

    HOURS = Calendar("Europe/Berlin", "hour")

    def test_an_hour_shown_twice_is_two_spans(self):
        twice = [datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=fold) for fold in (0, 1)]
        assert [self.HOURS.containing(instant) for instant in twice] == ["2026-10-25T00Z", "2026-10-25T01Z"]

    @pytest.mark.parametrize(("day", "n_hours"), [("2026-10-25", 25), ("2026-03-29", 23), ("2026-03-30", 24)])
    def test_a_day_has_as_many_hours_as_it_lasts(self, day: str, n_hours: int):
        start, end = Calendar("Europe/Berlin").bounds(day)
        hours = self.HOURS.range(self.HOURS.containing(start), self.HOURS.containing(end - TICK))
        assert len(hours) == n_hours
        assert (self.HOURS.bounds(hours[0])[0], self.HOURS.bounds(hours[-1])[1]) == (start, end)

    @pytest.mark.parametrize(("week", "n_hours"), [("2026-W43", 169), ("2026-W13", 167), ("2026-W44", 168)])
    def test_a_week_of_the_change_is_an_hour_longer_or_shorter(self, week: str, n_hours: int):
        assert length(Calendar("Europe/Berlin", "week"), week) == timedelta(hours=n_hours)


@given(
    st.sampled_from(sorted(available_timezones())),
    st.sampled_from(CADENCES),
    # Clocks were put back a minute past midnight (St John's until 2011) and forward half an hour before it (Toronto,
    # 1919), so that a local date came twice or without its midnight.
    st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_each_instant_is_in_exactly_one_span(zone: str, cadence: Cadence, instant: datetime):
    calendar = Calendar(zone, cadence)
    near = calendar.containing(instant)
    holding = [
        key
        for key in calendar.range(calendar.shift(near, -2), calendar.shift(near, 2))
        for start, end in [calendar.bounds(key)]
        if start <= instant < end
    ]
    assert holding == [near]
    assert calendar.containing(instant.astimezone(ZoneInfo("Pacific/Auckland"))) == near


@pytest.mark.parametrize(
    ("zone", "clock", "fold"),
    [
        pytest.param("America/St_Johns", datetime(2010, 11, 6, 23, 30), 1, id="the-old-day-again"),
        pytest.param("America/Toronto", datetime(1919, 3, 31, 0, 45), 0, id="midnight-left-out"),
    ],
)
def test_where_a_date_and_its_bounds_disagree_the_bounds_decide(zone: str, clock: datetime, fold: int):
    calendar, instant = Calendar(zone), clock.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)
    key = calendar.containing(instant)
    start, end = calendar.bounds(key)
    assert key != clock.date().isoformat()  # the fault is there
    assert start <= instant < end


def test_a_day_that_a_zone_left_out_holds_no_instant():
    calendar = Calendar("Pacific/Apia")  # crossed the date line
    assert calendar.bounds("2011-12-30")[0] == calendar.bounds("2011-12-30")[1]
    assert calendar.containing(datetime(2011, 12, 30, 10, tzinfo=UTC)) == "2011-12-31"


@given(
    st.sampled_from(CADENCES), st.datetimes(datetime(1000, 1, 1), datetime(3000, 1, 1)), st.integers(-20_000, 20_000)
)
def test_shift_and_distance_are_each_other_s_inverse(cadence: Cadence, time: datetime, spans: int):
    spans = max(-900 * 12, min(spans, 900 * 12))  # months reach the farthest
    calendar = Calendar("UTC", cadence)
    key = calendar.containing(time.replace(tzinfo=UTC))
    shifted = calendar.shift(key, spans)
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

    @pytest.mark.parametrize(
        ("last", "next_"), [("2025-W52", "2026-W01"), ("2026-W53", "2027-W01"), ("2020-W53", "2021-W01")]
    )
    def test_a_year_has_52_or_53_weeks(self, last: str, next_: str):
        calendar = Calendar("Europe/Berlin", "week")
        assert (calendar.shift(last, 1), calendar.shift(next_, -1)) == (next_, last)

    def test_a_week_belongs_to_the_year_of_its_thursday(self):
        calendar = Calendar("UTC", "week")
        assert calendar.containing(datetime(2027, 1, 3, 23, tzinfo=UTC)) == "2026-W53"
        assert calendar.containing(datetime(2024, 12, 30, tzinfo=UTC)) == "2025-W01"

    def test_months_are_as_long_as_they_are(self):
        calendar = Calendar("UTC", "month")
        months = calendar.range("2024-01", "2024-12")
        assert [length(calendar, month).days for month in months] == [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

    @pytest.mark.parametrize("cadence", CADENCES)
    def test_a_range_that_ends_before_it_begins_is_empty(self, cadence: Cadence):
        first, last = YEARS[cadence]
        assert Calendar("UTC", cadence).range(last, first) == []

    @pytest.mark.parametrize(("cadence", "key"), [(c, key) for c, keys in EXAMPLES.items() for key in keys])
    def test_a_key_of_another_cadence_is_refused(self, cadence: Cadence, key: str):
        assert Calendar("UTC", cadence).parse(key) == key
        for other in set(CADENCES) - {cadence}:
            with pytest.raises(InputError, match="A span key must be"):
                Calendar("UTC", other).parse(key)

    @pytest.mark.parametrize(
        ("cadence", "text"),
        [
            pytest.param("day", "2023-02-29", id="no-leap-year"),
            pytest.param("day", "20240301", id="without-dashes"),
            pytest.param("day", "2024-W09-5", id="day-of-a-week"),
            pytest.param("day", "2024-3-1", id="short"),
            pytest.param("day", " 2024-03-01", id="space"),
            pytest.param("day", "2024-03-01\n", id="newline"),
            pytest.param("day", "２０２４-03-01", id="wide-digits"),  # noqa: RUF001
            pytest.param("day", "../2024-03-01", id="path"),
            pytest.param("day", "", id="empty"),
            pytest.param("day", None, id="none"),
            pytest.param("day", 20240301, id="number"),
            pytest.param("day", "0001-01-01", id="first-year"),
            pytest.param("day", "9999-12-31", id="last-year"),
            pytest.param("hour", "2026-10-25T24Z", id="hour-24"),
            pytest.param("hour", "2026-10-25T00", id="hour-of-no-zone"),
            pytest.param("hour", "2026-10-25T00+00:00", id="hour-with-an-offset"),
            pytest.param("hour", "2026-10-25T00:00Z", id="minutes"),
            pytest.param("hour", "2026-10-25 00Z", id="hour-with-a-space"),
            pytest.param("week", "2025-W53", id="a-year-of-52-weeks"),
            pytest.param("week", "2026-W00", id="week-0"),
            pytest.param("week", "2026W43", id="week-without-a-dash"),
            pytest.param("week", "2026-w43", id="small-w"),
            pytest.param("month", "2026-13", id="month-13"),
            pytest.param("month", "2026-00", id="month-0"),
            pytest.param("month", "2026-1", id="short-month"),
        ],
    )
    def test_anything_else_is_refused(self, cadence: Cadence, text: str):
        with pytest.raises(InputError, match="A span key must be an? "):
            Calendar("UTC", cadence).parse(text)

    def test_an_instant_without_a_zone_belongs_to_no_span(self):
        with pytest.raises(InputError, match="must carry its time zone"):
            Calendar("UTC").containing(datetime(2024, 3, 1))
