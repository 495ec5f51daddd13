"""A model folder of made-up parcels: its spec can be edited, its source told what to deliver."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.ledger.entries import Author
from ratchet.project import Project
from ratchet.spans.calendar import Calendar
from ratchet.spec.loading import load_spec
from ratchet.spec.model import ModelSpec
from ratchet.storage.objects import ObjectStore, open_store

PARCELS = Path(__file__).with_name("parcels")
AUTHOR = Author(kind="service", name="tests")
CALENDAR = Calendar("America/New_York")
FIRST = "2024-03-01"


LOADS = {
    "joins.loads": {
        "delivery": {"kind": "function", "function": "source.read_loads"},
        "keys": ["depot"],
        "time": "measured_at",
        "recorded_time": "recorded_at",
        "available_after_minutes": 30,
        "stale_after_minutes": 180,
        "columns": ["load"],
    },
    "features.columns.load": {"role": "numeric"},
}


QUEUE = {"source.arrival": {"kind": "queue", "queue_url_env": "PARCELS_QUEUE"}}
BATCHES = {"source.arrival": {"kind": "event", "batches": "source.read_batch"}}


def day(number: int) -> str:
    """The n-th span of the parcels; the first is 1."""
    return CALENDAR.shift(FIRST, number - 1)


def days(first: int, last: int) -> list[str]:
    return CALENDAR.range(day(first), day(last))


def at(span: str) -> datetime:
    """The night after a span."""
    return CALENDAR.bounds(span)[1] + timedelta(hours=4)


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model folder of a project, and what is kept of it."""

    project: Project
    name: str = "parcels"

    @property
    def path(self) -> Path:
        return self.project.model_path(self.name)

    @property
    def spec(self) -> ModelSpec:
        """The spec as the file says it now."""
        return load_spec(self.project, self.name)

    @property
    def id(self) -> ModelId:
        return ModelId(self.name)

    @property
    def store(self) -> ObjectStore:
        return open_store(self.project.home)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.store, self.id)

    def edit(self, changes: Mapping[str, Any]) -> None:
        """Set keys of the spec, each named by its path: ``evaluate.floor``."""
        path = self.path / "spec.yaml"
        path.write_text(yaml.safe_dump(changed(yaml.safe_load(path.read_text()), changes), sort_keys=False))

    def deliver(self, *spans: str, **said: Any) -> None:
        """Let the source say this of these spans from now on; nothing said is a sound span again."""
        path = self.path / "world.json"
        world = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(world | dict.fromkeys(spans, said)))

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """Every object that is kept, apart from the tables' own files."""
        names = [name for name in self.store.list(prefix) if not name.startswith(("tables/", "mlflow/"))]
        return {name: self.store.read(name) for name in names}


def make_model(project: Project, name: str = "parcels", changes: Mapping[str, Any] | None = None) -> Model:
    """Write a sound model folder and return the model."""
    model = Model(project=project, name=name)
    shutil.copytree(PARCELS, model.path, ignore=shutil.ignore_patterns("__pycache__"))
    model.edit({"name": name, **(changes or {})})
    return model


def parcels_values() -> dict[str, Any]:
    """The values of the sound spec."""
    values: dict[str, Any] = yaml.safe_load((PARCELS / "spec.yaml").read_text())
    return values


def changed(values: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with those keys set."""
    for path, value in changes.items():
        *sections, key = path.split(".")
        section = values
        for name in sections:
            section = section.setdefault(name, {})
        section[key] = deepcopy(value)
    return values


def parcels_spec(changes: Mapping[str, Any] | None = None) -> ModelSpec:
    """The sound spec with those keys set, without a folder."""
    return ModelSpec.model_validate_json(json.dumps(changed(parcels_values(), changes or {})))
