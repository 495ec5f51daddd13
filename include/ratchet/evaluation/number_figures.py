"""What is told of predicted numbers: against the numbers that came, bin by bin. No example's own number is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.evaluation.bootstrap import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberBin:
    """Examples of neighbouring predictions: their mean prediction, and the mean of what came."""

    n_examples: int
    mean_predicted: float
    mean: Interval

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> NumberBin:
        """Return the bin that ``Evaluation.to_json`` wrote."""
        return cls(**{**values, "mean": Interval.from_json(values["mean"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How many examples fall into each cell between edges; what lies beyond the outer edges is in the outer cells."""

    x_edges: tuple[float, ...]
    y_edges: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]  # by y, the lowest first, then by x

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Grid:
        """Return the grid that ``Evaluation.to_json`` wrote."""
        return cls(
            x_edges=tuple(values["x_edges"]),
            y_edges=tuple(values["y_edges"]),
            counts=tuple(tuple(row) for row in values["counts"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NumbersOf:
    """One contender's predictions; ``bins`` have equal mass, the lowest predictions first.

    ``actual`` has what came over what was predicted, ``residuals`` what came less what was predicted over it.
    """

    contender: str
    bins: tuple[NumberBin, ...]
    actual: Grid | None
    residuals: Grid | None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> NumbersOf:
        """Return what ``Evaluation.to_json`` wrote."""
        grids = {name: values[name] and Grid.from_json(values[name]) for name in ("actual", "residuals")}
        return cls(
            contender=values["contender"], bins=tuple(NumberBin.from_json(one) for one in values["bins"]), **grids
        )
