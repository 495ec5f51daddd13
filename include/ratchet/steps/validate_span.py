"""Judge each span by the model's expectations; only a span that passed is seen downstream."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.reports.validation import render_validation
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import read_manifests, with_late_spans
from ratchet.spans.records import SPAN
from ratchet.steps.examples import read_all_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store
from ratchet.validation.expectations import load_expectations
from ratchet.validation.frame import validate_frame
from ratchet.validation.result import summary

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
        sections=("source", "features"),
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
    frame = read_all_examples(project, spec, spans, manifests=manifests)
    found = {
        span: validate_frame(_of(frame, span), expectations, environment="serving", entity=spec.source.entity)
        for span in spans
    }
    for span, result in found.items():
        folder.write(f"{span}.json", json.dumps(result.to_json(), indent=1, allow_nan=False))
    stopped = tuple(span for span in spans if found[span].verdict != "pass")
    newest = spans[-1]
    told = summary(found[newest], of=f"{spec.name} {newest}")
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
