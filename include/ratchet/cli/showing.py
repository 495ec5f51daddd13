"""What ``ratchet status`` and ``ratchet ledger`` print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ratchet.errors import InputError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.spans.manifests import ManifestStore
from ratchet.spec.loading import find_models
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from rich.console import Console

    from ratchet.ledger.entries import Entry
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

SCHEMA_VERSION = 1


def open_ledger(project: Project, model: ModelId) -> Ledger:
    """Return the ledger of a model in the project's home.

    Raises
    ------
    InputError
        If there is neither an entry nor a model folder of that name: an empty ledger is sound, a typing error is not.
    """
    ledger = Ledger(open_store(project.home), model)
    known = find_models(project)
    if model.name not in known and next(iter(ledger.entries()), None) is None:
        raise InputError(f"There is no model {model}, and no ledger of it. Models: {', '.join(known) or 'none'}.")
    return ledger


def read_status(project: Project, spec: ModelSpec) -> dict[str, Any]:
    """Return the state of a model as plain values."""
    model = ModelId(spec.name)
    ledger, examples = open_ledger(project, model), ManifestStore(open_store(project.home), model, "examples")
    state = ledger.read_state()
    decisive = {entry.number: entry for entry in ledger.entries()} if state.number else {}
    crowned, gated = decisive.get(state.champion_number or 0), decisive.get(state.gate_number or 0)
    ingested, validated = sorted(examples.revisions()), sorted(examples.validated())
    return {
        "schema_version": SCHEMA_VERSION,
        "model": str(model),
        "goal": spec.objective.goal,
        "owner": spec.owner,
        "champion": state.champion.to_json() if state.champion else None,
        "champion_since": crowned.at.isoformat() if crowned else None,
        "champion_by": crowned.author.name if crowned else None,
        "champion_entry": state.champion_number,
        "not_reproducible": dict(state.not_reproducible),
        "former_champions": [one.version for one in state.previous_champions],
        "newest_gate": _gate(gated) if gated else None,
        "entries": state.number,
        "spans_ingested": len(ingested),
        "spans_stopped": [span for span in ingested if span not in set(validated)],
        "newest_span": ingested[-1] if ingested else None,
    }


def _gate(entry: Entry) -> dict[str, Any]:
    body = entry.body
    candidate = (body.get("candidate") or {}).get("version")
    return {
        "entry": entry.number,
        "candidate": candidate,
        "span": body.get("span"),
        "verdict": body["verdict"],
        "words": body.get("words"),
        "needs_a_person": body["verdict"] == "undecided",
    }


def print_status(status: dict[str, Any], console: Console) -> None:
    """Print the state of a model for a person."""
    table = Table(show_header=False, box=None)
    champion, gate = status["champion"], status["newest_gate"]
    rows = {
        "model": f"{status['model']}: {status['goal']}",
        "champion": _champion_words(status) if champion else "none yet",
        "former champions": ", ".join(status["former_champions"][-10:]) or "none",
        "newest gate": f"version {gate['candidate']}, {gate['span']}: {gate['words']}" if gate else "none yet",
        "spans": f"{status['spans_ingested']} ingested, newest {status['newest_span']}",
        "stopped by validation": ", ".join(status["spans_stopped"]) or "none",
        "ledger": f"{status['entries']} entries",
    }
    for name, words in rows.items():
        table.add_row(name, words)
    console.print(table, markup=False)


def _champion_words(status: dict[str, Any]) -> str:
    champion = status["champion"]
    since = status["not_reproducible"].get(champion["digest"])
    return (
        f"version {champion['version']} ({champion['digest'][:12]}), trained through {champion['trained_through']}, "
        f"since {status['champion_since']} by {status['champion_by']} (entry {status['champion_entry']})"
        + (f", not reproducible since entry {since}" if since else "")
    )


def print_entries(entries: Sequence[Entry], console: Console) -> None:
    """Print one line an entry."""
    table = Table("no", "at", "kind", "version", "by", "words")
    for entry in entries:
        version = (entry.body.get("version") or entry.body.get("candidate") or {}).get("version", "")
        words = str(entry.body.get("words") or entry.body.get("reason") or "")
        table.add_row(
            str(entry.number), f"{entry.at:%Y-%m-%d %H:%M:%S}Z", entry.kind, version, entry.author.name, words
        )
    console.print(table, markup=False)
