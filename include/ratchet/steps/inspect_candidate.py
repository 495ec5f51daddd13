"""Inspect a candidate and its data for the gate, once: leaks, overlap, stability, noise, footprint, change.

Figures only; the gate holds them against the spec's bounds. A time is measured once and kept, so that a rerun of the
gate cannot decide otherwise.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.drift.measuring import measure_column
from ratchet.drift.variation import merge_spans
from ratchet.errors import DataError
from ratchet.evaluation.inspection import Footprint, Inspection, WindowChange
from ratchet.evaluation.stability import find_instability
from ratchet.evaluation.yardstick import Yardstick
from ratchet.identity import ModelId
from ratchet.packaging.card import package_folder
from ratchet.packaging.package import load_package
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.noise import ToldNoise, tell_noise
from ratchet.steps.results import StepFolder, StepKey, StepResult, read_object, run_once
from ratchet.steps.seen_examples import read_seen
from ratchet.steps.train_examples import sampling_input
from ratchet.storage.objects import open_store
from ratchet.training.fit import code_labels

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.packaging.loaded import LoadedModel
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.statistics.column import ColumnStatistics
    from ratchet.steps.evaluate import EvaluateResult

# Timed one by one, after a few that warm the caches.
_N_TIMED, _N_WARM = 20, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectResult(StepResult):
    """Where the figures are."""

    inspection_uri: str


def inspect_candidate(project: Project, spec: ModelSpec, evaluated: EvaluateResult) -> InspectResult:
    """Inspect the candidate of an evaluation, on the examples it was trained and tested on."""
    key = StepKey(
        step="inspect_candidate",
        version=2,
        spec=spec,
        sections=("source", "features", "label"),
        span=evaluated.span,
        inputs={
            "evaluation": evaluated.uri,
            "confidence": spec.evaluate.confidence,
            "noise": spec.evaluate.inspect.max_label_noise,
            **sampling_input(spec),
        },
    )

    def compute(folder: StepFolder) -> InspectResult:
        found = _inspect(project, spec, evaluated)
        return InspectResult(
            model=spec.name,
            span=evaluated.span,
            verdict="pass",
            words=f"{len(found.features)} features and {found.overlap.n_test} test examples inspected",
            uri=folder.uri,
            inspection_uri=folder.write("inspection.json", json.dumps(found.to_json(), indent=1, allow_nan=False)),
        )

    return run_once(project, key, InspectResult, compute)


def read_inspection(project: Project, result: InspectResult) -> Inspection:
    """Return the figures."""
    return Inspection.from_json(json.loads(read_object(project, result.inspection_uri)))


def _inspect(project: Project, spec: ModelSpec, evaluated: EvaluateResult) -> Inspection:
    versions = evaluated.data_version or None
    store, model = open_store(project.home), ModelId(spec.name)
    test = read_labelled_examples(project, spec, evaluated.test_spans, versions=versions)
    seen = read_seen(project, spec, evaluated, test)
    candidate = load_package(store, model, evaluated.candidate_digest, folder=spec.folder)
    champion = (
        load_package(store, model, evaluated.champion_digest, folder=spec.folder) if evaluated.champion_digest else None
    )
    scores = candidate.raw_scores(test)
    fault, n_odd = find_instability(candidate)
    changes, change_fault = _changes(project, spec, evaluated, champion) if champion else ((), "")
    is_told = spec.label.kind != "regression" and Yardstick.of(spec).find_fault(scores) is None
    noise = tell_noise(spec, seen.train, test, _labels(test, spec), scores) if is_told else ToldNoise(interval=None)
    return Inspection(
        features=seen.features,
        overlap=seen.overlap,
        fault=fault,
        n_odd=n_odd,
        label_noise=noise.interval,
        noise_by=noise.by,
        footprint=_footprint(project, model, candidate, test),
        has_champion=evaluated.champion_spans is not None,
        disagreement=_disagreement(candidate, scores, champion, test, spec) if champion else None,
        changes=changes,
        change_fault=change_fault,
        kind=spec.label.kind,
        sampled=seen.sampled,
    )


def _labels(frame: pl.DataFrame, spec: ModelSpec) -> NDArray[Any]:
    return Yardstick.of(spec).check_labels(code_labels(frame[spec.label.column], spec.label))


def _footprint(project: Project, model: ModelId, candidate: LoadedModel, test: pl.DataFrame) -> Footprint:
    store, folder = open_store(project.home), package_folder(model, candidate.digest)
    seconds = []
    for number in range(-_N_WARM if test.height else 0, min(test.height, _N_TIMED)):
        row = test.slice(max(number, 0), 1)
        started = time.perf_counter()
        candidate.raw_scores(row)
        if number >= 0:
            seconds.append(time.perf_counter() - started)
    return Footprint(
        package_bytes=sum(len(store.read(name)) for name in store.list(f"{folder}/")),
        row_milliseconds=round(1000 * median(seconds), 3) if seconds else None,
        n_timed=len(seconds),
    )


def _disagreement(
    candidate: LoadedModel, scores: NDArray[np.float64], champion: LoadedModel, test: pl.DataFrame, spec: ModelSpec
) -> float | None:
    others, yardstick = champion.raw_scores(test), Yardstick.of(spec)
    if not len(scores) or others.shape != scores.shape or any(map(yardstick.find_fault, (scores, others))):
        return None
    if spec.label.kind == "multiclass":
        return round(float((scores.argmax(axis=1) != others.argmax(axis=1)).mean()), 12)
    if spec.label.kind == "regression":
        labels = _labels(test, spec)
        spread = float(np.abs(labels - np.median(labels)).mean())
        return round(float(np.abs(scores - others).mean()) / spread, 12) if spread else None
    differ = (scores >= candidate.card.decides_at) != (others >= champion.card.decides_at)
    return round(float(differ.mean()), 12)


def _changes(
    project: Project, spec: ModelSpec, evaluated: EvaluateResult, champion: LoadedModel
) -> tuple[tuple[WindowChange, ...], str]:
    """Return how far each feature that both models read has moved between their training spans."""
    spans, own = evaluated.champion_train_spans or (), evaluated.learnt_spans
    for name, known in (("champion", spans), ("candidate", own)):
        if not known:
            return (), f"nobody has said which spans the {name} was trained on, as it was imported"
    try:
        by_span = StatisticsTable(project.home, ModelId(spec.name)).read((*spans, *own))
        before = merge_spans([by_span[span] for span in spans])
        now = merge_spans([by_span[span] for span in own])
    except DataError as error:
        return (), f"{error}"
    shared = [name for name in spec.features.columns if name in champion.card.features]
    return tuple(_change(name, before.get(name), now.get(name)) for name in shared), ""


def _change(name: str, before: ColumnStatistics | None, now: ColumnStatistics | None) -> WindowChange:
    if before is None or now is None:
        return WindowChange(feature=name, distance=None, words="there are no statistics of it in every training span")
    if before.role != now.role or before.edges != now.edges:
        return WindowChange(feature=name, distance=None, words="counted otherwise: recompute the statistics")
    if not before.n or not now.n:
        return WindowChange(feature=name, distance=None, words="one side holds no example")
    return WindowChange(feature=name, distance=round(measure_column(before, now)[0].jensen_shannon, 12))
