"""Generated days, their spec and their expectations: each test changes only what it is about."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import polars as pl

from ratchet.spec.loading import parse_spec
from ratchet.spec.model import ModelSpec
from ratchet.validation.expectations import Expectations, load_expectations
from ratchet.validation.frame import validate_frame
from ratchet.validation.result import ValidationResult

CANARY = "canary-7f3a@example.org"

SPEC = """
schema_version: 1
name: trips
owner: the tests
objective: {goal: Tell which trips will be late., rule: {column: distance, at_least: 500}}
source:
  delivery: {kind: function, function: source.read}
  entity: trip_id
  time: left_at
  time_zone: UTC
  first_span: "2013-01-01"
label: {column: is_late, delivery: {kind: function, function: source.read_labels}, known_after_spans: 1}
features:
  columns:
    distance: {role: numeric}
    temp: {role: numeric}
    rain: {role: numeric}
    gust: {role: numeric}
    carrier: {role: categorical}
    route: {role: categorical}
  slices: [carrier]
train:
  train_spans: 30
  min_train_spans: 5
  validate_spans: 2
  estimator: sklearn.linear_model.LogisticRegression
evaluate: {test_spans: 3}
"""


def make_day(span: str = "2013-01-01", *, n: int = 300, seed: int = 0) -> pl.DataFrame:
    """Return one day of trips: whole and broken numbers, text, categories, a time, nulls in temp and gust."""
    rng = np.random.default_rng(seed)
    temp = pl.Series(rng.normal(5, 4, n))
    gust = pl.Series(rng.integers(10, 40, n))
    frame = pl.DataFrame(
        {
            "span": [span] * n,
            "trip_id": [f"{span}-{i:04}" for i in range(n)],
            "distance": rng.integers(80, 2500, n),
            "temp": temp.set(pl.Series(rng.random(n) < 0.05), None),
            "rain": np.where(rng.random(n) < 0.8, 0.0, rng.random(n)),
            "gust": gust.set(pl.Series(rng.random(n) < 0.3), None),
            "carrier": rng.choice(["AA", "NO", "010"], n),
            "route": [f"R{i:03}" for i in rng.integers(0, 200, n)],
            "is_late": rng.random(n) < 0.3,
        }
    )
    start = pl.lit(span).str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC")
    return frame.with_columns(left_at=start + pl.duration(minutes=pl.int_range(n)))


def make_days(n_days: int = 3) -> pl.DataFrame:
    """Return the first days, in one frame."""
    return pl.concat([make_day(f"2013-01-{i + 1:02}", n=280 + 20 * i, seed=i) for i in range(n_days)])


def make_spec(folder: Path) -> ModelSpec:
    path = folder / "spec.yaml"
    path.write_text(SPEC)
    return parse_spec(path, "trips")


def write(folder: Path, text: str) -> Path:
    path = folder / "expectations.yaml"
    path.write_text(text)
    return path


def expect(folder: Path, *items: str) -> Expectations:
    """Return the expectations of a file that holds the items, each written as a YAML flow mapping."""
    body = "".join(f"  - {textwrap.dedent(item).strip()}\n" for item in items)
    return load_expectations(write(folder, "schema_version: 1\nexpectations:\n" + body))


def validate(frame: pl.DataFrame, expectations: Expectations, environment: str = "training") -> ValidationResult:
    return validate_frame(frame, expectations, environment=environment, entity="trip_id")  # type: ignore[arg-type]
