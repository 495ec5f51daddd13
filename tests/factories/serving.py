"""Requests for parcels, answered by the real scorer and put on its log."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ratchet.serving.champion import ChampionWatch
from ratchet.serving.prediction_log import open_log
from ratchet.serving.scoring import Scorer
from ratchet.spans.reading import read_table
from tests.factories.models import CALENDAR, Model

Change = Callable[[int, dict[str, Any]], dict[str, Any]]


def serve(model: Model, span: str, *, change: Change = lambda number, parcel: parcel, first: int = 150) -> None:
    """Ask for the first parcels of a span at noon of it, as the client changed them; ``change`` gets their number."""
    project, spec = model.project, model.spec
    names = [spec.source.entity, spec.source.time, *spec.delivered_columns()]
    parcels = read_table(project, model.id, "examples", [span]).head(first).select(names).to_dicts()
    sent = [change(i, {**parcel, "sent_at": parcel["sent_at"].isoformat()}) for i, parcel in enumerate(parcels)]
    champions, log = ChampionWatch(project, spec), open_log(project, model.id)
    champions.refresh()
    noon = CALENDAR.bounds(span)[0] + timedelta(hours=12)
    scorer = Scorer(project, spec, champions=champions, log=log, clock=lambda: noon)
    scorer.score(json.dumps({"examples": sent}).encode(), "r1")
    log.close()


def in_grams(number: int, parcel: dict[str, Any]) -> dict[str, Any]:
    """The bug of a client: the weight of every tenth parcel in another unit."""
    return parcel | ({"weight": 1.25 * parcel["weight"]} if number % 10 == 0 else {})
