"""What is joined to the examples, as it was known at the time."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Annotated

from pydantic import Field, model_validator

from ratchet.spec.delivery import DeliverySpec
from ratchet.spec.section import Column, Section

JoinName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Prefix = Annotated[str, Field(pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,30})?$")]
_YEAR_OF_MINUTES = 366 * 24 * 60


class Join(Section):
    """A source joined to the examples, as of each example's time less the delay."""

    delivery: DeliverySpec = Field(description="How the joined rows are delivered.")
    keys: tuple[Column, ...] = Field(min_length=1, description="Key columns, of the same name on both sides.")
    time: Column = Field(description="When a joined row was true, an aware timestamp.")
    recorded_time: Column | None = Field(
        default=None, description="When this revision of the row was recorded; without it a row was known when true."
    )
    available_after_minutes: int = Field(
        ge=0, le=_YEAR_OF_MINUTES, description="Minutes after which a row can be asked for: the delay of its delivery."
    )
    stale_after_minutes: int = Field(
        ge=1, le=10 * _YEAR_OF_MINUTES, description="Age in minutes, beyond the delay, above which a row is not taken."
    )
    columns: tuple[Column, ...] = Field(min_length=1, description="The columns taken.")
    prefix: Prefix = Field(default="", description="Put before the name of each column taken.")

    @model_validator(mode="after")
    def _columns_are_apart(self) -> Join:
        for what in (self.keys, self.columns):
            if len(set(what)) < len(what):
                raise ValueError(f"a column stands twice in {', '.join(what)}. Keep one.")
        keys = sorted(set(self.keys) & set(self.columns))
        if keys:
            raise ValueError(f"{', '.join(keys)}: a key is there on both sides. Take it out of columns.")
        if self.recorded_time == self.time:
            raise ValueError(f"recorded_time must be another column than time. Got {self.time!r} for both.")
        return self

    def adds(self) -> tuple[str, ...]:
        """Return the columns that an example gets from this source, in the order of ``columns``."""
        return tuple(self.prefix + column for column in self.columns)


def check_joins(joins: Mapping[str, Join], *, reserved: Set[str]) -> None:
    """Refuse joins that add one column twice, or one that is no joined row's to say.

    Raises
    ------
    ValueError
        Naming the join and the column.
    """
    owners: dict[str, str] = {}
    for name, join in joins.items():
        for column in join.adds():
            if column in reserved:
                raise ValueError(f"joins.{name}: adds {column!r}, which is the entity, time, label, span or a leak.")
            if column in owners:
                raise ValueError(f"joins.{name}: adds {column!r}, as joins.{owners[column]} does. Set a prefix.")
            owners[column] = name
