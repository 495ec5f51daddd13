"""Deliveries of made-up trips, read as a span's window asks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ratchet.project import Project
from ratchet.spans.calendar import Calendar
from ratchet.spans.sources import Delivery, SpanWindow, read_delivery
from ratchet.spec.delivery import FilesDelivery

ZONE = "Europe/Berlin"
DAY = "2024-03-01"
CSV = "trip,left_at,fare\na,2024-03-01T08:00:00Z,1.5\nb,2024-03-01T09:00:00Z,2\n"


def window(span: str = DAY, zone: str = ZONE) -> SpanWindow:
    return SpanWindow.of(Calendar(zone), span)


def files(path: str = "{span}.csv", **said: Any) -> FilesDelivery:
    return FilesDelivery(kind="files", path=path, **{"settle_seconds": 0.0, **said})


def put(project: Project, name: str, data: bytes | str) -> Path:
    path = Path(project.data) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def read(project: Project, delivery: FilesDelivery, span: str = DAY) -> Delivery:
    return read_delivery(project, "trips", delivery, window(span), time="left_at", numeric=("fare",))
