"""Between which groups a candidate's decisions are compared, and how far they may lie apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, field_validator, model_validator

from ratchet.spec.section import Column, Section, Share

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.section import Location


class FairnessColumn(Section):
    """A column whose values are groups; numbers are cut into ranges."""

    cuts: tuple[float, ...] = Field(
        default=(), description="Where a numeric column is cut: [25] makes two groups, below 25, and 25 and over."
    )

    @field_validator("cuts")
    @classmethod
    def _ascend(cls, cuts: tuple[float, ...]) -> tuple[float, ...]:
        if list(cuts) != sorted(set(cuts)):
            raise ValueError(f"cuts must ascend, none twice. Got {list(cuts)}.")
        return cuts


class Fairness(Section):
    """Between which groups decisions are compared; a bound that is not set is shown and not judged."""

    columns: dict[Column, FairnessColumn] = Field(
        default={}, description="Columns whose values are groups; one that no model reads stands under governance."
    )
    min_group_examples: int = Field(
        default=100, ge=10, description="Smaller groups are shown and not compared with others."
    )
    max_parity_difference: Share | None = Field(
        default=None, description="Demographic parity: how far the groups' selection rates may lie apart."
    )
    min_parity_ratio: Share | None = Field(
        default=None, description="Demographic parity: lowest selection rate over the highest; 0.8 is the rule of 4/5."
    )
    max_odds_difference: Share | None = Field(
        default=None, description="Equalized odds: how far true, or false, positive rates may lie apart."
    )

    @model_validator(mode="after")
    def _bounds_have_columns(self) -> Fairness:
        bounds = ("max_parity_difference", "min_parity_ratio", "max_odds_difference")
        given = [name for name in bounds if getattr(self, name) is not None]
        if given and not self.columns:
            raise ValueError(f"{', '.join(given)} bounds groups, and no column of groups is named: add columns.")
        return self

    def faults(self, spec: ModelSpec) -> list[tuple[Location, str]]:
        """Return which columns cannot be groups of a spec's examples, each with the place of its key."""
        known = {*spec.features.columns, *spec.features.slices, *spec.governance.kept}
        numeric = {name for name, column in spec.features.columns.items() if column.role == "numeric"}
        numeric |= {name for name, column in (spec.governance.prohibited or {}).items() if column.role == "numeric"}
        faults: list[tuple[Location, str]] = []
        for name, column in self.columns.items():
            at: Location = ("evaluate", "fairness", "columns", name)
            if name not in known:
                what = f"{name} is not kept with the examples. Name it under governance.prohibited, where no model "
                faults.append((at, what + "may read it, or under governance.groups."))
            elif name in numeric and not column.cuts:
                faults.append((at, f"{name} is numeric, so each number would be a group. Say where to cut it: cuts."))
            elif column.cuts and name not in numeric:
                faults.append(((*at, "cuts"), f"{name} is no numeric column, so it cannot be cut. Remove cuts."))
        return faults
