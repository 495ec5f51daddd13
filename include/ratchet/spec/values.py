"""What it is worth to be right, and what it costs to be wrong."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from ratchet.spec.section import Section

Worth = Annotated[float, Field(ge=-1e12, le=1e12)]


class Values(Section):
    """The worth of one decision by what comes of it; a cost is negative."""

    unit: str = Field(min_length=1, max_length=40, description="What the values are counted in: EUR, minutes, points.")
    true_positive: Worth = Field(default=0.0, description="The outcome was expected and came.")
    false_positive: Worth = Field(default=0.0, description="The outcome was expected and did not come.")
    true_negative: Worth = Field(default=0.0, description="The outcome was not expected and did not come.")
    false_negative: Worth = Field(default=0.0, description="The outcome was not expected and came.")

    @model_validator(mode="after")
    def _right_is_worth_more_than_wrong(self) -> Values:
        for right, wrong in (("true_positive", "false_negative"), ("true_negative", "false_positive")):
            better, worse = getattr(self, right), getattr(self, wrong)
            if not better > worse:
                raise ValueError(
                    f"{right} must be worth more than {wrong}, else no threshold is the best. Got {better:g} and "
                    f"{worse:g}; a cost is written as a negative number."
                )
        return self

    @property
    def words(self) -> str:
        """The four values and their unit, as a model's card keeps them."""
        names = ("true_positive", "false_positive", "true_negative", "false_negative")
        return f"mean value in {self.unit}: " + ", ".join(f"{name} {getattr(self, name):g}" for name in names)
