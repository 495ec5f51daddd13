"""Defaults of the ledger's tests, so that each test shows only what matters to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.ledger.entries import Author, Entry, EntryKind
from ratchet.ledger.versions import ModelVersion

FLIGHTS = ModelId("flights")
AT = datetime(2013, 2, 10, 4, 5, 6, 7, tzinfo=UTC)
RELEASE = Author(kind="service", name="release")


def version(number: int) -> ModelVersion:
    return ModelVersion(version=str(number), digest=f"sha256:{number:064x}", run_id=f"run-{number}")


def crown(number: int) -> dict[str, Any]:
    return {"version": version(number).to_json(), "gate_uri": "runs/flights/decide_gate/x/result.json"}


def entry(**changes: Any) -> Entry:
    values: dict[str, Any] = {
        "model": "flights",
        "number": 1,
        "previous": None,
        "kind": "override",
        "at": AT,
        "author": RELEASE,
        "decision_id": "decision-1",
        "nonce": "0" * 32,
        "body": {},
    }
    return Entry(**{**values, **changes})


def append(
    ledger: Ledger, kind: EntryKind = "override", body: Mapping[str, Any] | None = None, **changes: Any
) -> Entry:
    """Append after whatever is there, under a decision id of its own."""
    number = changes.pop("after", ledger.read_state().number)
    values = {"decision_id": f"decision-{number + 1}", "author": RELEASE, "at": AT + timedelta(days=number), **changes}
    return ledger.append(kind, body or {}, after=number, **values)
