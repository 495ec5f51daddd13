"""Judge the predictions of the newest cohort whose labels are due."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import MissingSpanError
from ratchet.evaluation.yardstick import Yardstick
from ratchet.identity import ModelId
from ratchet.monitoring.quality import judge_quality
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_table
from ratchet.steps.champion import champion_evidence, read_evaluation
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store
from ratchet.training.fit import code_labels
from ratchet.training.losses import Loss

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.project import Project
    from ratchet.spans.manifests import SpanManifest
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.evaluate import EvaluateResult


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityStepResult(StepResult):
    """The realised AUC (or other quality) of one cohort, and the version that had predicted it."""

    cohort: str
    version: str | None
    auc: float | None
    gate_auc: float | None
    coverage: float | None
    n_labelled: int
    quality_uri: str | None


def sense_quality(project: Project, spec: ModelSpec, span: str) -> QualityStepResult:
    """Judge the cohort whose labels are due on the night of ``span``. It never waits for them.

    Undecided while the cohort has no predictions or too few labels.
    """
    model, store = ModelId(spec.name), open_store(project.home)
    cohort = Calendar.of(spec.source).shift(span, -spec.label.known_after_spans)
    predictions = ManifestStore(store, model, "predictions").newest(cohort)
    truth = ManifestStore(store, model, "ground_truth").newest(cohort)
    if predictions is None or truth is None:
        what = "predictions" if predictions is None else "ground truth"
        return _nothing(spec, span, cohort, f"no {what} of {cohort}")
    if not ManifestStore(store, model, "ground_truth").is_validated(cohort):
        return _nothing(spec, span, cohort, f"the ground truth of {cohort} has not passed validation")
    key = StepKey(
        step="sense_quality",
        version=1,
        spec=spec,
        sections=("label", "watch"),
        span=span,
        inputs={"predictions": predictions.delivery, "ground_truth": truth.delivery, **_judged_by(spec)},
    )
    return run_once(
        project, key, QualityStepResult, lambda folder: _judge(project, spec, span, cohort, predictions, truth, folder)
    )


def read_outcomes(
    project: Project,
    spec: ModelSpec,
    span: str,
    *,
    made: SpanManifest | None = None,
    known: SpanManifest | None = None,
) -> pl.DataFrame:
    """Return the predictions of a span whose outcome is known: entity, score (of several classes ``scores``) and label.

    Parameters
    ----------
    made, known : SpanManifest, optional
        The revisions of the predictions and of the ground truth to read; without them the newest.

    Raises
    ------
    MissingSpanError
        If the span has no predictions, or no ground truth that passed validation.
    """
    model, entity = ModelId(spec.name), spec.source.entity
    if not ManifestStore(open_store(project.home), model, "ground_truth").is_validated(span):
        raise MissingSpanError(f"{model}: no ground truth of {span} that passed validation.")
    columns = ["entity", "score", *(["scores"] if spec.label.kind == "multiclass" else [])]
    predictions = read_table(project, model, "predictions", [span], columns=columns, manifests=[made] if made else None)
    truth = read_table(
        project,
        model,
        "ground_truth",
        [span],
        columns=[entity, spec.label.column],
        manifests=[known] if known else None,
    )
    return predictions.join(truth, left_on="entity", right_on=entity, how="inner").select(
        *columns, label=spec.label.column
    )


def _judged_by(spec: ModelSpec) -> dict[str, str]:
    """Return what a label of numbers is judged by: it names the result, too."""
    return {"loss": Loss.of(spec.evaluate).words} if spec.label.kind == "regression" else {}


def _judge(
    project: Project,
    spec: ModelSpec,
    span: str,
    cohort: str,
    predictions: SpanManifest,
    truth: SpanManifest,
    folder: StepFolder,
) -> QualityStepResult:
    outcomes = read_outcomes(project, spec, cohort, made=predictions, known=truth)
    evidence = _evidence(project, spec, predictions)
    yardstick, gate_auc = Yardstick.of(spec), evidence.candidate_auc
    if spec.label.kind == "regression":
        evaluation = read_evaluation(project, evidence)
        yardstick = Yardstick.of(spec, reference=evaluation.reference)
        # A skill by another loss is not compared.
        gate_auc = gate_auc if evaluation.loss == yardstick.loss.words else None
    result = judge_quality(
        code_labels(outcomes["label"], spec.label),
        _answers(outcomes, spec),
        n_examples=predictions.rows_kept,
        gate_auc=gate_auc,
        policy=spec.watch.quality,
        min_coverage=spec.label.min_coverage,
        yardstick=yardstick,
    )
    deciding = [check.reason for check in result.checks if check.verdict == result.verdict]
    return QualityStepResult(
        model=spec.name,
        span=span,
        verdict=result.verdict,
        words=f"cohort {cohort}: " + (deciding[-1] if result.verdict == "pass" else " ".join(deciding)),
        uri=folder.uri,
        cohort=cohort,
        version=predictions.inputs["version"],
        auc=result.auc,
        gate_auc=gate_auc,
        coverage=result.coverage,
        n_labelled=result.n_labelled,
        quality_uri=folder.write("quality.json", json.dumps(result.to_json(), indent=1, allow_nan=False)),
    )


def _answers(outcomes: pl.DataFrame, spec: ModelSpec) -> NDArray[np.float64]:
    if spec.label.kind != "multiclass":
        return outcomes["score"].to_numpy()
    n_classes = len(spec.label.classes or ())
    return outcomes["scores"].list.to_array(n_classes).to_numpy().reshape(-1, n_classes)


def _evidence(project: Project, spec: ModelSpec, predictions: SpanManifest) -> EvaluateResult:
    """Return what the version that predicted was crowned by, whether or not it is still champion."""
    from ratchet.ledger.chain import Ledger

    state = Ledger(open_store(project.home), ModelId(spec.name)).read_state()
    known = [*state.previous_champions, *([state.champion] if state.champion else [])]
    made_by = next((one for one in known if one.digest == predictions.inputs["digest"]), None)
    if made_by is None:
        raise MissingSpanError(f"The ledger knows no champion of digest {predictions.inputs['digest']}.")
    return champion_evidence(project, made_by)


def _nothing(spec: ModelSpec, span: str, cohort: str, words: str) -> QualityStepResult:
    # Never written: what is missing may come.
    return QualityStepResult(
        model=spec.name,
        span=span,
        verdict="undecided",
        words=words,
        uri="",
        cohort=cohort,
        version=None,
        auc=None,
        gate_auc=None,
        coverage=None,
        n_labelled=0,
        quality_uri=None,
    )
