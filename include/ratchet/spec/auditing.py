"""What is proven again at night, and how often."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import Field

from ratchet.spec.section import Section

if TYPE_CHECKING:
    from ratchet.spec.cadence import Cadence

# Spans that make a day and a week; of longer spans, one.
_A_DAY: Mapping[Cadence, int] = MappingProxyType({"hour": 24, "day": 1, "week": 1, "month": 1})
_A_WEEK: Mapping[Cadence, int] = MappingProxyType({"hour": 168, "day": 7, "week": 1, "month": 1})


class Audit(Section):
    """What is proven again at night, and how often. A run by hand does all of it."""

    every_spans: int | None = Field(
        default=None,
        ge=1,
        le=8784,
        description="Spans from one look at ledger and registry to the next; null: a day, or one span if that is more.",
    )
    reproduce_every_spans: int | None = Field(
        default=None,
        ge=1,
        le=8784,
        description="Spans from one night that makes the champion again, a whole fit, to the next; not again while "
        "nothing has changed. Null: a week, or one span if that is more.",
    )
    age_every_spans: int | None = Field(
        default=None,
        ge=1,
        le=8784,
        description="Spans from one night that scores earlier versions by their age to the next; null: a week, or one "
        "span if that is more.",
    )

    def ledger_spans(self, cadence: Cadence) -> int:
        """Return how many spans lie between two looks at the ledger."""
        return self.every_spans or _A_DAY[cadence]

    def reproduction_spans(self, cadence: Cadence) -> int:
        """Return how many spans lie between two reproductions."""
        return self.reproduce_every_spans or _A_WEEK[cadence]

    def ageing_spans(self, cadence: Cadence) -> int:
        """Return how many spans lie between two looks at how versions age."""
        return self.age_every_spans or _A_WEEK[cadence]
