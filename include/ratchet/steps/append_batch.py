"""Append one batch to an open span."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError, InputError
from ratchet.spans.calendar import Calendar
from ratchet.spans.open_span import OpenSpan, check_batch
from ratchet.spans.sources import SpanWindow
from ratchet.spec.functions import load_functions
from ratchet.steps.results import StepResult

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendResult(StepResult):
    """The batch as it is on record, and what the span holds with it.

    ``is_late``: the span was sealed without it; sealing again makes a new revision.
    """

    batch: str
    digest: str
    rows_in: int
    n_batches: int
    rows_so_far: int
    is_late: bool


def append_batch(project: Project, spec: ModelSpec, span: str, batch: str) -> AppendResult:
    """Ask the model's function for a batch and append it; a batch that is there already is appended once.

    Raises
    ------
    InputError
        If the model takes no batches, or the name is none.
    DataError
        If the batch is there with other bytes.
    """
    opened = OpenSpan(project, spec, span)
    record = opened.append(check_batch(batch), _read_batch(project, spec, span, batch))
    # Looked up after the record: a seal made in between lists the batch, or it is seen here that it does not.
    records, seal = opened.records(), opened.newest_seal()
    is_late = seal is not None and seal.batches.get(batch) != record.digest
    words = f"{record.rows} rows; {span} holds {len(records)} batches, {sum(r.rows for r in records)} rows"
    return AppendResult(
        model=spec.name,
        span=span,
        verdict="pass",
        words=f"{words}; sealed without this one" if is_late else words,
        uri=opened.uri,
        batch=batch,
        digest=record.digest,
        rows_in=record.rows,
        n_batches=len(records),
        rows_so_far=sum(r.rows for r in records),
        is_late=is_late,
    )


def _read_batch(project: Project, spec: ModelSpec, span: str, batch: str) -> pl.DataFrame:
    function = spec.source.arrival.batches
    if function is None:
        raise InputError(f"{spec.name} takes no batches: source.arrival.batches names no function that reads one.")
    (read,) = load_functions(project.model_path(spec.name), (function,))
    frame = read(SpanWindow.of(Calendar.of(spec.source), span), batch)
    if not isinstance(frame, pl.DataFrame):
        raise DataError(f"{function} must return a Polars DataFrame for batch {batch}. Got {type(frame).__name__}.")
    return frame
