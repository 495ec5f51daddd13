"""What a model may read, and what it never may."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from pydantic import Field, model_validator

from ratchet.spec.generated import Generated
from ratchet.spec.section import Column, Function, Section
from ratchet.spec.selection import Selection

Role = Literal["numeric", "categorical"]


class FeatureColumn(Section):
    """One column that a model reads."""

    role: Role = Field(description="How the column is encoded.")
    derived: bool = Field(default=False, description="Made by features.py, not delivered by the source.")


class Features(Section):
    """What a model may read, and what it never may."""

    columns: dict[Column, FeatureColumn] = Field(min_length=1, description="The features, by column.")
    functions: tuple[Function, ...] = Field(
        default=(), description="Row-level functions of the model folder that add the derived columns, in order."
    )
    inputs: dict[Function, tuple[Column, ...]] = Field(
        default={}, description="The columns that each function reads: `ratchet check` tries that it reads no other."
    )
    generated: Generated | None = Field(
        default=None, description="Features made of two others inside the model; a feature set may leave them out."
    )
    leaks: tuple[Column, ...] = Field(
        default=(), description="Columns known only after the event: withheld at ingestion, refused as features."
    )
    slices: tuple[Column, ...] = Field(default=(), description="Columns whose values are judged apart.")
    selection: Selection | None = Field(
        default=None, description="Leave out features that bring nothing; without it, a model reads all of them."
    )

    @model_validator(mode="after")
    def _leaks_stay_out(self) -> Features:
        leaked = sorted(set(self.leaks) & (set(self.columns) | set(self.slices)))
        if leaked:
            raise ValueError(
                f"{', '.join(leaked)}: declared under leaks, so known only after the event. "
                "Remove it from columns and slices, or from leaks if it is known in time."
            )
        if self.generated and (
            fault := self.generated.find_fault({name: of.role for name, of in self.columns.items()})
        ):
            raise ValueError(fault)
        unknown = sorted(set(self.selection.keep if self.selection else ()) - set(self.names()))
        if unknown:
            raise ValueError(f"selection.keep: {', '.join(unknown)} is no feature.")
        if any(column.derived for column in self.columns.values()) and not self.functions:
            raise ValueError("a derived column needs a function that makes it: name one under functions.")
        unnamed = sorted(set(self.inputs) - set(self.functions))
        if unnamed:
            raise ValueError(f"inputs: {', '.join(unnamed)} is not under functions. Remove it, or name it there.")
        told = sorted({column for columns in self.inputs.values() for column in columns} & set(self.leaks))
        if told:
            raise ValueError(f"inputs: {', '.join(told)} is declared under leaks, so no function may read it.")
        return self

    def names(self) -> tuple[str, ...]:
        """Return the names of all features, the generated ones last."""
        return (*self.columns, *(self.generated.roles() if self.generated else ()))

    def only(self, kept: Collection[str]) -> Features:
        """Return a copy with these features alone, in the order of the spec; a generated one needs its sources too."""
        columns = {name: of for name, of in self.columns.items() if name in kept}
        generated = self.generated.only(set(kept)) if self.generated else None
        return self.model_copy(update={"columns": columns, "generated": generated})
