"""What a model is for."""

from __future__ import annotations

from pydantic import Field

from ratchet.spec.section import Column, Section
from ratchet.spec.values import Values


class Rule(Section):
    """The business rule a model must beat: predict the outcome where ``column`` passes a bound.

    Its score is the share of positive outcomes among training examples on the same side of the bound.
    """

    column: Column = Field(description="A numeric feature.")
    at_least: float = Field(description="From this value on, the rule expects the outcome.")


class Objective(Section):
    """What the model is for."""

    goal: str = Field(min_length=10, description="The business goal, in one sentence; shown on every report.")
    rule: Rule = Field(description="The rule-based baseline that every candidate must beat.")
    values: Values | None = Field(
        default=None,
        description="What decisions are worth. The threshold is chosen by it on the validation spans, and the KPI is "
        "counted in it; without it the threshold is the one of the best balanced accuracy, and there is no KPI.",
    )
