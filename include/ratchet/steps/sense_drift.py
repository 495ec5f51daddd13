"""Compare the newest spans with those the champion was trained on, from stored statistics alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.drift.decisions import compare_columns
from ratchet.identity import ModelId
from ratchet.reports.drift import render_drift
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_manifests
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.champion import champion_evidence, read_state
from ratchet.steps.drift_windows import DriftWindows, choose_windows, read_sides
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.drift.results import DriftResult
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftStepResult(StepResult):
    """Which columns drifted; every distance and what it came from is in ``drift_uri``."""

    drifted: tuple[str, ...]
    largest: float | None
    current_spans: tuple[str, ...]
    baseline_spans: tuple[str, ...]
    drift_uri: str | None
    report_uri: str | None


def sense_drift(project: Project, spec: ModelSpec, span: str) -> DriftStepResult:
    """Sense drift on the night of ``span``; undecided while there is no champion to compare with."""
    champion = read_state(project, spec).champion
    if champion is None:
        return _not_sensed(spec, span, "no champion, so no training spans to compare with")
    model, policy = ModelId(spec.name), spec.watch.drift
    validated = ManifestStore(open_store(project.home), model, "examples").validated()
    trained_on = champion_evidence(project, champion).train_spans
    calendar = Calendar.of(spec.source)
    windows = choose_windows(span, trained_on, validated, policy, calendar, season_spans=policy.season_spans)
    if not windows.current or not windows.baseline:
        lacking = "the newest" if not windows.current else "the champion's training"
        return _not_sensed(spec, span, f"not enough data: none of {lacking} spans is there and validated")
    versions = [(m.span, m.delivery) for m in read_manifests(project, model, "examples", windows.spans)]
    key = StepKey(
        step="sense_drift",
        version=2,
        spec=spec,
        sections=("features", "watch"),
        span=span,
        inputs={"champion": champion.digest, "examples": versions},
    )
    return run_once(project, key, DriftStepResult, lambda folder: _compare(project, spec, span, windows, folder))


def _compare(
    project: Project, spec: ModelSpec, span: str, windows: DriftWindows, folder: StepFolder
) -> DriftStepResult:
    policy = spec.watch.drift
    sides = read_sides(StatisticsTable(project.home, ModelId(spec.name)), windows, policy)
    result = compare_columns(sides.baseline, sides.current, policy, sides.history)
    distances = [column.distance for column in result.columns if column.distance is not None]
    facts = {
        "Baseline": f"{windows.baseline[0]} to {windows.baseline[-1]}",
        "Current": f"{windows.current[0]} to {windows.current[-1]}",
    }
    return DriftStepResult(
        model=spec.name,
        span=span,
        verdict=result.verdict,
        words=_words(result, len(windows.current)),
        uri=folder.uri,
        drifted=result.drifted,
        largest=max(distances, default=None),
        current_spans=windows.current,
        baseline_spans=windows.baseline,
        drift_uri=folder.write("drift.json", json.dumps(result.to_json(), indent=1, allow_nan=False)),
        report_uri=folder.write(
            "report.html", render_drift(result, title=f"{spec.name}: drift on {span}", facts=facts)
        ),
    )


def _words(result: DriftResult, n_spans: int) -> str:
    shown = [column for column in result.columns if column.check.verdict == result.verdict]
    if result.verdict != "pass" and shown:
        return "; ".join(f"{column.column}: {column.check.reason}" for column in shown)
    seasonal = [column.column for column in result.columns if column.season_spans is not None]
    told = f"; season of {', '.join(seasonal)}" if seasonal else ""
    return f"no column of {len(result.columns)} drifted over {n_spans} span(s){told}"


def _not_sensed(spec: ModelSpec, span: str, words: str) -> DriftStepResult:
    # Never written: the next try of this night may find what is missing.
    return DriftStepResult(
        model=spec.name,
        span=span,
        verdict="undecided",
        words=words,
        uri="",
        drifted=(),
        largest=None,
        current_spans=(),
        baseline_spans=(),
        drift_uri=None,
        report_uri=None,
    )
