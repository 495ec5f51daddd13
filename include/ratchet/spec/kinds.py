"""What a spec may ask of each kind of label: estimators that answer it, and keys that mean something for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.spec.estimators import mismatch

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.section import Location


def faults_of_kind(spec: ModelSpec) -> list[tuple[Location, str]]:
    """Return which keys of a spec do not fit the kind of its label, each with its place and what would do."""
    kind = spec.label.kind
    named: list[tuple[Location, str]] = [(("train", "estimator"), spec.train.estimator)]
    named += [
        (("train", "search", "families", name, "estimator"), family.estimator)
        for name, family in spec.train.search.families.items()
    ]
    faults = [(at, fault) for at, estimator in named if (fault := mismatch(estimator, kind)) is not None]
    if kind == "binary":
        return faults
    if spec.objective.values is not None:
        what = f"are of decisions between true and false, which a model of a {kind} label does not make. Remove them."
        faults.append((("objective", "values"), what))
    if spec.features.selection is not None:
        what = f"tells what a feature brings in AUC, and so does not know a {kind} label yet. Remove it."
        faults.append((("features", "selection"), what))
    return faults
