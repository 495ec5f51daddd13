"""Tiny model folders: a spec, a source of made-up flights, expectations and histogram edges."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet.spec.cadence import Cadence

SPEC = """\
schema_version: 1
name: {name}
owner: {owner}
objective:
  goal: Tell which parcels will be delivered late.
  rule: {{column: distance, at_least: 50}}
source:
  delivery: {{kind: function, function: source.read_parcels}}
  entity: parcel_id
  time: sent_at
  time_zone: {time_zone}
  span: {span}
  first_span: "{first_span}"
label:
  column: is_late
  delivery: {{kind: function, function: source.read_deliveries}}
  known_after_spans: 1
features:
  columns:
    distance: {{role: numeric}}
    carrier: {{role: categorical}}
  slices: [carrier]
train:
  train_spans: 6
  min_train_spans: 3
  validate_spans: 1
  estimator: sklearn.linear_model.LogisticRegression
evaluate:
  test_spans: 2
  min_examples: 50
  resamples: 100
"""

# A parcel that goes far is late more often, so a model learns something; every span is the same on every machine.
SOURCE = """
from __future__ import annotations

import random
from datetime import timedelta

import polars as pl

N_PARCELS, MINUTES = 120, {minutes}


def read_parcels(window):
    rows = [row for row, _ in _parcels(window)]
    return pl.DataFrame(rows, schema_overrides={"sent_at": pl.Datetime("us", "UTC")})


def read_deliveries(window):
    return pl.DataFrame([{"parcel_id": row["parcel_id"], "is_late": late} for row, late in _parcels(window)])


def _parcels(window):
    chance = random.Random(window.key)
    for number in range(N_PARCELS):
        distance = chance.uniform(0.0, 100.0)
        row = {
            "parcel_id": f"{window.key}-{number:04d}",
            "sent_at": window.start + timedelta(minutes=MINUTES * number),
            "distance": distance,
            "carrier": chance.choice("ABC"),
        }
        yield row, chance.random() < distance / 100.0
"""

EXPECTATIONS = """\
schema_version: 1
expectations:
- {{expect: expect_table_row_count_to_be_between, min_value: {min_rows}, max_value: 100000}}
- {{expect: expect_column_values_to_be_between, column: distance, min_value: 0, max_value: 100}}
- {{expect: expect_column_type_to_be, column: is_late, type_: boolean, environments: [training]}}
"""

HISTOGRAMS = """\
schema_version: 1
spans: ["2024-03-01"]
edges:
  distance: [20.0, 40.0, 60.0, 80.0]
"""


def make_model(
    models_path: Path,
    name: str = "parcels",
    *,
    owner: str = "logistics",
    time_zone: str = "America/New_York",
    span: Cadence = "day",
    first_span: str = "2024-03-01",
    min_rows: int = 1,
    minutes: float = 1,
) -> Path:
    """Write one model folder and return it.

    ``min_rows`` above 120 makes every span fail its validation; 120 parcels are sent, one after so many ``minutes``.
    """
    folder = models_path / name
    folder.mkdir(parents=True)
    spec = SPEC.format(name=name, owner=owner, time_zone=time_zone, span=span, first_span=first_span)
    for file, text in {
        "spec.yaml": spec,
        "source.py": SOURCE.replace("{minutes}", str(minutes)),
        "expectations.yaml": EXPECTATIONS.format(min_rows=min_rows),
        "histograms.yaml": HISTOGRAMS,
    }.items():
        (folder / file).write_text(text)
    return folder


def break_spec(folder: Path) -> None:
    """Make the spec of a model folder one that is refused: an unknown key on its last line."""
    path = folder / "spec.yaml"
    path.write_text(path.read_text() + "watcher: {}\n")
