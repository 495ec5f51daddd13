"""Where examples come from."""

from __future__ import annotations

from pydantic import Field, model_validator

from ratchet.spec.arrival import Arrival, ClockArrival
from ratchet.spec.cadence import Cadence
from ratchet.spec.contract import Rows
from ratchet.spec.delivery import DeliverySpec
from ratchet.spec.section import Column, Section, Share, SpanKey, TimeZone


class Source(Section):
    """Where examples come from."""

    delivery: DeliverySpec = Field(description="How a span's rows are delivered.")
    entity: Column = Field(description="The column that names an example; unique within a span.")
    time: Column = Field(description="The column of the event time, an aware timestamp.")
    time_zone: TimeZone = Field(description="IANA name of the zone whose days, weeks or months the spans are.")
    # Before the keys, whose form it is.
    span: Cadence = Field(
        default="day", description="How long one span is: an hour of UTC, or a local day, week or month."
    )
    first_span: SpanKey = Field(description="The first span there is; history before it is not asked for.")
    last_span: SpanKey | None = Field(
        default=None, description="The last span there is, of a source that has ended; none after it is scheduled."
    )
    arrival: Arrival = Field(default=ClockArrival(), description="What starts the ingestion of a span.")
    deadline_hours: float = Field(
        default=6, gt=0, le=744, description="How long after its end a span is waited for before an alarm."
    )
    max_quarantined: Share = Field(
        default=0.01, description="Share of quarantined rows above which a span is refused whole."
    )

    rows: Rows = Field(default=Rows(), description="What becomes of rows that are not as they should be.")

    @model_validator(mode="after")
    def _last_span_follows(self) -> Source:
        if self.last_span is not None and self.last_span < self.first_span:
            raise ValueError(f"last_span must not be before first_span. Got {self.last_span} and {self.first_span}.")
        return self
