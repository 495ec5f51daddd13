"""Propose a model's expectations and histogram edges from its first spans, to be read and edited by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import EmptyDataError
from ratchet.spans.calendar import Calendar
from ratchet.spans.contract import sort_examples, sort_ground_truth
from ratchet.spans.joined import read_examples
from ratchet.spans.label_cells import LABEL_TYPES
from ratchet.spans.outcomes import read_outcomes_of
from ratchet.spans.records import SPAN
from ratchet.spans.sources import SpanWindow
from ratchet.statistics.edges import HistogramEdges, choose_edges, dump_edges
from ratchet.steps.examples import derive
from ratchet.validation.figures import with_figures
from ratchet.validation.inference import infer_expectations

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The texts of ``expectations.yaml`` and ``histograms.yaml``."""

    expectations: str
    histograms: str


def infer(project: Project, spec: ModelSpec, spans: Sequence[str]) -> Proposal:
    """Read the spans from the source, through the row contract, and propose; nothing is stored."""
    frame = read_unstored(project, spec, spans)
    edges = HistogramEdges(spans=tuple(spans), edges=choose_edges(frame, spec.histogram_columns()))
    return Proposal(expectations=infer_expectations(frame, spec), histograms=dump_edges(edges))


def read_unstored(project: Project, spec: ModelSpec, spans: Sequence[str]) -> pl.DataFrame:
    """Return the examples that the source delivers, through the row contract, with labels known so far and figures."""
    import polars as pl

    return derive(project, spec, pl.concat([_examples(project, spec, span) for span in spans]))


def _labels(project: Project, spec: ModelSpec, span: str) -> pl.DataFrame | None:
    source = spec.source
    try:
        delivery = read_outcomes_of(project, spec, SpanWindow.of(Calendar.of(source), span))
    except EmptyDataError:
        return None  # the newest spans may have no outcome yet
    return sort_ground_truth(delivery.frame, source.entity, spec.label, source.max_quarantined, rows=source.rows).kept


def _examples(project: Project, spec: ModelSpec, span: str) -> pl.DataFrame:
    import polars as pl

    calendar = Calendar.of(spec.source)
    bounds = calendar.bounds(span)
    kept = sort_examples(read_examples(project, spec, span).frame, spec, bounds).kept
    kept = with_figures(kept.with_columns(pl.lit(span).alias(SPAN)), spec.source.time, bounds[1])
    labels = _labels(project, spec, span)
    if labels is None:
        return kept.with_columns(pl.lit(None, dtype=LABEL_TYPES[spec.label.kind]).alias(spec.label.column))
    return kept.join(labels, on=spec.source.entity, how="left")
