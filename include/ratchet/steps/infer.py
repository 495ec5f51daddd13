"""Propose a model's expectations and histogram edges from its first spans, to be read and edited by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.spans.calendar import Calendar
from ratchet.spans.contract import sort_examples
from ratchet.spans.outcomes import read_examples_of
from ratchet.spans.records import SPAN
from ratchet.spans.sources import SpanWindow
from ratchet.statistics.edges import HistogramEdges, choose_edges, dump_edges
from ratchet.steps.examples import derive
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
    import polars as pl

    frame = derive(project, spec, pl.concat([_examples(project, spec, span) for span in spans]))
    numeric = [name for name, column in spec.features.columns.items() if column.role == "numeric"]
    edges = HistogramEdges(spans=tuple(spans), edges=choose_edges(frame, numeric))
    return Proposal(expectations=infer_expectations(frame, spec), histograms=dump_edges(edges))


def _examples(project: Project, spec: ModelSpec, span: str) -> pl.DataFrame:
    import polars as pl

    calendar = Calendar.of(spec.source)
    delivery = read_examples_of(project, spec, SpanWindow.of(calendar, span))
    kept = sort_examples(delivery.frame, spec, calendar.bounds(span)).kept
    return kept.with_columns(pl.lit(span).alias(SPAN))
