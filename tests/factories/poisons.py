"""Sources that are poisoned: each says what is wrong with what it delivers, and how that shows in the tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import yaml

from ratchet.spans.reading import read_labelled
from tests.factories.models import Model

_SOURCE = """
from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import polars as pl

from ratchet.spec.functions import load_functions

HERE = Path(__file__).parent
read_sound, read_outcomes = load_functions(HERE, ("source.read_parcels", "source.read_deliveries"))


def said():
    return json.loads((HERE / "poison.json").read_text())


def copied(frame, n):
    name = pl.format("{}-{}", "parcel_id", "copy").alias("parcel_id")
    return frame.join(pl.DataFrame({"copy": range(n)}), how="cross").with_columns(name).drop("copy")


def read_parcels(window):
    frame, how = read_sound(window), said()
    late = pl.Series([outcome["is_late"] for outcome in read_deliveries(window).to_dicts()], dtype=pl.Boolean)
    if "rows" in how:
        frame, late = frame.head(how["rows"]), late.head(how["rows"])
    if how.get("leaks"):
        chance = random.Random(window.key)
        frame = frame.with_columns(
            paid=late.cast(pl.Float64) + pl.Series([chance.uniform(0, 0.9) for _ in range(frame.height)]),
            scanned_at=(pl.col("sent_at") + timedelta(hours=8)).dt.to_string("%Y-%m-%dT%H:%M:%SZ"),
            waybill=pl.format("w{}", pl.col("parcel_id").hash()),
        )
    if how.get("constant"):
        frame = frame.with_columns(distance=pl.lit(50.0), weight=pl.lit(1.0), carrier=pl.lit("A"))
    if "copies" in how:
        frame = copied(frame, how["copies"])
    return frame


def read_deliveries(window):
    frame, how = read_outcomes(window), said()
    chance = random.Random(window.key + "outcomes")
    if "noise" in how:
        turned = pl.Series([chance.random() < how["noise"] for _ in range(frame.height)])
        frame = frame.with_columns(is_late=pl.col("is_late") != turned)
    if "copies" in how:
        frame = copied(frame, how["copies"])
    if "rows" in how:
        frame = frame.head(how["rows"])
        frame = frame.with_columns(is_late=pl.int_range(pl.len()) % 2 == 0)
    if "positives" in how:
        frame = frame.with_columns(is_late=pl.int_range(pl.len()) < how["positives"])
    return frame
"""


def poison(model: Model, how: Mapping[str, Any], features: Mapping[str, str] | None = None) -> None:
    """Let the model's source deliver poison from now on, with further features by name and role."""
    (model.path / "poison.py").write_text(_SOURCE)
    (model.path / "poison.json").write_text(json.dumps(how))
    edges = model.path / "histograms.yaml"
    values = yaml.safe_load(edges.read_text())
    for name, role in (features or {}).items():
        if role == "numeric":
            values["edges"][name] = [0.5, 1.0, 1.5]
    edges.write_text(yaml.safe_dump(values))
    expected = (model.path / "expectations.yaml").read_text()
    (model.path / "expectations.yaml").write_text(expected.replace("min_value: 20", "min_value: 1"))
    model.edit(
        {
            "source.delivery.function": "poison.read_parcels",
            "label.delivery.function": "poison.read_deliveries",
            **{f"features.columns.{name}": {"role": role} for name, role in (features or {}).items()},
        }
    )


def taken_in(model: Model, spans: Sequence[str]) -> pl.DataFrame:
    """What the tables hold of these spans: the proof that the poison has arrived."""
    return read_labelled(model.project, model.spec, list(spans))
