"""Take in one span, or a range of spans in one go, with the outcomes that are known by then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.spans.calendar import Calendar
from ratchet.spans.ingestion import Why, ingest_examples, ingest_ground_truth
from ratchet.steps.dependants import record_revisions, with_late
from ratchet.steps.results import StepKey, StepResult, run_once

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult(StepResult):
    """Rows in, kept, quarantined and moved over all spans taken in, and the outcomes that came with them.

    ``deliveries`` are the digests of what was taken in, examples first: of the same bytes they are the same.
    ``revised`` names those of the spans, of examples or of ground truth, that have a revision beyond their first.
    """

    spans: tuple[str, ...]
    deliveries: tuple[str, ...]
    rows_in: int
    rows_kept: int
    rows_quarantined: int
    rows_moved: int
    rows_erased: int
    revised: tuple[str, ...]
    labelled_spans: tuple[str, ...]
    n_labels: int


def ingest_span(project: Project, spec: ModelSpec, spans: Sequence[str], *, why: Why | None = None) -> IngestResult:
    """Take in the examples of ``spans`` and the ground truth of the cohorts that are known at their end.

    Parameters
    ----------
    spans : sequence of str
        Keys in order, usually one. A first load takes in its whole history at once.
    why : Why, optional
        Who takes them in and why; recorded with each new revision, and what depended on the one before beside it.
    """
    calendar, delay = Calendar.of(spec.source), spec.label.known_after_spans
    cohorts = [calendar.shift(span, -delay) for span in spans]
    cohorts = [cohort for cohort in cohorts if cohort >= calendar.parse(spec.source.first_span)]
    examples = ingest_examples(project, spec, spans, why=why)
    truth = ingest_ground_truth(project, spec, cohorts, why=why)
    record_revisions(project, spec, [*with_late(project, spec, examples), *truth])
    revised = [f"{m.table} {m.span}, revision {m.revision}" for m in (*examples, *truth) if m.revision > 1]
    key = StepKey(
        step="ingest_span",
        version=2,
        spec=spec,
        sections=("name", "source", "joins", "label", "features", "governance"),
        span=spans[-1],
        inputs={
            "examples": [m.delivery for m in examples],
            "ground_truth": [m.delivery for m in truth],
            "revised": revised,
        },
    )
    rows_in, kept = sum(m.rows_in for m in examples), sum(m.rows_kept for m in examples)
    quarantined, erased = sum(m.rows_quarantined for m in examples), sum(m.n_erased for m in examples)
    moved = sum(sum(m.moved_to.values()) for m in examples)
    n_labels = sum(m.rows_kept for m in truth)
    beside = (f", {moved} moved to earlier spans" if moved else "") + (f", {erased} erased" if erased else "")
    return run_once(
        project,
        key,
        IngestResult,
        lambda folder: IngestResult(
            model=spec.name,
            span=spans[-1],
            verdict="pass",
            words=f"{rows_in} rows in, {kept} kept, {quarantined} quarantined{beside}; {n_labels} outcomes",
            uri=folder.uri,
            spans=tuple(spans),
            deliveries=tuple(manifest.delivery for manifest in (*examples, *truth)),
            rows_in=rows_in,
            rows_kept=kept,
            rows_quarantined=quarantined,
            rows_moved=moved,
            rows_erased=erased,
            revised=tuple(revised),
            labelled_spans=tuple(cohorts),
            n_labels=n_labels,
        ),
    )
