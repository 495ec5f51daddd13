from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest

from ratchet.errors import DataError
from ratchet.spans.sources.times import read_event_times

ZONE = "Europe/Berlin"


def instants(values: object, written: str | None = None, kind: pl.DataType | None = None) -> list[datetime | None]:
    frame = pl.DataFrame({"at": pl.Series(values, dtype=kind)})
    return read_event_times(frame, "at", zone=ZONE, what="a.csv", written=written)["at"].to_list()


@pytest.mark.parametrize(
    ("value", "written", "hour"),
    [
        ("2024-03-01T05:00:00Z", None, 5),
        ("2024-03-01 05:00:00+00:00", None, 5),
        ("2024-03-01T05:00:00", None, 4),
        ("2024-03-01 05:00:00.000", None, 4),
        ("2024-03-01 05:00", None, 4),
        ("01.03.2024 05:00", "%d.%m.%Y %H:%M", 4),
        ("01/03/2024 05:00 +0100", "%d/%m/%Y %H:%M %z", 4),
        (datetime(2024, 3, 1, 5), None, 4),
        (datetime(2024, 3, 1, 5, tzinfo=UTC), None, 5),
        (1709269200, "unix_seconds", 5),
        ("1709269200", "unix_seconds", 5),
        (1709269200000, "unix_milliseconds", 5),
    ],
)
def test_an_instant_is_read(value: object, written: str | None, hour: int):
    assert instants([value], written) == [datetime(2024, 3, 1, hour, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("value", "written"), [("2024-03-01", None), ("01.03.24", "%d.%m.%y"), (date(2024, 3, 1), None)]
)
def test_a_date_is_its_local_midnight(value: object, written: str | None):
    assert instants([value], written) == [datetime(2024, 2, 29, 23, tzinfo=UTC)]


def test_a_local_hour_that_comes_twice_is_the_first_and_one_left_out_is_null():
    assert instants(["2024-10-27 02:30:00", "2024-03-31 02:30:00"]) == [datetime(2024, 10, 27, 0, 30, tzinfo=UTC), None]


def test_a_row_that_is_no_instant_is_null_for_the_row_contract_to_name():
    assert instants(["2024-03-01T05:00:00Z", "yesterday", None])[1:] == [None, None]


def test_a_column_of_which_no_value_reads_is_refused():
    with pytest.raises(DataError, match="none of 2 values of the time column 'at' reads as ISO 8601.*time_format"):
        instants(["01.03.2024", "02.03.2024"])


def test_numbers_are_no_times_unless_said_so():
    with pytest.raises(DataError, match="say time_format: unix_seconds"):
        instants([1709269200])
