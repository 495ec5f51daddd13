"""Features that a fit may leave out by itself."""

from __future__ import annotations

from pydantic import Field

from ratchet.spec.section import Column, Section, Share


class Selection(Section):
    """Leave out features that are proven, on the validation spans, to bring less than a floor."""

    floor: Share = Field(
        default=0.001, description="AUC (or macro AUC, skill) that a feature must not be proven to bring less than."
    )
    keep: tuple[Column, ...] = Field(default=(), description="Features that are never left out.")
    examples: int = Field(
        default=5000, ge=100, le=1_000_000, description="Validation examples, at most, that it is told on."
    )
