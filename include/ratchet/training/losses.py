"""What it costs to predict a number wrongly, and the constant that costs least: what a dummy predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ratchet.spec.evaluation import Evaluate, LossName

    Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Mean absolute error, root mean squared error, or the pinball loss of a predicted quantile."""

    name: LossName = "mae"
    quantile: float = 0.5

    @classmethod
    def of(cls, policy: Evaluate) -> Loss:
        """Return the loss that a spec judges numbers by."""
        return cls(name=policy.metric or "mae", quantile=0.5 if policy.quantile is None else policy.quantile)

    @property
    def words(self) -> str:
        """The loss in words."""
        named = {"mae": "mean absolute error", "rmse": "root mean squared error"}
        return named.get(self.name) or f"quantile loss at {self.quantile:g}"

    def of_examples(self, labels: Floats, answers: Floats) -> Floats:
        """Return the loss of each example; that of a root mean square before the root is drawn."""
        error = labels - answers
        if self.name == "rmse":
            return np.square(error)
        if self.name == "mae":
            return np.abs(error)
        return np.where(error >= 0, self.quantile * error, (self.quantile - 1) * error)

    def of_mean(self, mean: Floats) -> Floats:
        """Return the loss from the mean over examples."""
        found: Floats = np.sqrt(mean) if self.name == "rmse" else np.asarray(mean)
        return found

    def constant(self, labels: ArrayLike) -> float:
        """Return the number whose loss is least on training labels: their median, mean or quantile.

        Raises
        ------
        ValueError
            Without a label.
        """
        values = np.asarray(labels, dtype=np.float64)
        if not values.size:
            raise ValueError("a constant needs labels to be told from. Got none.")
        if self.name == "rmse":
            return float(values.mean())
        return float(np.quantile(values, 0.5 if self.name == "mae" else self.quantile))


MAE, RMSE = Loss(), Loss(name="rmse")
