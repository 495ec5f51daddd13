"""Take in one span, or a range of spans in one go, with the outcomes that are known by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.spans.calendar import Calendar
from ratchet.spans.ingestion import ingest_examples, ingest_ground_truth
from ratchet.steps.results import StepKey, StepResult, run_once

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult(StepResult):
    """Rows in, kept and quarantined over all spans taken in, and the outcomes that came with them."""

    spans: tuple[str, ...]
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    labelled_spans: tuple[str, ...]
    n_labels: int


def ingest_span(project: Project, spec: ModelSpec, spans: Sequence[str]) -> IngestResult:
    """Take in the examples of ``spans`` and the ground truth of the cohorts that are known at their end.

    Parameters
    ----------
    spans : sequence of str
        Keys in order, usually one. A first load takes in its whole history at once.
    """
    calendar, delay = Calendar.of(spec.source), spec.label.known_after_spans
    cohorts = [calendar.shift(span, -delay) for span in spans]
    cohorts = [cohort for cohort in cohorts if cohort >= calendar.parse(spec.source.first_span)]
    examples = ingest_examples(project, spec, spans)
    truth = ingest_ground_truth(project, spec, cohorts)
    key = StepKey(
        step="ingest_span",
        version=1,
        spec=spec,
        sections=("name", "source", "label", "features", "governance"),
        span=spans[-1],
        inputs={"examples": [m.delivery for m in examples], "ground_truth": [m.delivery for m in truth]},
    )
    rows_in, kept = sum(m.rows_in for m in examples), sum(m.rows_kept for m in examples)
    n_labels = sum(m.rows_kept for m in truth)
    return run_once(
        project,
        key,
        IngestResult,
        lambda folder: IngestResult(
            model=spec.name,
            span=spans[-1],
            verdict="pass",
            words=f"{rows_in} rows in, {kept} kept, {rows_in - kept} quarantined; {n_labels} outcomes",
            uri=folder.uri,
            spans=tuple(spans),
            rows_in=rows_in,
            rows_kept=kept,
            rows_quarantined=rows_in - kept,
            labelled_spans=tuple(cohorts),
            n_labels=n_labels,
        ),
    )
