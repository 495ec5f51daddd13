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
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        return _without_champion(spec, span)
    model, policy, calendar = ModelId(spec.name), spec.watch.drift, Calendar.of(spec.source)
    validated = ManifestStore(open_store(project.home), model, "examples").validated()
    newest = calendar.range(calendar.shift(span, 1 - policy.window_spans), span)
    current = tuple(one for one in newest if one in validated)
    # A training span whose correction was stopped since: its statistics are no longer those the champion learnt from.
    baseline = tuple(one for one in champion_evidence(project, champion).train_spans if one in validated)
    versions = [(m.span, m.delivery) for m in read_manifests(project, model, "examples", (*baseline, *current))]
    key = StepKey(
        step="sense_drift",
        version=1,
        spec=spec,
        sections=("features", "watch"),
        span=span,
        inputs={"champion": champion.digest, "examples": versions},
    )
    return run_once(
        project, key, DriftStepResult, lambda folder: _compare(project, spec, span, baseline, current, folder)
    )


def _compare(
    project: Project,
    spec: ModelSpec,
    span: str,
    baseline: Sequence[str],
    current: Sequence[str],
    folder: StepFolder,
) -> DriftStepResult:
    table = StatisticsTable(project.home, ModelId(spec.name))
    result = compare_columns(table.merged(baseline), table.merged(current), spec.watch.drift)
    distances = [column.distance for column in result.columns if column.distance is not None]
    return DriftStepResult(
        model=spec.name,
        span=span,
        verdict=result.verdict,
        words=_words(result, len(current)),
        uri=folder.uri,
        drifted=result.drifted,
        largest=max(distances, default=None),
        current_spans=tuple(current),
        baseline_spans=tuple(baseline),
        drift_uri=folder.write("drift.json", json.dumps(result.to_json(), indent=1, allow_nan=False)),
        report_uri=folder.write(
            "report.html",
            render_drift(
                result,
                title=f"{spec.name}: drift on {span}",
                facts={"Baseline": f"{baseline[0]} to {baseline[-1]}", "Current": f"{current[0]} to {current[-1]}"},
            ),
        ),
    )


def _words(result: DriftResult, n_spans: int) -> str:
    shown = [column for column in result.columns if column.check.verdict == "fail"]
    if not shown:
        return f"no column of {len(result.columns)} drifted over {n_spans} span(s)"
    return "; ".join(f"{column.column}: {column.check.reason}" for column in shown)


def _without_champion(spec: ModelSpec, span: str) -> DriftStepResult:
    # Never written: the next try of this night may find a champion.
    return DriftStepResult(
        model=spec.name,
        span=span,
        verdict="undecided",
        words="no champion, so no training spans to compare with",
        uri="",
        drifted=(),
        largest=None,
        current_spans=(),
        baseline_spans=(),
        drift_uri=None,
        report_uri=None,
    )
