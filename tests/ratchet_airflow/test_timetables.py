from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from airflow.exceptions import InvalidPartitionKeyError
from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable

from ratchet.spans.calendar import Calendar
from ratchet.spec.cadence import Cadence
from ratchet_airflow.timetables import MOST_CAUGHT_UP, SpanTimetable

CADENCES: tuple[Cadence, ...] = get_args(Cadence)
ZONES = ("America/New_York", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu")
# Over two changes of the clock, a leap day, two ends of a year, and a year of 53 weeks.
RANGES: dict[Cadence, tuple[str, str]] = {
    "hour": ("2024-02-28T00Z", "2024-05-02T23Z"),
    "day": ("2023-12-25", "2025-01-10"),
    "week": ("2019-W50", "2021-W05"),
    "month": ("2023-11", "2025-02"),
}
ALWAYS = TimeRestriction(earliest=None, latest=None, catchup=False)
SetClock = Callable[[datetime], None]


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    return lambda now: monkeypatch.setattr("ratchet_airflow.timetables.utcnow", lambda: coerce_datetime(now))


def next_run(timetable: Any, last: Any = None, **restriction: Any) -> Any:
    return timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=ALWAYS._replace(**restriction))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("cadence", CADENCES)
class TestEachSpan:
    def test_is_run_once_at_its_end(self, set_clock: SetClock, cadence: Cadence, zone: str):
        calendar, timetable = Calendar(zone, cadence), SpanTimetable(time_zone=zone, span=cadence)
        keys = calendar.range(*RANGES[cadence])
        set_clock(calendar.bounds(keys[0])[1])
        run, seen = next_run(timetable), []
        for _ in keys:
            seen.append(run.partition_key)
            assert (run.partition_date, run.run_after) == calendar.bounds(run.partition_key)
            set_clock(run.run_after + timedelta(seconds=1))
            run = next_run(timetable, run)
        assert seen == keys

    def test_is_run_once_in_a_backfill_with_the_dates_of_a_scheduled_and_of_a_manual_run(
        self, cadence: Cadence, zone: str
    ):
        calendar, timetable = Calendar(zone, cadence), SpanTimetable(time_zone=zone, span=cadence)
        keys = calendar.range(*RANGES[cadence])
        # As the form sends them: the clock of the zone, said to be UTC.
        clock = ZoneInfo(calendar.clock)
        bounds = [calendar.bounds(key)[0].astimezone(clock).replace(tzinfo=UTC) for key in (keys[0], keys[-1])]
        runs = list(timetable.iter_partition_dagrun_infos(earliest=bounds[0], latest=bounds[1]))
        assert [run.partition_key for run in runs] == keys
        # By the date Airflow knows which spans have been run.
        assert [run.partition_date for run in runs] == [calendar.bounds(key)[0] for key in keys]
        assert [timetable.resolve_partition_date(key) for key in keys] == [run.partition_date for run in runs]


def test_airflow_s_own_loses_a_day_where_the_clock_skips_midnight(set_clock: SetClock):
    first_end = coerce_datetime(Calendar("Africa/Cairo").bounds("2024-04-23")[1])
    set_clock(first_end)

    def first_four(timetable: Any) -> list[str]:
        runs = [next_run(timetable, earliest=first_end, catchup=True)]
        while len(runs) < 4:
            runs.append(next_run(timetable, runs[-1], catchup=True))
        return [run.partition_key[-2:] for run in runs]

    theirs = CronPartitionTimetable("0 0 * * *", timezone="Africa/Cairo", run_offset=-1, key_format="%Y-%m-%d")
    assert first_four(theirs) == ["23", "24", "26", "26"]
    assert first_four(SpanTimetable(time_zone="Africa/Cairo", span="day")) == ["23", "24", "25", "26"]


