"""Features side by side: as they were logged and as they are made now, and what another value would have done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from ratchet.spec.features import Role

Value = float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """The score of the same row with other values; ``features`` are those that are different then, made ones too.

    Of several classes the score is the probability of the class that is explained, and ``predicted`` is the class that
    would be likeliest.
    """

    changes: Mapping[str, Value]
    features: Mapping[str, tuple[Value, Value]]
    score: float
    changed_score: float
    predicted: str | None = None

    @property
    def difference(self) -> float:
        """By how much the score would have been higher."""
        return self.changed_score - self.score


def as_features(frame: pl.DataFrame, roles: Mapping[str, Role]) -> pl.DataFrame:
    """Return the feature columns alone, each in the one type of its role: numbers, or texts."""
    return frame.select(
        pl.col(name).cast(pl.Float64 if role == "numeric" else pl.String) for name, role in roles.items()
    )


def differing(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, tuple[Value, Value]]:
    """Return the columns of one row that are not the same in another, with both values; NaN and null are the same."""
    return {
        name: (old, new)
        for name in before.columns
        for old, new in ((_value(before[name]), _value(after[name])),)
        if old != new
    }


def values_of(row: pl.DataFrame) -> dict[str, Value]:
    """Return the values of one row, null for a number that is none."""
    return {name: _value(row[name]) for name in row.columns}


def _value(column: pl.Series) -> Value:
    value = column.item()
    is_number = isinstance(value, float)
    return None if is_number and not -float("inf") < value < float("inf") else value
