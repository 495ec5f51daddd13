"""Parcels as a source would deliver them; what is wrong with a span is said in ``world.json``, beside this file.

Far parcels are late more often, and those of carrier C; so a model beats the rule, which knows of the distance alone.
"""

from __future__ import annotations

import json
import math
import random
from datetime import timedelta
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


def _said(window: SpanWindow) -> dict[str, Any]:
    world: dict[str, Any] = json.loads(WORLD.read_text()) if WORLD.exists() else {}
    return world.get(window.key, {})


def _parcels(window: SpanWindow, said: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    chance = random.Random(f"{window.key}/{said.get('salt', '')}")
    n = said.get("n", 150)
    apart = min(timedelta(minutes=5), (window.end - window.start) / n)
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
