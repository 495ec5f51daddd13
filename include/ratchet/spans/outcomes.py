"""The outcomes of a span: delivered by themselves, or standing in the source's own rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError, EmptyDataError
from ratchet.spans.pseudonyms import Protection
from ratchet.spans.sources import Delivery, SpanWindow, frame_digest, read_delivery

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.label import Label, Outcome
    from ratchet.spec.model import ModelSpec


def read_examples_of(project: Project, spec: ModelSpec, window: SpanWindow) -> Delivery:
    """Return what the source delivers for a span, without personal data: that goes no further than this line."""
    source = spec.source
    found = read_delivery(project, spec.name, source.delivery, window, time=source.time, numeric=spec.numeric_columns())
    return Protection.of(project, spec).protect(found)


def read_outcomes_of(project: Project, spec: ModelSpec, window: SpanWindow) -> Delivery:
    """Return the outcomes of a span, as far as they are known.

    Raises
    ------
    DataError
        If a column is missing that tells the outcome.
    EmptyDataError
        If no outcome is known.
    """
    label, source = spec.label, spec.source
    delivery = label.delivery or source.delivery
    found = read_delivery(project, spec.name, delivery, window, time=source.time, numeric=_numeric(label))
    frame = _told(found.frame, label) if label.kind == "binary" else found.frame
    if label.delivery is None:
        # Rows without an outcome are examples all the same: it is not known yet, or never will be.
        _require(frame, (source.entity, label.column), label)
        frame = frame.select(source.entity, label.column).drop_nulls(label.column)
        if frame.is_empty():
            raise EmptyDataError(f"{delivery.words} delivered no outcome {label.column!r} for span {window.key}.")
    told = Delivery(frame=frame, digest=frame_digest(frame), inputs=found.inputs)
    return Protection.of(project, spec).protect(told)


def _numeric(label: Label) -> tuple[str, ...]:
    if label.kind == "regression":
        return (label.column,)
    return () if label.outcome is None else label.outcome.columns


def _told(frame: pl.DataFrame, label: Label) -> pl.DataFrame:
    """Return the frame with the outcome as true or false, where the spec says how."""
    if label.outcome is not None:
        _require(frame, label.outcome.columns, label)
        return frame.with_columns(_compared(label.outcome).alias(label.column))
    if label.column not in frame.columns:
        return frame
    value = pl.col(label.column)
    if label.positive is not None:
        return frame.with_columns(value.cast(pl.String) == label.positive)
    if frame.schema[label.column] == pl.String and _is_plain(frame[label.column]):
        return frame.with_columns(value.str.to_lowercase() == "true")
    return frame


def _compared(outcome: Outcome) -> pl.Expr:
    name, bound = outcome.bound
    value = pl.col(outcome.column)
    limit = pl.lit(bound) if outcome.times is None else pl.lit(bound) * pl.col(outcome.times)
    compared = {"above": value > limit, "at_least": value >= limit, "below": value < limit, "at_most": value <= limit}
    # Of NaN nothing is known: Polars would call it greater than every number.
    return pl.when(value.is_not_nan() & limit.is_not_nan()).then(compared[name])


def _is_plain(column: pl.Series) -> bool:
    return column.drop_nulls().str.to_lowercase().is_in(["true", "false"]).all()


def _require(frame: pl.DataFrame, wanted: tuple[str, ...], label: Label) -> None:
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise DataError(
            f"{label.words} delivered no column {', '.join(missing)}, which the label {label.column!r} needs. "
            f"Delivered: {', '.join(frame.columns)}."
        )
