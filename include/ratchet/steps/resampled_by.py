"""What examples are drawn by for an interval, as ``evaluate.resample_by`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.evaluation.resampling import Units
from ratchet.spans.records import SPAN

if TYPE_CHECKING:
    import polars as pl

    from ratchet.spec.model import ModelSpec


def unit_names(spec: ModelSpec, examples: pl.DataFrame) -> pl.Series | None:
    """Return the entity, or the span, of each example; None where each is drawn by itself."""
    column = {"example": None, "entity": spec.source.entity, "span": SPAN}[spec.evaluate.resample_by]
    return None if column is None else examples[column]


def named_by(spec: ModelSpec) -> dict[str, str]:
    """Return what names a result whose intervals are drawn so; nothing where each example is drawn by itself."""
    by = spec.evaluate.resample_by
    return {} if by == "example" else {"resample_by": by}


def units_of(spec: ModelSpec, examples: pl.DataFrame) -> Units | None:
    """Return the units of examples, in their order; None where each is drawn by itself."""
    names = unit_names(spec, examples)
    return None if names is None else Units.of(names)
