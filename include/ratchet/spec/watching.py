"""What is watched at night."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ratchet.spec.section import Column, Section, Share

Reason = Literal["cold_start", "schedule", "drift", "quality", "staleness", "manual", "imported"]


Distance = Literal["jensen_shannon", "psi", "l_infinity", "chi_squared", "ks", "wasserstein"]

# Above which a column has drifted, unless the spec says otherwise. Chi-squared is judged by its effect size, Cohen's w;
# Wasserstein in standard deviations of the baseline.
DEFAULT_BOUNDS: Mapping[Distance, float] = MappingProxyType(
    {"jensen_shannon": 0.1, "psi": 0.2, "l_infinity": 0.1, "chi_squared": 0.3, "ks": 0.15, "wasserstein": 0.3}
)
OF_NUMBERS: frozenset[Distance] = frozenset({"ks", "wasserstein"})
_SHARES: frozenset[Distance] = frozenset({"jensen_shannon", "l_infinity", "ks"})
NonNegative = Annotated[float, Field(ge=0)]


def _check_bound(distance: Distance, bound: float | None) -> None:
    if bound is not None and distance in _SHARES and bound > 1:
        raise ValueError(f"max_distance: {distance} is never above 1. Got {bound!r}.")


class DriftBound(Section):
    """A distance and a bound of its own for one column."""

    distance: Distance | None = Field(default=None, description="Which distance decides; that of all columns if null.")
    max_distance: NonNegative | None = Field(
        default=None, description="Distance above which it has drifted; null: that of all columns, or the distance's."
    )


class DistancePolicy(Section):
    """When two sides of a column lie too far apart."""

    window_spans: int = Field(default=7, ge=1, le=8784, description="Newest spans merged into the current side.")
    min_examples: int = Field(default=500, ge=1, description="Fewer examples on either side are undecided.")
    distance: Distance = Field(
        default="jensen_shannon",
        description="Which distance decides. ks and wasserstein are of numbers: others keep jensen_shannon.",
    )
    max_distance: NonNegative | None = Field(
        default=None,
        description="Distance above which a column has drifted; null: 0.1 for jensen_shannon and l_infinity, 0.2 psi, "
        "0.3 chi_squared (Cohen's w), 0.15 ks, 0.3 wasserstein (standard deviations of the baseline).",
    )
    false_discovery_rate: Share = Field(
        default=0.01, gt=0, description="Share of the columns called drifted that chance may account for."
    )

    @model_validator(mode="after")
    def _bound_fits(self) -> Self:
        _check_bound(self.distance, self.max_distance)
        return self

    def rule_of(self, column: str, role: str) -> tuple[Distance, float]:
        """Return which distance decides on a column, and its bound."""
        if self.distance in OF_NUMBERS and role != "numeric":
            return "jensen_shannon", DEFAULT_BOUNDS["jensen_shannon"]
        return self.distance, DEFAULT_BOUNDS[self.distance] if self.max_distance is None else self.max_distance


class SeasonalPolicy(DistancePolicy):
    """As before, of what may have seasons."""

    season_spans: tuple[Annotated[int, Field(ge=1, le=9000)], ...] = Field(
        default=(), description="Lengths of the seasons, in spans: 7 and 365 for days, 52 for weeks."
    )
    season_is_drift: bool = Field(
        default=False, description="Whether a change that the same period earlier showed too is drift all the same."
    )


class Drift(SeasonalPolicy):
    """When the inputs count as drifted from the champion's training spans."""

    columns: dict[Column, DriftBound] = Field(default={}, description="Distances and bounds of their own, by column.")

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        for column, own in self.columns.items():
            try:
                _check_bound(own.distance or self.distance, own.max_distance)
            except ValueError as error:
                raise ValueError(f"columns: {column}: {error}") from None
        return self

    def rule_of(self, column: str, role: str) -> tuple[Distance, float]:
        """Return which distance decides on a column, and its bound."""
        distance, bound = super().rule_of(column, role)
        own = self.columns.get(column)
        if own is None:
            return distance, bound
        if own.distance is not None and own.distance != distance:
            distance, bound = own.distance, DEFAULT_BOUNDS[own.distance]
        return distance, bound if own.max_distance is None else own.max_distance


class Target(SeasonalPolicy):
    """When the outcomes of matured cohorts count as drifted from those of the champion's training spans."""


class Predictions(DistancePolicy):
    """When the champion's scores count as drifted from its own on the spans it was validated and tested on."""

    window_spans: int = Field(default=1, ge=1, le=366, description="Newest spans that it has scored, merged.")


class Together(Section):
    """When all columns together count as drifted: a model tells the newest examples from those trained on."""

    is_on: bool = Field(default=False, description="Whether it is sensed; it reads examples and fits small models.")
    max_auc: Annotated[float, Field(ge=0.5, lt=1)] = Field(
        default=0.75, description="AUC of telling the sides apart that the lower end of its interval must pass."
    )
    min_examples: int = Field(default=500, ge=100, description="Fewer examples on either side are undecided.")
    max_examples: int = Field(default=4000, ge=500, description="Examples of either side that are drawn at most.")


class Skew(DistancePolicy):
    """When what is served counts as skewed from training: an alarm, never a reason to train."""

    window_spans: int = Field(default=1, ge=1, le=366, description="Newest spans whose logged requests are compared.")
    tolerance: Share = Field(default=1e-9, description="Relative difference up to which two numbers are equal.")
    max_mismatch_share: Share = Field(
        default=0.0, description="Share of the compared requests of which a feature may differ from offline."
    )


class Quality(Section):
    """When realised quality counts as broken."""

    min_auc: Share = Field(
        default=0.5, description="Realised AUC of a cohort that the champion must reach; of numbers 0 unless it is set."
    )
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
    target: Target = Field(default=Target())
    predictions: Predictions = Field(default=Predictions())
    together: Together = Field(default=Together())
    skew: Skew = Field(default=Skew())
    quality: Quality = Field(default=Quality())
    max_age_spans: int = Field(
        default=45, ge=1, description="Spans since the newest training span before a champion is stale."
    )
    retrain: Retrain = Field(default=Retrain())
