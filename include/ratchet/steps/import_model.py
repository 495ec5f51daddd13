"""Let a model enter that was trained elsewhere: checked, tried, packaged, and entered in MLflow, ready to be evaluated.

It is fitted on nothing here. Its threshold is chosen on the validation spans of the window, as that of a trained one;
what it was trained on is what a person declares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.errors import InputError
from ratchet.features.matrix import feature_roles
from ratchet.identity import ModelId
from ratchet.packaging.card import PackageCard, digest_of
from ratchet.packaging.golden import synthetic_rows
from ratchet.packaging.loaded import score
from ratchet.packaging.onnx_file import IMPORTED, parse_onnx
from ratchet.packaging.onnx_reading import OnnxReading, read_reading
from ratchet.packaging.onnx_trial import try_model
from ratchet.packaging.origin import Origin
from ratchet.packaging.package import Package, read_files, save_package
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spec.loading import spec_digest
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.results import StepFolder, StepKey, run_once
from ratchet.steps.train import TrainResult
from ratchet.storage.objects import open_store
from ratchet.training.fit import labelled_matrix
from ratchet.training.threshold import choose
from ratchet.training.tracking import TrainingRecord, log_training, run_url, start_or_resume
from ratchet.training.versions import register_version

if TYPE_CHECKING:
    from datetime import datetime

    from sklearn.pipeline import Pipeline

    from ratchet.project import Project
    from ratchet.spec.features import Role
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.select_window import WindowResult
    from ratchet.training.fit import LabelledMatrix


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What a person says of a model.

    Parameters
    ----------
    by, reason : str
        Who brings it, and why; the reason may be empty.
    trained_until : str
        The last span whose examples it may have been trained on.
    trained_from : str or None
        The first span of this model's own examples that it was trained on; None: not said.
    columns, output, positive
        How it is read, where the file leaves it open; see `read_reading`.
    """

    by: str
    trained_until: str
    reason: str = ""
    trained_from: str | None = None
    columns: tuple[str, ...] = ()
    output: str | None = None
    positive: str | None = None

    def __post_init__(self) -> None:
        if not self.by.strip():
            raise InputError("Who imports a model must be named (--by).")


def import_model(
    project: Project, spec: ModelSpec, window: WindowResult, data: bytes, asked: ImportRequest, *, at: datetime
) -> TrainResult:
    """Enter a model that an ONNX file holds, as a candidate of the window; the same again finds what is there.

    Parameters
    ----------
    data : bytes
        The file, see `ratchet.packaging.onnx_file.read_onnx`.
    at : datetime
        When; written into the card by the first try.

    Raises
    ------
    InputError
        If a declared span is none, or something must be said that is not.
    ModelError
        If the file is refused, or the model answers no probabilities; nothing is left of it.
    PredictionsError
        If it answers no probability to an example of the validation spans.
    """
    key = StepKey(
        step="import_model",
        version=1,
        spec=spec,
        sections=("features", "label"),
        span=window.span,
        inputs={
            "data": window.fitted_version,
            "file": digest_of(data),
            "asked": asdict(asked),
            "values": values.model_dump(mode="json") if (values := spec.objective.values) else None,
        },
    )
    return run_once(project, key, TrainResult, lambda folder: _import(project, spec, window, data, asked, folder, at))


def read_file(spec: ModelSpec, data: bytes, asked: ImportRequest) -> OnnxReading:
    """Return how a file is read by a spec's features, or refuse it; nothing in it is run."""
    if spec.label.kind != "binary":
        raise InputError(f"A model is imported for a binary label. That of {spec.name} is {spec.label.kind}.")
    roles = feature_roles(spec.features)
    return read_reading(parse_onnx(data), roles, columns=asked.columns, output=asked.output, positive=asked.positive)


def declared_spans(project: Project, spec: ModelSpec, asked: ImportRequest) -> tuple[str, ...]:
    """Return the spans that a model is said to be trained on and that are held here; none where it is not said.

    Raises
    ------
    InputError
        If one of both ends is no span key, the first comes after the last, or none of them is held.
    """
    calendar = Calendar.of(spec.source)
    last = calendar.parse(asked.trained_until)
    if asked.trained_from is None:
        return ()
    said = calendar.range(calendar.parse(asked.trained_from), last)
    held = ManifestStore(open_store(project.home), ModelId(spec.name), "examples").revisions()
    found = tuple(span for span in said if span in held)
    if not found:
        raise InputError(
            f"No span from {asked.trained_from} to {asked.trained_until} is held here. --trained-from is said of "
            "a model that was trained on this model's own examples; leave it out otherwise."
        )
    return found


