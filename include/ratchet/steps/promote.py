"""Make the gated candidate champion, and let MLflow's aliases follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.package import load_package
from ratchet.release.mirror import mirror_aliases
from ratchet.release.promotion import promote as append_promotion
from ratchet.steps.results import StepKey, StepResult, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.ledger.entries import Author
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.decide_gate import GateStepResult


@dataclass(frozen=True, slots=True, kw_only=True)
class PromoteResult(StepResult):
    """The new champion, and the ledger's entry that made it so."""

    version: str
    digest: str
    number: int


def promote(project: Project, spec: ModelSpec, gate: GateStepResult, *, author: Author, at: datetime) -> PromoteResult:
    """Promote the candidate of a passed gate. Killed at any point, a rerun finishes what is left.

    Raises
    ------
    InputError
        If the gate did not pass.
    LostRaceError
        If another version became champion since the gate.
    ModelError, ChecksumError
        If the package can not be loaded: what is promoted can be served.
    """
    model, store = ModelId(spec.name), open_store(project.home)
    ledger = Ledger(store, model)
    load_package(store, model, gate.candidate_digest, folder=spec.folder)
    entry = append_promotion(
        ledger,
        candidate=gate.candidate,
        verdict=gate.verdict,
        over=gate.champion_digest,
        gate_uri=gate.gate_uri,
        gate_digest=gate.gate_digest,
        author=author,
        at=at,
    )
    # From the present state, not from this entry: a late rerun must not turn the aliases back.
    mirror_aliases(project.tracking_uri, model, ledger.read_state())
    key = StepKey(
        step="promote", version=1, spec=spec, sections=("name",), span=gate.span, inputs={"gate": gate.gate_digest}
    )
    return run_once(
        project,
        key,
        PromoteResult,
        lambda folder: PromoteResult(
            model=spec.name,
            span=gate.span,
            verdict="pass",
            words=f"version {gate.candidate_version} is champion since entry {entry.number}",
            uri=folder.uri,
            version=gate.candidate_version,
            digest=gate.candidate_digest,
            number=entry.number,
        ),
    )
