"""Parcels as a source would deliver them; what is wrong with a span is said in ``world.json``, beside this file.

Far parcels are late more often, and those of carrier C; so a model beats the rule, which knows of the distance alone.
"""

from __future__ import annotations

import json
import math
import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ratchet.spans.sources import SpanWindow

WORLD = Path(__file__).with_name("world.json")
LATER = {"A": -2.0, "B": 0.0, "C": 2.0}
UTC = pl.Datetime("us", "UTC")


def read_parcels(window: SpanWindow) -> Any:
    """Return the parcels sent in a span; ``delivered_at`` is known only afterwards."""
    said = _said(window)
    if "parcels" in said:
        return said["parcels"]
    parcels = [parcel for parcel, _ in _parcels(window, said)]
    parcels += parcels[: said.get("twice", 0)]
    parcels += [parcel | {"weight": -1.0} for parcel in parcels[: said.get("conflicts", 0)]]
    frame = pl.DataFrame(parcels, schema_overrides={"sent_at": UTC, "delivered_at": UTC})
    return frame.with_columns(**{name: pl.lit(value) for name, value in said.get("columns", {}).items()})


def read_deliveries(window: SpanWindow) -> pl.DataFrame:
    """Return which parcels of a span came late, for the share of them of which it is known."""
    said = _said(window)
    parcels = list(_parcels(window, said))
    known = parcels[: round(len(parcels) * said.get("coverage", 1.0))]
    is_turned = said.get("turned", False)
    return pl.DataFrame([{"parcel_id": parcel["parcel_id"], "is_late": late != is_turned} for parcel, late in known])


def read_batch(window: SpanWindow, batch: str) -> Any:
    """Return the parcels of a batch, ``number-of-batches``; what the world says of a batch is said under its name."""
    frame, said = read_parcels(window), _world().get(batch, {})
    number, _, batches = batch.partition("-of-")
    size = -(-frame.height // int(batches))
    frame = frame.slice((int(number) - 1) * size, size)
    kinds = {"whole": pl.Int64, "broken": pl.Float64}
    weight = pl.col("weight").cast(kinds[said["weights"]]) if "weights" in said else pl.col("weight")
    return pl.concat([frame.with_columns(weight), frame.head(said.get("twice", 0)).with_columns(weight)])


def read_loads(window: SpanWindow) -> pl.DataFrame:
    """Return how full each depot was, hour by hour; a later revision of each where the world says so."""
    said, hour = _said(window), timedelta(hours=1)
    first = window.start.replace(minute=0, second=0, microsecond=0)
    hours = [first + number * hour for number in range(int((window.end - first) / hour) + 1)]
    rows = [
        {"depot": depot, "measured_at": at, "recorded_at": at + minutes * hour / 60, "load": load, "weight": load}
        for at in hours
        for depot in ("north", "south")
        for minutes, load in _loads(at, depot, said)
    ]
    times = dict.fromkeys(("measured_at", "recorded_at"), UTC)
    schema = {"depot": pl.String, **times, "load": pl.Float64, "weight": pl.Float64}
    return pl.DataFrame(rows, schema=schema).head(0 if said.get("no_loads") else len(rows))


def _loads(at: datetime, depot: str, said: dict[str, Any]) -> Iterator[tuple[float, float]]:
    load = float(at.hour) + (0.5 if depot == "south" else 0.0) + said.get("heavier", 0.0)
    yield 5, load
    if "revised_after_minutes" in said:
        yield said["revised_after_minutes"], 1000.0 + load


def _said(window: SpanWindow) -> dict[str, Any]:
    said: dict[str, Any] = _world().get(window.key, {})
    return said


def _world() -> dict[str, Any]:
    world: dict[str, Any] = json.loads(WORLD.read_text()) if WORLD.exists() else {}
    return world


def _parcels(window: SpanWindow, said: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    chance = random.Random(f"{window.key}/{said.get('salt', '')}")
    n = said.get("n", 150)
    apart = min(timedelta(minutes=5), (window.end - window.start) / max(n, 1))
    for number in range(n):
        distance, carrier, sent_at = chance.uniform(0, 100), chance.choice("ABC"), window.start
        odds = (distance - 50) / 10 + LATER[carrier]
        late = chance.random() < 1 / (1 + math.exp(-odds))
        sent_at += apart * number
        yield (
            {
                "parcel_id": f"{window.key}-{number:04d}",
                "sent_at": sent_at,
                "distance": distance + said.get("farther", 0.0),
                "weight": chance.gauss(5, 1),
                "carrier": carrier,
                "depot": chance.choice(["north", "south"]),
                "delivered_at": sent_at + timedelta(hours=30 if late else 5),
            },
            late,
        )
