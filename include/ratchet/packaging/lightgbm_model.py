"""LightGBM models that were read back from their text, as scikit-learn's pipelines want their last step to be.

They answer on one thread, as a server has many requests for its cores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

if TYPE_CHECKING:
    from lightgbm import Booster
    from numpy.typing import NDArray


class _ReadBack(BaseEstimator):  # type: ignore[misc]  # scikit-learn is published without types
    """What both have in common; ``booster_`` is LightGBM's own object, as in its own estimators."""

    def __init__(self, booster: Booster | None = None) -> None:
        self.booster = booster
        self.booster_ = booster

    def fit(self, *_: object) -> None:
        """Refuse: scikit-learn asks every estimator for it, and this one has read what was fitted."""
        raise TypeError("A model that was read back is not fitted again: train another.")

    def _answer(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.booster_ is None:
            raise TypeError("There is no model to score with.")
        return np.asarray(self.booster_.predict(matrix, num_threads=1), dtype=np.float64)

    def __sklearn_is_fitted__(self) -> bool:
        return self.booster_ is not None


class LightGBMModel(ClassifierMixin, _ReadBack):  # type: ignore[misc]  # scikit-learn is published without types
    """Scores as the classifier did that was fitted."""

    def __init__(self, booster: Booster | None = None) -> None:
        super().__init__(booster)
        n_trees = 1 if booster is None else booster.num_model_per_iteration()
        # One tree an iteration tells two classes apart; of more there is one for each class.
        self.classes_ = np.arange(max(2, n_trees))

    def predict_proba(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability of each class."""
        scores = self._answer(matrix)
        return scores if scores.ndim == 2 else np.column_stack([1 - scores, scores])


class LightGBMNumbers(RegressorMixin, _ReadBack):  # type: ignore[misc]  # scikit-learn is published without types
    """Predicts as the regressor did that was fitted."""

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the predicted numbers."""
        return self._answer(matrix)
