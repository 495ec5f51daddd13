"""What a candidate must prove."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from ratchet.spec.fairness import Fairness
from ratchet.spec.inspection import Inspect
from ratchet.spec.section import Section, Share

Comparison = Literal["non_inferiority", "superiority"]
ResampleBy = Literal["example", "entity", "span"]
Shown = Literal["none", "shown", "judged"]
LossName = Literal["mae", "rmse", "quantile_loss"]


class Evaluate(Section):
    """What a candidate must prove. Differences are of AUC, candidate minus the other, on the same examples.

    Of a label of several classes, what is said of AUC is meant of the macro AUC; of numbers, of the skill.
    """

    test_spans: int = Field(ge=1, le=8784, description="Newest labelled spans, kept for the gate.")
    min_examples: int = Field(default=500, ge=10, description="Fewer labelled test examples leave it undecided.")
    metric: LossName | None = Field(
        default=None,
        description="Which loss a label of numbers is judged by, mae without it. Quality is the skill: the share of "
        "the dummy's loss that a model saves.",
    )
    quantile: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="Which quantile is predicted, where the metric is quantile_loss."
    )
    floor: Share = Field(default=0.5, description="AUC that a candidate must reach; of numbers 0 unless it is set.")
    margin_over_dummy: Share = Field(default=0.01, description="AUC by which it must beat the dummy.")
    margin_over_rule: Share = Field(default=0.0, description="AUC by which it must beat the business rule.")
    margin_over_linear: Annotated[float, Field(ge=-1, le=1)] = Field(
        default=-0.01, description="AUC by which it must beat logistic regression; negative tolerates being worse."
    )
    non_inferiority_margin: Share = Field(
        default=0.01, description="AUC that a candidate retrained for staleness or by schedule may lose, at most."
    )
    superiority_margin: Share = Field(
        default=0.0, description="AUC by which a candidate retrained for another reason must beat the champion."
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = Field(default=0.95, description="Of every interval.")
    resamples: int = Field(default=500, ge=100, le=20_000, description="Bootstrap resamples.")
    resample_by: ResampleBy = Field(
        default="example",
        description="What is drawn for an interval: examples, or all of an entity or of a span together, where those "
        "resemble each other.",
    )
    max_slice_drop: Share = Field(default=0.05, description="AUC that any slice may lose against the champion.")
    min_slice_examples: int = Field(default=200, ge=10, description="Smaller slices are shown, not judged.")
    crossed_slices: Shown = Field(
        default="shown", description="Slices of two declared columns at once; judged ones by max_slice_drop, too."
    )
    found_slices: Shown = Field(
        default="shown",
        description="The worst slices over the values of every feature, corrected for how many were looked at; judged "
        "ones by max_slice_drop against the champion.",
    )
    max_calibration_error: Share | None = Field(
        default=None, description="Expected calibration error, in ten bins of equal mass; not judged without it."
    )
    fairness: Fairness = Field(default=Fairness())
    comparison: Literal["by_reason", "non_inferiority", "superiority"] = Field(
        default="by_reason",
        description="What is asked against the champion: non-inferiority of a candidate trained by schedule, staleness "
        "or cold start and superiority of any other (by_reason), or always one of both.",
    )
    review: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, description="Why a person must look at every candidate; with it, no gate passes by itself."
    )
    inspect: Inspect = Field(default=Inspect())

    @model_validator(mode="after")
    def _has_a_quantile(self) -> Evaluate:
        if (self.metric == "quantile_loss") != (self.quantile is not None):
            raise ValueError("quantile says which one is predicted: set it with metric: quantile_loss, and only there.")
        return self

    @model_serializer(mode="wrap")
    def _as_values(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What names a result of a spec without them, also of one from before there were these keys.
        values = cast("dict[str, Any]", serialize(self))
        for key in ("metric", "quantile"):
            if values[key] is None:
                del values[key]
        return values
