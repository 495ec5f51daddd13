"""What the demo notes of a night, and where it keeps it: a second run of the demo goes on from there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRecord:
    """One night, as the table shows it. Empty text where there was nothing."""

    span: str
    rows: int
    fault: str = ""
    validation: str = ""
    drift: str = ""
    decision: str = ""
    gate: str = ""
    gate_words: str = ""
    champion: str = ""
    champion_auc: float | None = None
    first_auc: float | None = None
    seconds: float = 0.0

    def with_realised(self, champion_auc: float | None, first_auc: float | None) -> NightRecord:
        """Return the night with what its outcomes have shown since."""
        return replace(self, champion_auc=champion_auc, first_auc=first_auc)


def read_records(path: Path) -> list[NightRecord]:
    """Return the nights that were lived through, oldest first; none before the first demo."""
    if not path.exists():
        return []
    values = json.loads(path.read_text(encoding="utf-8"))
    return [NightRecord(**night) for night in values["nights"]]


def write_records(path: Path, records: list[NightRecord]) -> None:
    """Keep the nights, whole: a killed demo leaves the last or the one before."""
    values = {"schema_version": SCHEMA_VERSION, "nights": [asdict(record) for record in records]}
    staged = path.with_suffix(".staged")
    staged.write_text(json.dumps(values, indent=1), encoding="utf-8")
    staged.replace(path)
