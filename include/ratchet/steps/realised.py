"""How the champion did on a span once its outcomes were known, beside the first model that was never retrained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import MissingSpanError
from ratchet.evaluation.metrics import roc_auc
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.ledger.versions import ModelVersion
from ratchet.packaging.package import load_package
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.sense_quality import read_outcomes
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Realised:
    """AUC of the predictions that were made, and of the first model on the same outcomes; None for one class only."""

    span: str
    n_outcomes: int
    champion_auc: float | None
    first_auc: float | None


def read_realised(project: Project, spec: ModelSpec, span: str) -> Realised | None:
    """Return the realised quality of a span; None while it has no predictions or no outcomes."""
    try:
        outcomes = read_outcomes(project, spec, span)
    except MissingSpanError:
        return None
    examples = read_labelled_examples(project, spec, [span]).rename({spec.source.entity: "entity"})
    both = outcomes.select("entity", "score").join(examples, on="entity", how="inner")
    first = load_package(open_store(project.home), ModelId(spec.name), _first(project, spec).digest, folder=spec.folder)
    labels = both[spec.label.column].to_numpy()
    return Realised(
        span=span,
        n_outcomes=both.height,
        champion_auc=roc_auc(labels, both["score"].to_numpy()),
        first_auc=roc_auc(labels, first.predict(both)),
    )


def _first(project: Project, spec: ModelSpec) -> ModelVersion:
    entries = Ledger(open_store(project.home), ModelId(spec.name)).entries()
    crowned = next(entry for entry in entries if entry.kind == "bootstrap")
    return ModelVersion.from_json(crowned.body["version"])
