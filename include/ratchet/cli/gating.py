"""``ratchet gate``: what a gate answered, and the table that decided."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.cli.showing import open_ledger
from ratchet.errors import InputError
from ratchet.evaluation.gate import GateResult, explain
from ratchet.steps.results import read_object

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.ledger.entries import Entry
    from ratchet.project import Project

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """One gate of the ledger. ``is_intact`` says whether its table still has the digest that the ledger holds."""

    entry: Entry
    gate: GateResult
    is_intact: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        body = self.entry.body
        return {
            "schema_version": SCHEMA_VERSION,
            "model": self.entry.model,
            "entry": self.entry.number,
            "at": self.entry.at.isoformat(),
            "span": body["span"],
            "candidate": body["candidate"],
            "over": body["over"],
            "gate_uri": body["gate_uri"],
            "is_intact": self.is_intact,
            "needs_a_person": self.gate.verdict == "undecided",
            "gate": self.gate.to_json(),
        }

    def lines(self, *, table: bool) -> list[str]:
        """Return what is printed: the answer in one line, and the table that decided."""
        body = self.entry.body
        first = f"{self.entry.model}: version {body['candidate']['version']}, {body['span']} "
        first += f"(entry {self.entry.number}): {body['words']}"
        altered = [] if self.is_intact else [f"warning: {body['gate_uri']} was altered since the gate was entered"]
        return [first, *altered, *(explain(self.gate).splitlines() if table else [])]


def read_gate(project: Project, model: ModelId, span: str | None) -> GateAnswer:
    """Return the newest gate of a model, or the newest of a span.

    Raises
    ------
    InputError
        If there is none.
    """
    gates = [entry for entry in open_ledger(project, model).entries() if entry.kind == "gate"]
    found = [entry for entry in gates if span in (None, entry.body["span"])]
    if not found:
        spans = ", ".join(sorted({entry.body["span"] for entry in gates})[-5:])
        known = f"The newest are of {spans}." if gates else "No candidate has come before a gate yet."
        raise InputError(f"{model} has no gate{f' of {span}' if span else ''}. {known}")
    entry = found[-1]
    text = read_object(project, entry.body["gate_uri"])
    digest = "sha256:" + hashlib.sha256(text).hexdigest()
    gate = GateResult.from_json(json.loads(text))
    return GateAnswer(entry=entry, gate=gate, is_intact=digest == entry.body["gate_digest"])
