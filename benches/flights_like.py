"""Generated examples with the columns of the flights model, so that no bench depends on that data set."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from ratchet.project import Project

MODELS_PATH = Path(__file__).parents[1] / "include" / "models"
SPAN = "2013-02-11"
_NOON = datetime(2013, 2, 11, 17, tzinfo=UTC)
_CARRIERS = ("9E", "AA", "AS", "B6", "DL", "EV", "F9", "FL", "HA", "MQ", "OO", "UA", "US", "VX", "WN", "YV")
_AIRPORTS = tuple(f"{a}{b}X" for a in "ABCDEFGHIJ" for b in "ABCDEFGHI")
_WEATHER = {  # mean, deviation, least, most
    "temp": (40.0, 12.0, -15.0, 110.0),
    "dewp": (25.0, 12.0, -35.0, 85.0),
    "humid": (60.0, 15.0, 5.0, 100.0),
    "wind_dir": (200.0, 90.0, 0.0, 360.0),
    "wind_speed": (11.0, 5.0, 0.0, 100.0),
    "precip": (0.01, 0.05, 0.0, 4.0),
    "pressure": (1015.0, 8.0, 960.0, 1050.0),
    "visib": (9.0, 2.0, 0.0, 10.0),
}


def make_flights(n: int, *, seed: int = 0) -> pl.DataFrame:
    """Return ``n`` departures of one day with the 16 columns of the source; one weather report in a hundred is null."""
    rng = np.random.default_rng(seed)
    hour, minute = rng.integers(5, 23, n), rng.integers(0, 60, n)
    reported = rng.random(n) >= 0.01
    weather = {
        name: pl.Series(np.clip(rng.normal(mean, deviation, n), low, high).round(2))
        for name, (mean, deviation, low, high) in _WEATHER.items()
    }
    return pl.DataFrame(
        {
            "flight_id": [f"{SPAN}-{i:07}" for i in range(n)],
            "scheduled_at": pl.Series([_NOON] * n, dtype=pl.Datetime("us", "UTC")),
            "sched_dep_time": (hour * 100 + minute).astype(float),
            "sched_arr_time": ((hour + 2) % 24 * 100 + minute).astype(float) + 1,
            "distance": rng.integers(90, 2600, n).astype(float),
            "carrier": rng.choice(_CARRIERS, n),
            "origin": rng.choice(("EWR", "JFK", "LGA"), n),
            "dest": rng.choice(_AIRPORTS, n),
            **{
                name: pl.select(pl.when(pl.Series(reported)).then(values)).to_series()
                for name, values in weather.items()
            },
        }
    )


def make_labelled(n: int, *, seed: int = 0) -> pl.DataFrame:
    """Return departures with span, weekday and an outcome that hangs on hour, carrier and wind."""
    frame = make_flights(n, seed=seed)
    odds = (frame["sched_dep_time"].to_numpy() - 1600) / 400 + np.nan_to_num(
        frame["wind_speed"].to_numpy(), nan=11.0
    ) / 20
    late = np.random.default_rng(seed + 1).random(n) < 1 / (1 + np.exp(1.5 - odds))
    return frame.with_columns(span=pl.lit(SPAN), weekday=pl.lit(1.0), is_late=pl.Series(late))


def make_project(folder: Path, *, n_rows_a_span: int) -> Project:
    """Return a project whose flights model reads generated departures, that many in each span."""
    model_path = folder / "models" / "flights"
    shutil.copytree(MODELS_PATH / "flights", model_path, ignore=shutil.ignore_patterns("__pycache__"))
    spec_path = model_path / "spec.yaml"
    # The generated departures have their weather already.
    spec = {key: value for key, value in yaml.safe_load(spec_path.read_text()).items() if key != "joins"}
    spec_path.write_text(yaml.safe_dump(spec, sort_keys=False))
    (model_path / "source.py").write_text(
        "from benches.flights_like import make_flights\n\n\n"
        f"def read_departures(window):\n    return make_flights({n_rows_a_span})\n"
    )
    return Project(
        home=str(folder / "home"),
        models_path=folder / "models",
        tracking_uri=f"sqlite:///{folder}/mlflow.db",
    )
