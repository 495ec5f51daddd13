"""Judge each span by the model's expectations; only a span that passed is seen downstream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.reports.validation import render_validation
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import read_manifests, with_late_spans
from ratchet.spans.records import SPAN
from ratchet.steps.evidence import validate_and_keep
from ratchet.steps.examples import read_all_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store
from ratchet.validation.expectations import load_expectations
from ratchet.validation.figures import with_figures

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.validation.expectations import Expectations

EXPECTATIONS = "expectations.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationStepResult(StepResult):
    """The verdict on the newest of the spans, and which of them may be seen downstream."""

    spans: tuple[str, ...]
    validated: tuple[str, ...]
    stopped: tuple[str, ...]
    report_uri: str
    summary: str


def validate_span(project: Project, spec: ModelSpec, spans: Sequence[str]) -> ValidationStepResult:
    """Validate each span by itself, write its report, and let those that pass be seen.

    The verdict is that of the newest span, by which the run is keyed; ``words`` name every span stopped. Spans that
    late rows of these deliveries belong to have a new revision, and are validated with them.
    """
    model = ModelId(spec.name)
    spans = with_late_spans(project, model, spans)
    expectations = load_expectations(project.model_path(spec.name) / EXPECTATIONS)
    manifests = read_manifests(project, model, "examples", spans)
    key = StepKey(
        step="validate_span",
        version=2,
        spec=spec,
        sections=("source", "features", "governance"),
        span=spans[-1],
        inputs={"examples": [(m.span, m.revision, m.delivery) for m in manifests], "expectations": expectations.digest},
    )
    result = run_once(
        project, key, ValidationStepResult, lambda folder: _validate(project, spec, manifests, expectations, folder)
    )
    # Outside run_once: a process killed after the result and before the marks mends itself here.
    store = ManifestStore(open_store(project.home), model, "examples")
    for manifest in manifests:
        if manifest.span in result.validated:
            store.mark_validated(manifest.span, manifest.revision, result.uri)
    return result


def _validate(
    project: Project,
    spec: ModelSpec,
    manifests: Sequence[SpanManifest],
    expectations: Expectations,
    folder: StepFolder,
) -> ValidationStepResult:
    spans = [manifest.span for manifest in manifests]
    frame, calendar = read_all_examples(project, spec, spans, manifests=manifests), Calendar.of(spec.source)
    kept = {
        span: validate_and_keep(
            folder,
            with_figures(_of(frame, span), spec.source.time, calendar.bounds(span)[1]),
            expectations,
            environment="serving",
            entity=spec.source.entity,
            of=f"{spec.name} {span}",
            name=span,
        )
        for span in spans
    }
    found = {span: evidence.result for span, evidence in kept.items()}
    stopped = tuple(span for span in spans if found[span].verdict != "pass")
    newest = spans[-1]
    told = kept[newest].summary
    return ValidationStepResult(
        model=spec.name,
        span=newest,
        verdict=found[newest].verdict,
        words=_words(spans, stopped, told),
        uri=folder.uri,
        spans=tuple(spans),
        validated=tuple(span for span in spans if span not in stopped),
        stopped=stopped,
        report_uri=folder.write("report.html", render_validation(found, title=f"{spec.name}: validation of {newest}")),
        summary=told,
    )


def _words(spans: Sequence[str], stopped: Sequence[str], newest: str) -> str:
    if len(spans) == 1:
        return newest.partition("\n")[0]
    named = f": {', '.join(stopped)}" if stopped else ""
    return f"{len(spans) - len(stopped)} of {len(spans)} spans passed, {len(stopped)} stopped{named}"


def _of(frame: pl.DataFrame, span: str) -> pl.DataFrame:
    return frame.filter(frame[SPAN] == span)
