"""Fit the candidate, package it, and enter it in MLflow."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.errors import MissingSpanError
from ratchet.features.matrix import feature_roles
from ratchet.features.unfamiliar import complete_columns
from ratchet.identity import ModelId
from ratchet.packaging.card import PackageCard
from ratchet.packaging.custom import custom_versions
from ratchet.packaging.golden import synthetic_rows
from ratchet.packaging.loaded import score
from ratchet.packaging.package import MODEL_FILE, Package, read_files, save_package
from ratchet.spec.estimators import is_custom
from ratchet.spec.loading import spec_digest
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.long_fits import fit_long, rounds_of
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.steps.show_statistics import render_window
from ratchet.storage.objects import open_store
from ratchet.training.fit import THRESHOLD_OBJECTIVE, choose_threshold, fit_matrix, labelled_matrix
from ratchet.training.provenance import code_commit, lock_digest
from ratchet.training.search.families import settle
from ratchet.training.span_fit import fit_by_spans
from ratchet.training.tracking import TrackingRun, TrainingRecord, log_training, run_url, start_or_resume
from ratchet.training.versions import register_version

if TYPE_CHECKING:
    from datetime import datetime

    from sklearn.pipeline import Pipeline

    from ratchet.project import Project
    from ratchet.spec.estimators import Parameter
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.select_window import WindowResult
    from ratchet.steps.tune import TuneResult
    from ratchet.training.fit import LabelledMatrix


STATISTICS_PAGE = "statistics.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult(StepResult):
    """The candidate: its version in the registry, the digest of its package, and its MLflow run.

    ``rounds`` counts those of a fit with checkpoints; ``ended`` says why it has fewer than were preset.
    """

    version: str
    digest: str
    run_id: str
    run_url: str | None
    parameters: Mapping[str, Parameter]
    threshold: float
    n_examples: int
    fit_seconds: float
    rounds: int | None = None
    ended: str | None = None


def train(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    tuned: TuneResult,
    *,
    at: datetime,
    on_run: Callable[[str | None], None] = lambda _: None,
) -> TrainResult:
    """Fit the tuned pipeline on the train spans, choose its threshold on the validation spans, and register it.

    Killed at any point, a rerun fits the same model and finds the package, the run and the version of the first try.

    Parameters
    ----------
    on_run : callable
        Told the page of the MLflow run before the fit begins; None where the tracking store has no pages.
    """
    lock = lock_digest(project.models_path)
    key = StepKey(
        step="train",
        version=2,
        spec=spec,
        sections=("features", "label", "train"),
        span=window.span,
        inputs={
            "data": [v for v in window.data_version if v[0] not in window.test_spans],
            "parameters": dict(tuned.parameters),
            "choice": [tuned.family, tuned.features],
            "lock": lock,
            # A class of the model folder is the one part of a fit that neither the spec nor the lock names.
            **custom_versions(tuned.estimator, spec.folder),
        },
    )
    return run_once(
        project,
        key,
        TrainResult,
        lambda folder: _train(project, spec, window, tuned, folder, lock=lock, at=at, on_run=on_run),
    )


def _train(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    tuned: TuneResult,
    folder: StepFolder,
    *,
    lock: str | None,
    at: datetime,
    on_run: Callable[[str | None], None],
) -> TrainResult:
    model = ModelId(spec.name)
    run = start_or_resume(project.tracking_uri, str(model), folder.name, at=at, run_name=f"{model} {window.span}")
    on_run(run_url(project.tracking_uri, run))

    def read(*spans: str) -> LabelledMatrix:
        return labelled_matrix(read_labelled_examples(project, spec, spans, versions=window.data_version), spec)

    started = time.monotonic()
    chosen = settle(spec, tuned.family, tuned.features)
    is_fed = chosen.train.feed == "spans"
    by_spans = fit_by_spans(window.train_spans, read, chosen, tuned.parameters) if is_fed else None
    examples = by_spans.seen.sample if by_spans else read(*window.train_spans)
    n_examples = by_spans.seen.n_examples if by_spans else len(examples.labels)
    seconds = time.monotonic() - started
    held_out = read(*window.validate_spans)
    started, long = time.monotonic(), None
    if by_spans is not None:
        pipeline = by_spans.pipeline
    elif chosen.train.checkpoint_rounds is None:
        pipeline = fit_matrix(examples, chosen, tuned.parameters)
    else:
        inputs = {"data": [v for v in window.data_version if v[0] not in window.test_spans], "lock": lock}
        long = fit_long(project, chosen, examples, held_out, tuned.parameters, folder=folder, run=run, inputs=inputs)
        pipeline = long.pipeline
    seconds += time.monotonic() - started
    threshold = choose_threshold(score(pipeline, held_out.features), held_out.labels)
    card = PackageCard(
        estimator=chosen.train.estimator,
        parameters={**chosen.train.parameters, **tuned.parameters, **rounds_of(chosen, long)},
        features=feature_roles(spec.features),
        label=spec.label.column,
        threshold=threshold,
        threshold_objective=THRESHOLD_OBJECTIVE,
        seed=spec.train.seed,
        spec_digest=spec_digest(spec, "features", "label", "train"),
        golden_rows=synthetic_rows(examples.features, feature_roles(spec.features)),
        complete=by_spans.seen.complete if by_spans else complete_columns(examples.features),
    )
    package = save_package(open_store(project.home), model, pipeline, card, folder=spec.folder)
    crash_point("train.packaged")
    record = _record(project, spec, window, tuned, card, package, lock=lock, seconds=seconds, n=n_examples)
    version = _enter(project, run, model, package, pipeline, record, estimator=card.estimator, at=at)
    return TrainResult(
        model=spec.name,
        span=window.span,
        verdict="pass",
        words=f"version {version}, fitted on {n_examples} examples in {seconds:.1f} s"
        + (f"; {long.ended}" if long and long.ended else ""),
        uri=folder.uri,
        version=version,
        digest=package.digest,
        run_id=run.run_id,
        run_url=run_url(project.tracking_uri, run),
        parameters=card.parameters,
        threshold=threshold,
        n_examples=n_examples,
        fit_seconds=round(seconds, 3),
        rounds=long.rounds if long else None,
        ended=long.ended if long else None,
    )


def _enter(
    project: Project,
    run: TrackingRun,
    model: ModelId,
    package: Package,
    pipeline: Pipeline,
    record: TrainingRecord,
    *,
    estimator: str,
    at: datetime,
) -> str:
    # From the package, so that the registry holds the very bytes that are gated and served.
    files = read_files(open_store(project.home), model, package.digest)
    own = files if is_custom(estimator) or len(files) > 2 else None
    version = register_version(run, model, package.digest, pipeline, model_bytes=files[MODEL_FILE], package_files=own)
    crash_point("train.registered")
    log_training(run, record, at=at)
    return version


def _record(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    tuned: TuneResult,
    card: PackageCard,
    package: Package,
    *,
    lock: str | None,
    seconds: float,
    n: int,
) -> TrainingRecord:
    return TrainingRecord(
        parameters={"estimator": card.estimator, "seed": card.seed, **card.parameters},
        metrics={
            "validation_auc": tuned.validation_auc,
            "fit_seconds": seconds,
            "n_train_examples": float(n),
            "package_bytes": float(package.size_bytes),
        },
        inputs={"spans": [list(version) for version in window.data_version], "window": window.words},
        tags={
            "ratchet.span": window.span,
            "ratchet.reasons": ", ".join(window.reasons),
            "ratchet.package": package.digest,
            "ratchet.spec_digest": card.spec_digest,
            "ratchet.code_commit": code_commit(Path(project.models_path)),
            "ratchet.lock_digest": lock,
        },
        pages=_pages(project, spec, window),
    )


def _pages(project: Project, spec: ModelSpec, window: WindowResult) -> dict[str, str]:
    try:
        page = render_window(project, spec, window.train_spans, title=f"{spec.name}: what {window.span} was trained on")
    except MissingSpanError:  # spans that were taken in before there were statistics; a model needs none of them
        return {}
    return {STATISTICS_PAGE: page}
