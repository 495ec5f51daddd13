"""Compare the newest spans with those the champion was trained on, from stored statistics alone."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ratchet.drift.decisions import compare_columns
from ratchet.identity import ModelId
from ratchet.reports.drift import render_drift
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_manifests
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.champion import champion_evidence, read_state
from ratchet.steps.drift_together import compare_together
from ratchet.steps.drift_windows import DriftWindows, choose_windows, read_sides
from ratchet.steps.outcome_drift import choose_outcome_windows, compare_predictions, compare_target
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.drift.results import DriftResult
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.verdicts import Verdict

TOGETHER = ":together"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftStepResult(StepResult):
    """Which columns drifted; every distance and what it came from is in ``drift_uri``.

    ``drifted`` names the outcomes ``:label``, the champion's scores ``:score`` and all columns ``:together``. The
    verdict is that of the inputs, or fail where one of these failed: where they cannot be judged yet, the inputs
    still are.
    """

    drifted: tuple[str, ...]
    largest: float | None
    current_spans: tuple[str, ...]
    baseline_spans: tuple[str, ...]
    drift_uri: str | None
    report_uri: str | None
    target: Verdict | None = None
    target_words: str = ""
    target_report_uri: str | None = None
    predictions: Verdict | None = None
    predictions_words: str = ""
    predictions_report_uri: str | None = None
    together: Verdict | None = None
    together_words: str = ""


def sense_drift(project: Project, spec: ModelSpec, span: str) -> DriftStepResult:
    """Sense drift on the night of ``span``; undecided while there is no champion to compare with."""
    champion = read_state(project, spec).champion
    if champion is None:
        return _not_sensed(spec, span, "no champion, so no training spans to compare with")
    model, policy = ModelId(spec.name), spec.watch.drift
    validated = ManifestStore(open_store(project.home), model, "examples").validated()
    evidence = champion_evidence(project, champion)
    calendar = Calendar.of(spec.source)
    windows = choose_windows(
        span, evidence.baseline_spans, validated, policy, calendar, season_spans=policy.season_spans
    )
    if not windows.current or not windows.baseline:
        lacking = "the newest" if not windows.current else "the champion's training"
        return _not_sensed(spec, span, f"not enough data: none of {lacking} spans is there and validated")
    versions = [(m.span, m.delivery) for m in read_manifests(project, model, "examples", windows.spans)]
    outcomes = choose_outcome_windows(project, spec, span, champion, evidence)
    key = StepKey(
        step="sense_drift",
        version=2,
        spec=spec,
        sections=("features", "label", "watch"),
        span=span,
        inputs={"champion": champion.digest, "examples": versions, **outcomes.versions},
    )

    def compute(folder: StepFolder) -> DriftStepResult:
        inputs = _compare(project, spec, span, windows, folder)
        if not evidence.learnt_spans:
            inputs = replace(inputs, words=f"{inputs.words} (the champion was imported: against the spans of its gate)")
        target = compare_target(project, spec, outcomes.target)
        predictions = compare_predictions(project, spec, champion, outcomes.predictions)
        inputs = replace(
            inputs,
            target=target.verdict,
            target_words=_told("outcomes", target),
            target_report_uri=_write_page(spec, span, "target", target, outcomes.target, folder),
            predictions=predictions.verdict,
            predictions_words=_told("scores", predictions),
            predictions_report_uri=_write_page(spec, span, "predictions", predictions, outcomes.predictions, folder),
        )
        if not spec.watch.together.is_on:
            return _joined(inputs, (*target.drifted, *predictions.drifted))
        together = compare_together(project, spec, windows)
        folder.write("together.json", json.dumps(together.to_json(), indent=1, allow_nan=False))
        words = f"all columns together: {together.verdict}, {together.check.reason}"
        failed = (TOGETHER,) if together.verdict == "fail" else ()
        inputs = replace(inputs, together=together.verdict, together_words=words)
        return _joined(inputs, (*target.drifted, *predictions.drifted, *failed))

    return run_once(project, key, DriftStepResult, compute)


def _joined(inputs: DriftStepResult, drifted: tuple[str, ...]) -> DriftStepResult:
    """Let what drifted beside the inputs fail the whole; its words are told after theirs in any case."""
    told = (inputs.words, inputs.target_words, inputs.predictions_words, inputs.together_words)
    words = "; ".join(of for of in told if of)
    if not drifted:
        return replace(inputs, words=words)
    return replace(inputs, verdict="fail", words=words, drifted=(*inputs.drifted, *drifted))


def _told(what: str, result: DriftResult) -> str:
    return f"{what}: {result.verdict}, {result.columns[0].check.reason}"


def _write_page(
    spec: ModelSpec, span: str, what: str, result: DriftResult, windows: DriftWindows, folder: StepFolder
) -> str:
    folder.write(f"{what}.json", json.dumps(result.to_json(), indent=1, allow_nan=False))
    facts = {
        side: f"{spans[0]} to {spans[-1]}" if spans else "nothing"
        for side, spans in (("Baseline", windows.baseline), ("Current", windows.current))
    }
    return folder.write(f"{what}.html", render_drift(result, title=f"{spec.name}: {what} on {span}", facts=facts))


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
