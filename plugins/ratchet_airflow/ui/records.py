"""What the model pages show, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.errors import RatchetError
from ratchet.ledger.chain import Ledger
from ratchet.storage.objects import open_store
from ratchet_airflow.urls import report_url

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.identity import ModelId
    from ratchet.ledger.entries import Entry
    from ratchet.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """One model in the list; ``problem`` says why the rest is missing."""

    model: str
    version: str | None = None
    digest: str | None = None
    since: datetime | None = None
    by: str | None = None
    trained_through: str | None = None
    gate_verdict: str | None = None
    gate_words: str | None = None
    n_entries: int = 0
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRow:
    """One entry of the ledger."""

    number: int
    at: datetime
    kind: str
    by: str
    version: str | None
    verdict: str | None
    words: str
    report_url: str
    digest: str


def read_row(project: Project, model: ModelId) -> ModelRow:
    """Return the list's row of a model; a ledger that cannot be read is a problem of that row alone."""
    try:
        ledger = Ledger(open_store(project.home), model)
        state = ledger.read_state()
        crowned, gate = _entry(ledger, state.champion_number), _entry(ledger, state.gate_number)
    except RatchetError as error:
        return ModelRow(model=str(model), problem=str(error))
    champion = state.champion
    return ModelRow(
        model=str(model),
        version=champion.version if champion else None,
        digest=champion.digest if champion else None,
        trained_through=champion.trained_through if champion else None,
        since=crowned.at if crowned else None,
        by=_author(crowned) if crowned else None,
        gate_verdict=state.gate_verdict,
        # The page shows the verdict apart, in its colour.
        gate_words=_words(gate.body).removeprefix(str(gate.body["verdict"])).lstrip() if gate else None,
        n_entries=state.number,
    )


def read_entries(project: Project, model: ModelId, *, newest: int) -> list[EntryRow]:
    """Return the newest entries of a model's ledger, newest first."""
    ledger = Ledger(open_store(project.home), model)
    first = max(ledger.read_state().number - newest, 0)
    rows = [_entry_row(project, entry) for entry in ledger.entries(after=first)]
    return rows[::-1]


def _entry_row(project: Project, entry: Entry) -> EntryRow:
    version = entry.body.get("version") or entry.body.get("candidate") or {}
    evidence = entry.body.get("gate_uri") or version.get("evidence_uri") or ""
    return EntryRow(
        number=entry.number,
        at=entry.at,
        kind=entry.kind.replace("_", " "),
        by=_author(entry),
        version=version.get("version"),
        verdict=entry.body.get("verdict"),
        words=_words(entry.body),
        report_url=report_url(project, evidence),
        digest=entry.digest,
    )


def _entry(ledger: Ledger, number: int | None) -> Entry | None:
    return None if number is None else next(iter(ledger.entries(after=number - 1)), None)


def _author(entry: Entry) -> str:
    return f"{entry.author.name} ({entry.author.kind})"


def _words(body: Any) -> str:
    return str(body.get("words") or body.get("reason") or "")
