"""What is predicted, and when the truth is known."""

from __future__ import annotations

from pydantic import Field

from ratchet.spec.delivery import DeliverySpec
from ratchet.spec.section import Column, Section, Share


class Label(Section):
    """What is predicted, and when the truth is known."""

    column: Column = Field(description="The outcome, true or false; null while it is unknown.")
    delivery: DeliverySpec = Field(description="How a span's outcomes are delivered: entity and label.")
    known_after_spans: int = Field(ge=0, le=8784, description="A span's label is known this many spans after it ended.")
    min_coverage: Share = Field(
        default=0.8, description="Share of examples with a label below which a cohort's quality is undecided."
    )
