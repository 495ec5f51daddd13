"""What is watched at night."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ratchet.spec.section import Column, Section, Share

Reason = Literal["cold_start", "schedule", "drift", "quality", "staleness", "manual"]


class DriftBound(Section):
    """A bound of its own for one column."""

    max_distance: Share


class Drift(Section):
    """When the inputs count as drifted: Jensen-Shannon distance to the champion's training spans."""

    window_spans: int = Field(default=7, ge=1, le=8784, description="Newest spans merged into the current side.")
    min_examples: int = Field(default=500, ge=1, description="Fewer examples on either side are undecided.")
    max_distance: Share = Field(default=0.1, description="Distance in [0, 1] above which a column has drifted.")
    columns: dict[Column, DriftBound] = Field(default={}, description="Bounds of their own, by column.")


class Quality(Section):
    """When realised quality counts as broken."""

    min_auc: Share = Field(default=0.5, description="Realised AUC of a cohort that the champion must reach.")
    max_drop: Share = Field(default=0.1, description="Loss of realised AUC against the champion's gate, at most.")
    min_examples: int = Field(default=300, ge=10, description="Fewer labelled examples leave it undecided.")


class Retrain(Section):
    """When a request for training is published."""

    every_spans: int = Field(default=7, ge=1, le=8784, description="Spans from one scheduled retraining to the next.")
    k: int = Field(default=2, ge=1, description="Nights out of the last n on which the same thing must be sensed...")
    n: int = Field(default=3, ge=1, le=60, description="...before drift or quality is a reason; the newest is one.")
    cool_down_spans: int = Field(default=1, ge=0, le=8784, description="Spans after a request without another.")

    @model_validator(mode="after")
    def _k_of_n(self) -> Retrain:
        if self.k > self.n:
            raise ValueError(f"k must not exceed n. Got k={self.k}, n={self.n}.")
        return self


class Watch(Section):
    """What is watched at night, and when it leads to retraining or rolls back."""

    drift: Drift = Field(default=Drift())
    quality: Quality = Field(default=Quality())
    max_age_spans: int = Field(
        default=45, ge=1, description="Spans since the newest training span before a champion is stale."
    )
    retrain: Retrain = Field(default=Retrain())