class TestWhatIsNext:
    TIMETABLE = SpanTimetable(time_zone="Europe/Berlin", span="day")

    def test_a_new_model_begins_with_the_newest_span_that_has_ended(self, set_clock: SetClock):
        set_clock(datetime(2026, 10, 25, 22, 59, tzinfo=UTC))  # a minute before midnight in Berlin
        assert next_run(self.TIMETABLE).partition_key == "2026-10-24"
        set_clock(datetime(2026, 10, 25, 23, 0, tzinfo=UTC))
        assert next_run(self.TIMETABLE).partition_key == "2026-10-25"

    def test_spans_missed_while_the_scheduler_was_down_are_run_one_after_the_other(self, set_clock: SetClock):
        set_clock(datetime(2026, 10, 20, 12, tzinfo=UTC))
        run = next_run(self.TIMETABLE)
        set_clock(datetime(2026, 10, 27, 12, tzinfo=UTC))
        seen = [run.partition_key]
        while run.run_after < datetime(2026, 10, 27, 12, tzinfo=UTC):
            run = next_run(self.TIMETABLE, run)
            seen.append(run.partition_key)
        assert seen == Calendar("Europe/Berlin").range("2026-10-19", "2026-10-27")

    @pytest.mark.parametrize(("n_missed", "is_caught_up"), [(MOST_CAUGHT_UP, True), (MOST_CAUGHT_UP + 1, False)])
    def test_after_a_long_pause_the_newest_is_next(self, set_clock: SetClock, n_missed: int, *, is_caught_up: bool):
        timetable, calendar = SpanTimetable(time_zone="UTC", span="hour"), Calendar("UTC", "hour")
        set_clock(datetime(2026, 1, 1, 0, 30, tzinfo=UTC))
        last = next_run(timetable)
        newest = calendar.shift(last.partition_key, n_missed)
        set_clock(calendar.bounds(newest)[1] + timedelta(minutes=30))
        assert next_run(timetable, last).partition_key == (
            calendar.shift(last.partition_key, 1) if is_caught_up else newest
        )

    def test_what_has_run_already_is_not_run_again_when_the_clock_is_behind(self, set_clock: SetClock):
        set_clock(datetime(2026, 10, 20, 12, tzinfo=UTC))
        last = next_run(self.TIMETABLE)
        set_clock(datetime(2026, 10, 10, 12, tzinfo=UTC))
        assert next_run(self.TIMETABLE, last).partition_key == "2026-10-20"

    def test_spans_of_another_length_before_are_taken_by_their_date(self, set_clock: SetClock):
        set_clock(datetime(2026, 10, 21, 12, tzinfo=UTC))
        days = next_run(self.TIMETABLE)
        weeks = SpanTimetable(time_zone="Europe/Berlin", span="week")
        assert (days.partition_key, next_run(weeks, days).partition_key) == ("2026-10-20", "2026-W44")


class TestBackfill:
    def test_a_span_counts_when_it_begins_within_the_bounds(self):
        weeks = SpanTimetable(time_zone="Asia/Tokyo", span="week")
        bounds = {"earliest": datetime(2024, 3, 5, tzinfo=UTC), "latest": datetime(2024, 3, 18, tzinfo=UTC)}
        assert [run.partition_key for run in weeks.iter_partition_dagrun_infos(**bounds)] == ["2024-W11", "2024-W12"]

    def test_an_hour_is_named_by_the_hour(self):
        hours = SpanTimetable(time_zone="Asia/Tokyo", span="hour")
        bounds = {"earliest": datetime(2024, 3, 5, 22, tzinfo=UTC), "latest": datetime(2024, 3, 6, 0, tzinfo=UTC)}
        keys = [run.partition_key for run in hours.iter_partition_dagrun_infos(**bounds)]
        assert keys == ["2024-03-05T22Z", "2024-03-05T23Z", "2024-03-06T00Z"]

    def test_a_span_that_has_not_ended_is_left_out(self, set_clock: SetClock):
        months = SpanTimetable(time_zone="UTC", span="month")
        set_clock(datetime(2024, 3, 31, 23, 59, tzinfo=UTC))
        bounds = {"earliest": datetime(2024, 2, 1, tzinfo=UTC), "latest": datetime(2024, 4, 1, tzinfo=UTC)}
        assert [run.partition_key for run in months.iter_partition_dagrun_infos(**bounds)] == ["2024-02"]


@pytest.mark.parametrize("cadence", CADENCES)
class TestAsAirflowKeepsIt:
    def test_comes_back_equal(self, cadence: Cadence):
        from airflow.serialization.decoders import decode_timetable
        from airflow.serialization.encoders import encode_timetable

        timetable = SpanTimetable(time_zone="Asia/Tokyo", span=cadence)
        back = decode_timetable(encode_timetable(timetable))
        assert back == timetable
        assert back != SpanTimetable(time_zone="Asia/Kolkata", span=cadence)
        assert (back.partitioned, back.periodic, back.can_be_scheduled) == (True, True, True)
        assert back.summary == f"each {cadence}, {'UTC' if cadence == 'hour' else 'Asia/Tokyo'}"

    def test_a_key_of_another_kind_is_refused_when_a_run_is_triggered(self, cadence: Cadence):
        timetable = SpanTimetable(time_zone="Asia/Tokyo", span=cadence)
        for other in set(CADENCES) - {cadence}:
            with pytest.raises(InvalidPartitionKeyError, match="A span key must be an? "):
                timetable.resolve_partition_date(RANGES[other][0])
