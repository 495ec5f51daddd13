"""Judge the outcomes of each span in the training environment; only what passed is joined into training and quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.reports.validation import render_validation
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import read_table
from ratchet.spans.records import SPAN
from ratchet.steps.evidence import Evidence, validate_and_keep
from ratchet.steps.examples import derive
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.steps.validate_span import EXPECTATIONS
from ratchet.storage.objects import open_store
from ratchet.validation.expectations import load_expectations
from ratchet.validation.subsets import for_ground_truth
from ratchet.verdicts import Check, Verdict, worst

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.validation.expectations import Expectations


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruthResult(StepResult):
    """The worst verdict of the cohorts; ``stopped`` ones are joined into nothing until they are delivered again."""

    cohorts: tuple[str, ...]
    validated: tuple[str, ...]
    stopped: tuple[str, ...]
    n_orphans: int
    report_uri: str
    summary: str


def validate_ground_truth(project: Project, spec: ModelSpec, spans: Sequence[str]) -> GroundTruthResult:
    """Validate the outcomes that are known at the end of these spans, each cohort by itself.

    Examples without an outcome yet count as null labels; outcomes that name no example are counted as orphans and
    joined into nothing. A cohort whose examples or outcomes were never taken in is left for a later night.
    """
    model, calendar = ModelId(spec.name), Calendar.of(spec.source)
    store = open_store(project.home)
    truths, examples = ManifestStore(store, model, "ground_truth"), ManifestStore(store, model, "examples")
    cohorts = [calendar.shift(span, -spec.label.known_after_spans) for span in spans]
    taken = {cohort: (examples.newest(cohort), truths.newest(cohort)) for cohort in cohorts}
    pairs = {cohort: (e, t) for cohort, (e, t) in taken.items() if e is not None and t is not None}
    if not pairs:
        return _nothing(spec, spans[-1])
    expectations = load_expectations(project.model_path(spec.name) / EXPECTATIONS)
    key = StepKey(
        step="validate_ground_truth",
        version=1,
        spec=spec,
        sections=("source", "features", "label", "governance"),
        span=spans[-1],
        inputs={
            "data": [(cohort, e.delivery, t.delivery, t.revision) for cohort, (e, t) in pairs.items()],
            "expectations": expectations.digest,
        },
    )
    result = run_once(
        project,
        key,
        GroundTruthResult,
        lambda folder: _validate(project, spec, spans[-1], list(pairs), expectations, folder),
    )
    _mark(truths, {cohort: truth for cohort, (_, truth) in pairs.items()}, result)
    return result


def _mark(store: ManifestStore, truths: dict[str, SpanManifest], result: GroundTruthResult) -> None:
    # Outside run_once: a process killed after the result and before the marks mends itself here.
    for cohort, truth in truths.items():
        if cohort in result.validated:
            store.mark_validated(cohort, truth.revision, result.uri)


def _validate(
    project: Project,
    spec: ModelSpec,
    span: str,
    cohorts: Sequence[str],
    expectations: Expectations,
    folder: StepFolder,
) -> GroundTruthResult:
    asked = for_ground_truth(expectations, spec.label.column)
    entity, found, n_orphans = spec.source.entity, dict[str, Evidence](), 0
    examples, truth = (read_table(project, ModelId(spec.name), t, cohorts) for t in ("examples", "ground_truth"))
    labelled = derive(project, spec, examples.join(truth, on=[SPAN, entity], how="left"))
    n_orphans = truth.join(examples, on=[SPAN, entity], how="anti").height
    for cohort in cohorts:
        found[cohort] = validate_and_keep(
            folder,
            _of(labelled, cohort),
            asked,
            environment="training",
            entity=entity,
            of=f"{spec.name} {cohort} ground truth",
            name=cohort,
        )
    stopped = tuple(cohort for cohort in cohorts if found[cohort].result.verdict != "pass")
    pages = {cohort: evidence.result for cohort, evidence in found.items()}
    title = f"{spec.name}: ground truth known on {span}"
    shown = found[stopped[-1] if stopped else cohorts[-1]].summary
    return GroundTruthResult(
        model=spec.name,
        span=span,
        verdict=_worst(found),
        words=_words(cohorts, stopped, n_orphans),
        uri=folder.uri,
        cohorts=tuple(cohorts),
        validated=tuple(cohort for cohort in cohorts if cohort not in stopped),
        stopped=stopped,
        n_orphans=n_orphans,
        report_uri=folder.write("report.html", render_validation(pages, title=title)),
        summary=shown,
    )


def _worst(found: dict[str, Evidence]) -> Verdict:
    return worst(Check(name=cohort, verdict=one.result.verdict, reason="") for cohort, one in found.items())


def _words(cohorts: Sequence[str], stopped: Sequence[str], n_orphans: int) -> str:
    named = f", {len(stopped)} stopped and joined into nothing: {', '.join(stopped)}" if stopped else ""
    orphans = f"; {n_orphans} outcomes name no example" if n_orphans else ""
    return f"ground truth of {len(cohorts) - len(stopped)} of {len(cohorts)} cohort(s) passed{named}{orphans}"


def _of(frame: pl.DataFrame, span: str) -> pl.DataFrame:
    return frame.filter(frame[SPAN] == span)


def _nothing(spec: ModelSpec, span: str) -> GroundTruthResult:
    # Never written: what is missing may come.
    return GroundTruthResult(
        model=spec.name,
        span=span,
        verdict="undecided",
        words="no ground truth is known yet",
        uri="",
        cohorts=(),
        validated=(),
        stopped=(),
        n_orphans=0,
        report_uri="",
        summary="",
    )
