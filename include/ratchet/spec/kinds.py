"""What a spec may ask of each kind of label: estimators that answer it, and keys that mean something for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.spec.estimators import mismatch
from ratchet.spec.inspection import Inspect

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.section import Location, Section


def faults_of_kind(spec: ModelSpec) -> list[tuple[Location, str]]:
    """Return which keys of a spec do not fit the kind of its label, each with its place and what would do."""
    kind = spec.label.kind
    named: list[tuple[Location, str]] = [(("train", "estimator"), spec.train.estimator)]
    named += [
        (("train", "search", "families", name, "estimator"), family.estimator)
        for name, family in spec.train.search.families.items()
    ]
    faults = [(at, fault) for at, estimator in named if (fault := mismatch(estimator, kind)) is not None]
    if kind != "regression" and spec.evaluate.metric is not None:
        what = f"is a loss of numbers, and a {kind} label is judged by its AUC. Remove it."
        faults.append((("evaluate", "metric"), what))
    if kind == "binary":
        return faults
    faults += _faults_of_evaluation(spec)
    if spec.objective.values is not None:
        what = f"are of decisions between true and false, which a model of a {kind} label does not make. Remove them."
        faults.append((("objective", "values"), what))
    return faults


def _faults_of_evaluation(spec: ModelSpec) -> list[tuple[Location, str]]:
    kind, policy = spec.label.kind, spec.evaluate
    faults: list[tuple[Location, str]] = []
    if policy.fairness.columns:
        what = f"compares decisions between true and false, which a model of a {kind} label does not make. Remove it."
        faults.append((("evaluate", "fairness"), what))
    if kind == "regression" and policy.max_calibration_error is not None:
        what = "is of probabilities; how far predicted numbers lie off is shown by bin, and not judged. Remove it."
        faults.append((("evaluate", "max_calibration_error"), what))
    # A recipe keeps every default as if it were set, so a default is no fault.
    if kind == "regression" and policy.inspect.max_label_noise != Inspect().max_label_noise:
        what = "counts outcomes that contradict a decision, and numbers do not. Remove it."
        faults.append((("evaluate", "inspect", "max_label_noise"), what))
    return faults


def defaults_of_kind(spec: ModelSpec) -> dict[str, Section]:
    """Return the sections that have another default where the label is a number: a guess has a skill of 0."""
    if spec.label.kind != "regression":
        return {}
    evaluate, watch = spec.evaluate, spec.watch
    changed: dict[str, Section] = {}
    if "floor" not in evaluate.model_fields_set:
        changed["evaluate"] = evaluate.model_copy(update={"floor": 0.0})
    if "min_auc" not in watch.quality.model_fields_set:
        quality = watch.quality.model_copy(update={"min_auc": 0.0})
        changed["watch"] = watch.model_copy(update={"quality": quality})
    return changed
