"""What is on record of the champion beyond its version: the evaluation that made it so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ratchet.errors import LedgerError
from ratchet.evaluation.results import Evaluation
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.steps.results import read_object, read_result
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.ledger.state import LedgerState
    from ratchet.ledger.versions import ModelVersion
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.evaluate import EvaluateResult


def read_state(project: Project, spec: ModelSpec) -> LedgerState:
    """Return the state of a model's ledger."""
    return Ledger(open_store(project.home), ModelId(spec.name)).read_state()


def champion_evidence(project: Project, champion: ModelVersion) -> EvaluateResult:
    """Return the evaluation by which a version became champion.

    Raises
    ------
    LedgerError
        If the ledger names none.
    """
    from ratchet.steps.evaluate import EvaluateResult

    if champion.evidence_uri is None:
        raise LedgerError(f"The ledger names no evaluation of version {champion.version}.")
    return read_result(project, champion.evidence_uri, EvaluateResult)


def read_evaluation(project: Project, evaluated: EvaluateResult) -> Evaluation:
    """Return the figures of an evaluation."""
    return Evaluation.from_json(json.loads(read_object(project, evaluated.evaluation_uri)))