def _import(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    data: bytes,
    asked: ImportRequest,
    folder: StepFolder,
    at: datetime,
) -> TrainResult:
    model, declared = ModelId(spec.name), declared_spans(project, spec, asked)
    reading = read_file(spec, data, asked)
    origin = _origin(folder, data, asked, reading, at)
    card, pipeline = _tried(project, spec, window, data, reading, origin)
    package = save_package(open_store(project.home), model, pipeline, card)
    crash_point("import_model.packaged")
    # After whatever could refuse it: of a model that never entered there is no run.
    run = start_or_resume(
        project.tracking_uri, str(model), folder.name, at=at, run_name=f"{model} {window.span} imported"
    )
    files = read_files(open_store(project.home), model, package.digest)
    version = register_version(run, model, package.digest, pipeline, package_files=files)
    log_training(run, _record(window, card, package, origin), at=at)
    left_out = tuple(name for name in spec.features.columns if name not in card.features)
    return TrainResult(
        model=spec.name,
        span=window.span,
        verdict="pass",
        words=f"version {version}, {origin.words}; {reading.words}; features {', '.join(card.features)}",
        uri=folder.uri,
        version=version,
        digest=package.digest,
        run_id=run.run_id,
        run_url=run_url(project.tracking_uri, run),
        parameters={},
        threshold=card.threshold,
        n_examples=0,
        fit_seconds=0.0,
        left_out=left_out,
        trained_until=asked.trained_until,
        declared_spans=declared,
    )


def _origin(folder: StepFolder, data: bytes, asked: ImportRequest, reading: OnnxReading, at: datetime) -> Origin:
    # Written by the first try: a rerun makes the same card, and so the same package.
    name = f"{folder.name}/imported-at.json"
    folder.store.write_once(name, json.dumps({"schema_version": 1, "at": at.isoformat()}).encode())
    return Origin(
        by=asked.by,
        at=json.loads(folder.store.read(name))["at"],
        reason=asked.reason,
        file_digest=digest_of(data),
        trained_until=asked.trained_until,
        trained_from=asked.trained_from,
        output=reading.output,
        column=reading.column,
    )


def _tried(
    project: Project, spec: ModelSpec, window: WindowResult, data: bytes, reading: OnnxReading, origin: Origin
) -> tuple[PackageCard, Pipeline]:
    """Return the card and the pipeline of a model that has answered its golden rows in a process of its own."""
    from ratchet.packaging.onnx_model import OnnxModel, as_pipeline

    known = feature_roles(spec.features)
    roles: Mapping[str, Role] = {name: known[name] for name in reading.features}
    golden = synthetic_rows(_examples(project, spec, window, window.train_spans).features, roles)
    try_model(data, golden, roles, output=reading.output, column=reading.column)
    pipeline = as_pipeline(OnnxModel(data, roles, output=reading.output, column=reading.column))
    held_out = _examples(project, spec, window, window.validate_spans)
    threshold, chosen_by = choose(score(pipeline, held_out.features), held_out.labels, spec.objective.values)
    card = PackageCard(
        estimator=IMPORTED,
        parameters={},
        features=roles,
        label=spec.label.column,
        threshold=threshold,
        threshold_objective=chosen_by,
        seed=spec.train.seed,
        spec_digest=spec_digest(spec, "features", "label"),
        golden_rows=golden,
        origin=origin,
    )
    return card, pipeline


def _examples(project: Project, spec: ModelSpec, window: WindowResult, spans: tuple[str, ...]) -> LabelledMatrix:
    return labelled_matrix(read_labelled_examples(project, spec, spans, versions=window.data_version), spec)


def _record(window: WindowResult, card: PackageCard, package: Package, origin: Origin) -> TrainingRecord:
    return TrainingRecord(
        parameters={"estimator": card.estimator, "features": ", ".join(card.features), "threshold": card.threshold},
        metrics={"package_bytes": float(package.size_bytes)},
        # Nothing of ours is known to have trained it: no table is its input.
        inputs={
            "threshold": [list(version) for version in window.data_version if version[0] in window.validate_spans],
            "origin": origin.to_json(),
            "tables": [],
        },
        tags={
            "ratchet.span": window.span,
            "ratchet.reasons": ", ".join(window.reasons),
            "ratchet.package": package.digest,
            "ratchet.imported": "true",
            "ratchet.imported_by": origin.by,
            "ratchet.imported_reason": origin.reason or None,
            "ratchet.file_digest": origin.file_digest,
            "ratchet.trained_until": origin.trained_until,
        },
    )
