"""Seal an open span: what was appended by then is what will be taken in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import InputError
from ratchet.spans.open_span import OpenSpan
from ratchet.steps.results import StepResult

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class SealResult(StepResult):
    """The seal: its number, and what it lists."""

    number: int
    n_batches: int
    rows_in: int


def seal_span(project: Project, spec: ModelSpec, span: str) -> SealResult:
    """Seal a span; one to which nothing was appended since its newest seal keeps that.

    Raises
    ------
    InputError
        If the model takes no batches.
    EmptyDataError
        If no batch was appended.
    """
    if spec.source.arrival.batches is None:
        raise InputError(f"{spec.name} takes no batches, so no span of it is open: ingest the span instead.")
    opened = OpenSpan(project, spec, span)
    seal = opened.seal()
    rows = sum(record.rows for record in opened.records() if record.batch in seal.batches)
    return SealResult(
        model=spec.name,
        span=span,
        verdict="pass",
        words=f"seal {seal.number}: {len(seal.batches)} batches, {rows} rows",
        uri=opened.uri,
        number=seal.number,
        n_batches=len(seal.batches),
        rows_in=rows,
    )
