"""Three public tables as frames with a label, and a seeded twin of each that has the property they are known for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ratchet.spec.model import ModelSpec
from tests.factories.models import changed, parcels_values

FOLDERS = [folder / "shared" / "data" for folder in Path(__file__).parents[3:]]
MONTHS = {
    name: i + 1
    for i, name in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
}


@dataclass(frozen=True, kw_only=True)
class Public:
    """A frame with ``id``, ``span`` and ``y``, and the columns of it that a model reads."""

    frame: pl.DataFrame
    numeric: Sequence[str]
    categorical: Sequence[str]

    def spec(
        self, rule: Mapping[str, Any], changes: Mapping[str, Any] | None = None, *, without: str = ""
    ) -> ModelSpec:
        """A spec of these columns but one, fitted by a few boosted trees."""
        columns = {name: {"role": "numeric"} for name in self.numeric if name != without}
        columns |= {name: {"role": "categorical"} for name in self.categorical if name != without}
        values = parcels_values() | {"features": {"columns": columns}, "watch": {}}
        estimator = "sklearn.ensemble.HistGradientBoostingClassifier"
        values["train"] |= {"estimator": estimator, "parameters": {"max_iter": 30}}
        asked = {"objective.rule": dict(rule), "label.column": "y", "source.entity": "id", **(changes or {})}
        return ModelSpec.model_validate_json(json.dumps(changed(values, asked)))


def _read(name: str) -> pl.DataFrame:
    path = next((path for folder in FOLDERS if (path := folder / name).exists()), None)
    if path is None:
        pytest.skip(f"{name} lies in no folder shared/data above the project")
    return pl.read_csv(path, infer_schema_length=None).with_columns(id=pl.format("r{}", pl.int_range(pl.len())))


def bank() -> Public:
    """Calls by month; without ``duration``, which is known only after the call. Rows are in order of time."""
    frame = _read("bank_marketing/bank-full.csv.gz").with_columns(
        month=pl.col("month").replace_strict(MONTHS, return_dtype=pl.Int64), y=pl.col("y") == "yes"
    )
    year = 2008 + (pl.col("month").diff() < 0).fill_null(value=False).cum_sum()
    return Public(
        frame=frame.with_columns(span=pl.format("{}-{}", year, pl.col("month").cast(pl.String).str.zfill(2))),
        numeric=("age", "balance", "campaign", "pdays", "previous"),
        categorical=("job", "marital", "education", "default", "housing", "loan", "contact", "poutcome"),
    )


def bank_twin(*, seed: int = 0) -> Public:
    """Twelve months in which who says yes turns around, from the young to the old, as the rate of yes does."""
    rng, n = np.random.default_rng(seed), 400
    month = np.repeat(np.arange(12), n)
    age, balance = rng.uniform(20, 70, 12 * n), rng.normal(1000, 500, 12 * n)
    turned = month / 11 * 2 - 1
    logit = (age - 45) / 6 * turned - 1.5 + month / 6 + 0.3 * rng.normal(size=12 * n)
    frame = pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(12 * n)],
            "span": [f"2008-{m + 1:02}" for m in month],
            "age": age,
            "balance": balance,
            "job": rng.choice(["admin.", "technician", "unknown"], 12 * n),
            "y": rng.random(12 * n) < 1 / (1 + np.exp(-logit)),
        }
    )
    return Public(frame=frame, numeric=("age", "balance"), categorical=("job",))


def taxi() -> Public:
    """Trips in Chicago; a tip is large above a fifth of the fare."""
    frame = _read("chicago_taxi/data.csv.gz").sort("trip_start_timestamp")
    return Public(
        frame=frame.with_columns(y=pl.col("tips") > 0.2 * pl.col("fare"), span=pl.lit("2013-01")),
        numeric=("fare", "trip_miles", "trip_seconds", "trip_start_hour", "trip_start_day", "trip_start_month"),
        categorical=("payment_type", "company", "pickup_community_area", "dropoff_community_area"),
    )


def taxi_twin(*, seed: int = 0) -> Public:
    """Trips whose tips are seen only when paid by card, and are a little larger in the evening."""
    rng, n = np.random.default_rng(seed), 8_000
    card, hour = rng.random(n) < 0.4, rng.integers(0, 24, n)
    miles = rng.gamma(2.0, 2.0, n)
    frame = pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(n)],
            "span": "2013-01",
            "fare": np.round(3 + 2 * miles, 2),
            "trip_miles": miles,
            "trip_start_hour": hour,
            "payment_type": np.where(card, "Credit Card", "Cash"),
            "y": card & (rng.random(n) < np.where(hour >= 17, 0.95, 0.55)),
        }
    )
    return Public(frame=frame, numeric=("fare", "trip_miles", "trip_start_hour"), categorical=("payment_type",))


def credit() -> Public:
    """German credit: the outcome is a bad customer; sex and age are kept to compare groups, no model reads them."""
    frame = _read("german_credit/german.data.gz").with_columns(
        y=pl.col("Class") == 2,
        span=pl.lit("1994-01"),
        sex=pl.when(pl.col("Sex").is_in(["A92", "A95"])).then(pl.lit("female")).otherwise(pl.lit("male")),
        age=pl.col("Age").cast(pl.Float64),
    )
    numeric = ("Duration", "CreditAmount", "InstallmentRate", "ResidenceSince", "CreditsAtBank", "NumDependents")
    left_out = {*numeric, "Sex", "Age", "Class", "ForeignWorker", "id", "span", "y", "sex", "age"}
    return Public(
        frame=frame.sample(fraction=1, shuffle=True, seed=0),
        numeric=numeric,
        categorical=tuple(name for name in frame.columns if name not in left_out),
    )


def credit_twin(*, seed: int = 0) -> Public:
    """Credits of which the young turn out bad more often, by durations that are longer for them."""
    rng, n = np.random.default_rng(seed), 2_000
    age = rng.integers(19, 75, n).astype(float)
    duration = rng.gamma(4, 5, n) + 10 * (age < 25)
    logit = (duration - 25) / 8 - 0.6 + rng.normal(size=n)
    frame = pl.DataFrame(
        {
            "id": [f"r{i}" for i in range(n)],
            "span": "1994-01",
            "Duration": duration,
            "Housing": rng.choice(["A151", "A152", "A153"], n),
            "sex": np.where(rng.random(n) < 0.31, "female", "male"),
            "age": age,
            "y": rng.random(n) < 1 / (1 + np.exp(-logit)),
        }
    )
    return Public(frame=frame, numeric=("Duration",), categorical=("Housing",))
