"""The flights model: its declared join gives what the join inside its source gave before there were declared ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ratchet.project import Project
from ratchet.spans.calendar import Calendar
from ratchet.spans.contract import sort_examples
from ratchet.spans.joined import read_examples
from ratchet.spans.sources import SpanWindow
from ratchet.spec.functions import load_functions
from ratchet.spec.loading import load_spec
from ratchet.spec.model import ModelSpec

MODELS = Path(__file__).parents[2] / "include" / "models"
WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "precip", "pressure", "visib")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    home = tmp_path_factory.mktemp("flights")
    return Project(home=str(home), models_path=MODELS, tracking_uri=f"sqlite:///{home}/mlflow.db")


@pytest.fixture(scope="module")
def spec(project: Project) -> ModelSpec:
    return load_spec(project, "flights")


def joined_inside(window: SpanWindow) -> pl.DataFrame:
    """Departures with the report of the whole hour before, six hours old at the most: the former source function."""
    read_departures, read_weather = load_functions(
        MODELS / "flights", ("source.read_departures", "source.read_weather")
    )
    whole = calendar_year()
    weather = read_weather(replace(window, start=whole[0], end=whole[1])).sort("reported_at")
    asked = pl.col("scheduled_at").dt.convert_time_zone("UTC").dt.truncate("1h") - pl.duration(hours=1)
    return (
        read_departures(window)
        .with_columns(asked_at=asked)
        .sort("asked_at")
        .join_asof(
            weather,
            left_on="asked_at",
            right_on="reported_at",
            by="origin",
            strategy="backward",
            tolerance="6h",
            check_sortedness=False,
        )
        .drop("asked_at", "reported_at")
        .sort("flight_id")
    )


def calendar_year() -> tuple[pl.Series, pl.Series]:
    calendar = Calendar("America/New_York")
    return calendar.bounds("2012-12-31")[0], calendar.bounds("2014-01-01")[1]  # type: ignore[return-value]


@pytest.mark.parametrize(
    "day",
    [
        "2013-01-01",  # the first: no report is older
        "2013-02-09",
        "2013-03-10",  # 23 hours
        "2013-07-04",
        "2013-11-03",  # 25 hours, and a report twice
        "2013-12-30",  # the last reports
        "2013-12-31",  # none at all
    ],
)
def test_a_day_is_as_it_was_before(project: Project, spec: ModelSpec, day: str):
    assert date.fromisoformat(day).year == 2013
    calendar = Calendar.of(spec.source)
    start, end = calendar.bounds(day)
    delivered = read_examples(project, spec, day)
    before = joined_inside(SpanWindow.of(calendar, day))
    assert_frame_equal(delivered.frame.select(before.columns).sort("flight_id"), before)
    kept = sort_examples(delivered.frame, spec, (start, end)).kept
    assert kept.columns == ["flight_id", "scheduled_at", *spec.delivered_columns()]
    assert kept["temp"].null_count() == kept.height if day == "2013-12-31" else kept["temp"].null_count() < kept.height
