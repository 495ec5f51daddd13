"""Compare what the scoring service was sent with training: distributions, and features row by row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.drift.decisions import compare_columns
from ratchet.features.matrix import feature_roles
from ratchet.identity import ModelId
from ratchet.monitoring.skew import RowSkew, compare_rows, read_inputs
from ratchet.reports.drift import render_drift
from ratchet.reports.skew import render_skew
from ratchet.serving.prediction_log import read_log
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_manifests
from ratchet.spans.records import SPAN
from ratchet.statistics.edges import HISTOGRAMS, load_edges
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.champion import champion_evidence, read_state
from ratchet.steps.drift_windows import DriftWindows, read_sides
from ratchet.steps.examples import read_all_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store
from ratchet.verdicts import worst

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ratchet.drift.results import DriftResult
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewStepResult(StepResult):
    """Which features are served otherwise than trained on; all figures are in ``skew_uri`` and ``distribution_uri``.

    ``skewed`` are those whose rows differ, ``apart`` those whose distribution does.
    """

    skewed: tuple[str, ...]
    apart: tuple[str, ...]
    n_logged: int
    n_matched: int
    skew_uri: str | None
    distribution_uri: str | None
    report_uri: str | None


def sense_skew(project: Project, spec: ModelSpec, span: str) -> SkewStepResult:
    """Sense skew on the night of ``span``; undecided while there is no champion, or nothing was logged."""
    champion = read_state(project, spec).champion
    if champion is None:
        return _not_sensed(spec, span, "no champion, so nothing is served")
    model, calendar, policy = ModelId(spec.name), Calendar.of(spec.source), spec.watch.skew
    start, _ = calendar.bounds(calendar.shift(span, 1 - policy.window_spans))
    log = read_log(project, model, start, calendar.bounds(span)[1]).frame.filter(pl.col("inputs").is_not_null())
    if log.is_empty():
        return _not_sensed(spec, span, "not enough data: the scoring service answered no request")
    validated = ManifestStore(open_store(project.home), model, "examples").validated()
    baseline = tuple(one for one in champion_evidence(project, champion).baseline_spans if one in validated)
    stored = tuple(sorted(set(log[SPAN].unique()) & validated))
    versions = [(m.span, m.delivery) for m in read_manifests(project, model, "examples", (*baseline, *stored))]
    key = StepKey(
        step="sense_skew",
        version=1,
        spec=spec,
        sections=("features", "watch"),
        span=span,
        inputs={"champion": champion.digest, "examples": versions, "log": _digest(log)},
    )
    return run_once(
        project, key, SkewStepResult, lambda folder: _compare(project, spec, span, log, baseline, stored, folder)
    )


def _compare(
    project: Project,
    spec: ModelSpec,
    span: str,
    log: pl.DataFrame,
    baseline: tuple[str, ...],
    stored: Sequence[str],
    folder: StepFolder,
) -> SkewStepResult:
    logged = read_inputs(log, feature_roles(spec.features))
    rows = _compare_rows(project, spec, logged, stored)
    apart = _compare_distributions(project, spec, logged, baseline)
    title, facts = f"{spec.name}: skew on {span}", {"Requests": str(rows.n_logged), "Compared": str(rows.n_matched)}
    folder.write("distribution.html", render_drift(apart, title=f"{title}, distributions", facts=facts))
    return SkewStepResult(
        model=spec.name,
        span=span,
        verdict=worst((*rows.checks, *apart.checks)),
        words=_words(rows, apart),
        uri=folder.uri,
        skewed=rows.skewed,
        apart=apart.drifted,
        n_logged=rows.n_logged,
        n_matched=rows.n_matched,
        skew_uri=folder.write("skew.json", json.dumps(rows.to_json(), indent=1, allow_nan=False)),
        distribution_uri=folder.write("distribution.json", json.dumps(apart.to_json(), indent=1, allow_nan=False)),
        report_uri=folder.write(
            "report.html", render_skew(rows, apart, title=title, words=_words(rows, apart), facts=facts)
        ),
    )


def _compare_rows(project: Project, spec: ModelSpec, logged: pl.DataFrame, stored: Sequence[str]) -> RowSkew:
    roles = feature_roles(spec.features)
    offline = logged.clear()
    if stored:
        examples = read_all_examples(project, spec, stored)
        offline = examples.rename({spec.source.entity: "entity"}).select(SPAN, "entity", *roles)
    return compare_rows(logged, offline, roles, spec.watch.skew)


def _compare_distributions(
    project: Project, spec: ModelSpec, logged: pl.DataFrame, baseline: tuple[str, ...]
) -> DriftResult:
    edges = load_edges(project.model_path(spec.name) / HISTOGRAMS)
    roles, policy = feature_roles(spec.features), spec.watch.skew
    windows = DriftWindows(baseline=baseline, current=(), previous=(), seasons=())
    trained = read_sides(StatisticsTable(project.home, ModelId(spec.name)), windows, policy)
    wanted = {name: of for name, of in trained.baseline.items() if name in roles}
    return compare_columns(wanted, scan_statistics(logged, roles, edges.edges), policy, trained.history)


def _words(rows: RowSkew, apart: DriftResult) -> str:
    different = {of.column: of for of in rows.columns}
    found = [
        f"{name}: {different[name].n_different} of {different[name].n_compared} logged requests differ from offline"
        for name in rows.skewed
    ]
    found += [f"{of.column}: {of.check.reason}" for of in apart.columns if of.check.verdict == "fail"]
    if found:
        return "; ".join(found) + ". A bug in how features are made for serving: training again does not mend it"
    return f"{rows.n_matched} of {rows.n_logged} logged requests compared with their examples: no feature differs"


def _digest(log: pl.DataFrame) -> str:
    digest = hashlib.sha256()
    for column in ("prediction_id", "inputs"):
        for text in log[column]:
            digest.update(f"{text}\n".encode())
    return digest.hexdigest()


def _not_sensed(spec: ModelSpec, span: str, words: str) -> SkewStepResult:
    # Never written: records of this night may still come.
    return SkewStepResult(
        model=spec.name,
        span=span,
        verdict="undecided",
        words=words,
        uri="",
        skewed=(),
        apart=(),
        n_logged=0,
        n_matched=0,
        skew_uri=None,
        distribution_uri=None,
        report_uri=None,
    )
