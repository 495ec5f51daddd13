"""What is known of test examples beside their labels and scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ratchet.evaluation.decisions import Decision
    from ratchet.spec.features import Role
    from ratchet.spec.values import Values


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Beside:
    """Columns of the test examples, one row an example; what is not there is not computed.

    ``units`` names the entity or the span of each example, where intervals are drawn by it. ``decisions`` are those of
    candidate, champion and rule, ``values`` what they are worth. Among ``features``, of these ``roles``, weak slices
    are looked for; ``groups`` are those of fairness, numbers already cut into ranges.
    """

    units: pl.Series | None = None
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    values: Values | None = None
    features: pl.DataFrame = field(default_factory=pl.DataFrame)
    roles: Mapping[str, Role] = field(default_factory=dict)
    groups: pl.DataFrame = field(default_factory=pl.DataFrame)

    def check_rows(self, n: int) -> None:
        """Raise InputError unless every column has ``n`` rows."""
        found = {f"the decisions of {name}": len(one.expected) for name, one in self.decisions.items()}
        found |= {} if self.units is None else {"units": len(self.units)}
        frames = {"features": self.features, "groups": self.groups}
        found |= {name: frame.height for name, frame in frames.items() if frame.width}
        wrong = [f"{name} has {rows}" for name, rows in found.items() if rows != n]
        if wrong:
            raise InputError(f"each of {n} test examples must have one row. {', '.join(wrong)}.")

    def take(self, rows: NDArray[np.intp]) -> Beside:
        """Return the same of these rows, in this order."""
        return replace(
            self,
            units=None if self.units is None else self.units[rows],
            decisions={name: replace(one, expected=one.expected[rows]) for name, one in self.decisions.items()},
            features=self.features[rows] if self.features.width else self.features,
            groups=self.groups[rows] if self.groups.width else self.groups,
        )
