"""Scan each span once and store its mergeable statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.spans.reading import read_manifests, with_late_spans
from ratchet.spans.records import SPAN
from ratchet.statistics.edges import load_edges
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.examples import read_all_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.features import Role
    from ratchet.spec.model import ModelSpec

HISTOGRAMS = "histograms.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsResult(StepResult):
    """How many examples and columns were scanned."""

    spans: tuple[str, ...]
    n_examples: int
    n_columns: int


def compute_statistics(project: Project, spec: ModelSpec, spans: Sequence[str]) -> StatisticsResult:
    """Compute the statistics of every feature and slice over all examples, labelled or not.

    Spans that late rows of these deliveries belong to have a new revision, and are scanned with them.
    """
    model = ModelId(spec.name)
    spans = with_late_spans(project, model, spans)
    edges = load_edges(project.model_path(spec.name) / HISTOGRAMS)
    manifests = read_manifests(project, model, "examples", spans)
    key = StepKey(
        step="compute_statistics",
        version=1,
        spec=spec,
        sections=("features",),
        span=spans[-1],
        inputs={
            "examples": [(m.span, m.revision, m.delivery) for m in manifests],
            "edges": {column: list(inner) for column, inner in edges.edges.items()},
        },
    )

    def compute(folder: StepFolder) -> StatisticsResult:
        frame = read_all_examples(project, spec, spans, manifests=manifests)
        roles = statistics_roles(spec)
        StatisticsTable(project.home, model).write_spans(
            {m.span: scan_statistics(_of(frame, m.span), roles, edges.edges) for m in manifests},
            {m.span: m.revision for m in manifests},
            {"step": "compute_statistics"},
        )
        return StatisticsResult(
            model=spec.name,
            span=spans[-1],
            verdict="pass",
            words=f"{frame.height} examples of {len(spans)} span(s), {len(roles)} columns",
            uri=folder.uri,
            spans=tuple(spans),
            n_examples=frame.height,
            n_columns=len(roles),
        )

    return run_once(project, key, StatisticsResult, compute)


def statistics_roles(spec: ModelSpec) -> dict[str, Role]:
    """Return the columns that are scanned, with their roles: all features, then slices that are none."""
    roles: dict[str, Role] = {name: column.role for name, column in spec.features.columns.items()}
    return roles | {name: "categorical" for name in spec.features.slices if name not in roles}


def _of(frame: pl.DataFrame, span: str) -> pl.DataFrame:
    return frame.filter(frame[SPAN] == span)
