"""A LightGBM model that was read back from its text, as scikit-learn's pipelines want their last step to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

if TYPE_CHECKING:
    from lightgbm import Booster
    from numpy.typing import NDArray


class LightGBMModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is published without types
    """Scores as the classifier did that was fitted; ``booster_`` is LightGBM's own object, as there."""

    def __init__(self, booster: Booster | None = None) -> None:
        self.booster = booster
        self.booster_ = booster
        self.classes_ = np.array([0, 1])

    def fit(self, *_: object) -> None:
        """Refuse: scikit-learn asks every estimator for it, and this one has read what was fitted."""
        raise TypeError("A model that was read back is not fitted again: train another.")

    def predict_proba(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of both outcomes; on one thread, as a server has many requests for its cores."""
        if self.booster_ is None:
            raise TypeError("There is no model to score with.")
        scores = np.asarray(self.booster_.predict(matrix, num_threads=1), dtype=np.float64)
        return np.column_stack([1 - scores, scores])

    def __sklearn_is_fitted__(self) -> bool:
        return self.booster_ is not None
