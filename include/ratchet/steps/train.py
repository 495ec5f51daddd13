"""Fit the candidate, package it, and enter it in MLflow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ratchet.crashpoints import crash_point
from ratchet.errors import MissingSpanError
from ratchet.features.matrix import feature_roles
from ratchet.features.transform import GENERATE
from ratchet.identity import ModelId
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.card import PackageCard
from ratchet.packaging.custom import custom_versions
from ratchet.packaging.golden import synthetic_rows
from ratchet.packaging.loaded import score
from ratchet.packaging.package import MODEL_FILE, Package, read_files, save_package
from ratchet.spans.reading import pin_manifests
from ratchet.spec.estimators import is_custom
from ratchet.spec.loading import spec_digest
from ratchet.spec.search import ALL_FEATURES, MAIN_FAMILY
from ratchet.steps.fitting import fit_candidate
from ratchet.steps.resampled_by import named_by
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.steps.show_statistics import render_window
from ratchet.storage.objects import open_store
from ratchet.training.losses import Loss
from ratchet.training.provenance import lock_digest
from ratchet.training.recipe import Recipe, Surroundings
from ratchet.training.threshold import choose
from ratchet.training.tracking import TrackingRun, TrainingRecord, log_training, run_url, start_or_resume
from ratchet.training.versions import register_version

if TYPE_CHECKING:
    from datetime import datetime

    from sklearn.pipeline import Pipeline

    from ratchet.project import Project
    from ratchet.spans.records import Table
    from ratchet.spec.estimators import Parameter
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.select_window import WindowResult
    from ratchet.steps.tune import TuneResult
    from ratchet.training.resources import Usage
    from ratchet.training.tracking import TableInput


STATISTICS_PAGE = "statistics.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult(StepResult):
    """The candidate: its version in the registry, the digest of its package, and its MLflow run.

    ``rounds`` counts those of a fit with checkpoints; ``ended`` says why it has fewer than were preset.
    ``restarts`` counts how often a fit that workers share was begun again from its last checkpoint, as a worker died.
    ``left_out`` are features of the spec that it does not read, as ``features.selection`` asks for. Only a model of
    outcomes that are true or false has a ``threshold``.

    Of a model that was imported (`ratchet.steps.import_model`), ``trained_until`` is the last span that it may have
    been trained on, and ``declared_spans`` those that it is said to be, none where that was not said. None of one that
    was fitted here.
    """

    version: str
    digest: str
    run_id: str
    run_url: str | None
    parameters: Mapping[str, Parameter]
    threshold: float | None
    n_examples: int
    fit_seconds: float
    rounds: int | None = None
    ended: str | None = None
    restarts: int | None = None
    worker_rows: tuple[int, ...] = ()
    left_out: tuple[str, ...] = ()
    family: str = MAIN_FAMILY
    features: str = ALL_FEATURES
    recipe_uri: str | None = None
    trained_until: str | None = None
    declared_spans: tuple[str, ...] | None = None


def _selected_by(spec: ModelSpec) -> dict[str, Any]:
    """Return what decides about features that are left out, and stands in no section that a training is named by."""
    loss = {"loss": asdict(Loss.of(spec.evaluate))} if spec.label.kind == "regression" else {}
    return {**named_by(spec), **loss}


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
        version=3,
        spec=spec,
        sections=("features", "label", "train"),
        span=window.span,
        inputs={
            "data": window.fitted_version,
            "parameters": dict(tuned.parameters),
            "choice": [tuned.family, tuned.features],
            "lock": lock,
            # A class of the model folder is the one part of a fit that neither the spec nor the lock names.
            **custom_versions(tuned.estimator, spec.folder),
            # Of the objective only what the threshold is chosen by: a goal told in other words trains nothing.
            "values": values.model_dump(mode="json") if (values := spec.objective.values) else None,
            **(_selected_by(spec) if spec.features.selection else {}),
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
    fitted = fit_candidate(project, spec, window, tuned, folder=folder, run=run, lock=lock)
    pipeline, held_out = fitted.pipeline, fitted.held_out
    form = AnswerForm.of(spec.label)
    answered = score(pipeline, held_out.features, form)
    threshold, chosen_by = choose(answered, held_out.labels, spec.objective.values, kind=form.kind)
    card = PackageCard(
        estimator=fitted.chosen.train.estimator,
        parameters=fitted.parameters,
        features=feature_roles(fitted.features),
        label=spec.label.column,
        threshold=threshold,
        threshold_objective=chosen_by,
        seed=spec.train.seed,
        spec_digest=spec_digest(spec, "features", "label", "train"),
        golden_rows=synthetic_rows(fitted.examples.features, feature_roles(fitted.features)),
        complete=fitted.complete,
        form=form,
    )
    package = save_package(open_store(project.home), model, pipeline, card, folder=spec.folder)
    crash_point("train.packaged")
    recipe = _recipe(project, spec, window, tuned, parameters=card.parameters, left_out=fitted.left_out)
    record = _record(project, spec, window, tuned, card, package, recipe, usage=fitted.usage, n=fitted.n_examples)
    version = _enter(project, run, model, package, pipeline, record, estimator=card.estimator, at=at)
    return TrainResult(
        model=spec.name,
        span=window.span,
        verdict="pass",
        words=f"version {version}, fitted on {fitted.n_examples} examples in {fitted.usage.seconds:.1f} s"
        + fitted.words,
        uri=folder.uri,
        version=version,
        digest=package.digest,
        run_id=run.run_id,
        run_url=run_url(project.tracking_uri, run),
        parameters=card.parameters,
        threshold=threshold,
        n_examples=fitted.n_examples,
        fit_seconds=round(fitted.usage.seconds, 3),
        rounds=fitted.long.rounds if fitted.long else None,
        ended=fitted.long.ended if fitted.long else None,
        restarts=fitted.shared.restarts if fitted.shared else None,
        worker_rows=tuple(of.n_rows for of in fitted.shared.shares) if fitted.shared else (),
        left_out=fitted.left_out,
        family=tuned.family,
        features=tuned.features,
        recipe_uri=folder.write("recipe.json", recipe.to_bytes()),
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
    # MLflow alone knows neither a class of the folder, nor a native format, nor our step that generates features.
    own = files if is_custom(estimator) or len(files) > 2 or GENERATE in pipeline.named_steps else None
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
    recipe: Recipe,
    *,
    usage: Usage,
    n: int,
) -> TrainingRecord:
    around = recipe.surroundings
    return TrainingRecord(
        parameters={"estimator": card.estimator, "seed": card.seed, **card.parameters},
        metrics={
            f"validation_{tuned.measured.lower().replace(' ', '_')}": tuned.validation_auc,
            "fit_seconds": usage.seconds,
            "n_train_examples": float(n),
            "package_bytes": float(package.size_bytes),
            **usage.metrics(project.cpu_hour_rate),
        },
        inputs={
            "spans": [list(version) for version in window.data_version],
            "window": window.words,
            "tables": _tables(project, spec, window),
        },
        tags={
            "ratchet.span": window.span,
            "ratchet.reasons": ", ".join(window.reasons),
            "ratchet.package": package.digest,
            "ratchet.spec_digest": card.spec_digest,
            "ratchet.code_commit": around.models_commit,
            "ratchet.framework_commit": around.code_commit,
            "ratchet.lock_digest": around.lock,
            "ratchet.environment": around.digest,
        },
        pages=_pages(project, spec, window),
    )


def _recipe(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    tuned: TuneResult,
    *,
    parameters: Mapping[str, Parameter],
    left_out: tuple[str, ...],
) -> Recipe:
    return Recipe(
        spec=spec.model_dump(mode="json"),
        train_spans=window.train_spans,
        validate_spans=window.validate_spans,
        data_version=window.fitted_version,
        parameters=dict(parameters),
        family=tuned.family,
        features=tuned.features,
        left_out=left_out,
        surroundings=Surroundings.of(project.models_path, project.model_path(spec.name)),
    )


def _tables(project: Project, spec: ModelSpec, window: WindowResult) -> list[TableInput]:
    """Return, of each table that was read, the version that holds each span's revision."""
    model, fitted = ModelId(spec.name), window.fitted_version
    pinned: dict[Table, dict[str, str]] = {
        "examples": {span: examples for span, examples, _ in fitted},
        "ground_truth": {span: truth for span, _, truth in fitted},
    }
    return [
        {
            "table": table,
            "uri": f"tables/{model}/{table}",
            "versions": {m.span: m.table_version for m in pin_manifests(project, model, table, deliveries)},
            "deliveries": deliveries,
        }
        for table, deliveries in pinned.items()
    ]


def _pages(project: Project, spec: ModelSpec, window: WindowResult) -> dict[str, str]:
    try:
        page = render_window(project, spec, window.train_spans, title=f"{spec.name}: what {window.span} was trained on")
    except MissingSpanError:  # spans that were taken in before there were statistics; a model needs none of them
        return {}
    return {STATISTICS_PAGE: page}
