"""Scan each span once, and the outcomes known by then, and store their mergeable statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_manifests, with_late_spans
from ratchet.spans.records import SPAN
from ratchet.statistics.edges import HISTOGRAMS, load_edges
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.examples import read_all_examples
from ratchet.steps.outcome_statistics import write_label_statistics
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spans.manifests import SpanManifest
    from ratchet.spec.model import ModelSpec
    from ratchet.statistics.column import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsResult(StepResult):
    """How many examples and columns were scanned, and the spans whose outcomes were."""

    spans: tuple[str, ...]
    labelled_spans: tuple[str, ...]
    n_examples: int
    n_columns: int


def compute_statistics(project: Project, spec: ModelSpec, spans: Sequence[str]) -> StatisticsResult:
    """Compute the statistics of every feature and slice over all examples, and of the label over its outcomes.

    The event time and the entity are counted too. Outcomes are those of the cohorts that ``ingest_span`` takes in
    with these spans. Spans that late rows of these deliveries belong to have a new revision, and are scanned with them.
    """
    model = ModelId(spec.name)
    spans = with_late_spans(project, model, spans)
    edges = load_edges(project.model_path(spec.name) / HISTOGRAMS)
    manifests = read_manifests(project, model, "examples", spans)
    outcomes = _known_outcomes(project, spec, spans)
    key = StepKey(
        step="compute_statistics",
        version=2,
        spec=spec,
        sections=("source", "label", "features"),
        span=spans[-1],
        inputs={
            "examples": [(m.span, m.revision, m.delivery) for m in manifests],
            "ground_truth": [(m.span, m.revision, m.delivery) for m in outcomes],
            "edges": {column: list(inner) for column, inner in edges.edges.items()},
        },
    )

    def compute(folder: StepFolder) -> StatisticsResult:
        frame = read_all_examples(project, spec, spans, manifests=manifests)
        kinds = statistics_kinds(spec)
        StatisticsTable(project.home, model).write_spans(
            {m.span: scan_statistics(_of(frame, m.span), kinds, edges.edges) for m in manifests},
            {m.span: m.revision for m in manifests},
            {"step": "compute_statistics"},
        )
        write_label_statistics(project, spec, outcomes)
        return StatisticsResult(
            model=spec.name,
            span=spans[-1],
            verdict="pass",
            words=f"{frame.height} examples of {len(spans)} span(s), {len(kinds)} columns",
            uri=folder.uri,
            spans=tuple(spans),
            labelled_spans=tuple(m.span for m in outcomes),
            n_examples=frame.height,
            n_columns=len(kinds),
        )

    return run_once(project, key, StatisticsResult, compute)


def _known_outcomes(project: Project, spec: ModelSpec, spans: Sequence[str]) -> list[SpanManifest]:
    calendar, delay = Calendar.of(spec.source), spec.label.known_after_spans
    store = ManifestStore(open_store(project.home), ModelId(spec.name), "ground_truth")
    found = [store.newest(calendar.shift(span, -delay)) for span in spans]
    return [manifest for manifest in found if manifest is not None]


def statistics_kinds(spec: ModelSpec) -> dict[str, Kind]:
    """Return the columns that are scanned, and as what: features, slices that are none, event time and entity."""
    kinds: dict[str, Kind] = {name: column.role for name, column in spec.features.columns.items()}
    kinds |= {name: "categorical" for name in spec.features.slices if name not in kinds}
    return kinds | {spec.source.time: "time", spec.source.entity: "entity"}


def _of(frame: pl.DataFrame, span: str) -> pl.DataFrame:
    return frame.filter(frame[SPAN] == span)
