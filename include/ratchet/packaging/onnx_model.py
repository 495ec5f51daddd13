"""A foreign ONNX model as scikit-learn's pipelines want their last step to be: read, never fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.pipeline import Pipeline

from ratchet.errors import ModelError
from ratchet.packaging.onnx_session import OnnxSession

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from ratchet.packaging.card import PackageCard
    from ratchet.spec.features import Role


class OnnxModel(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is published without types
    """Scores a matrix (see `ratchet.features.matrix.to_matrix`); ``data`` are the bytes that were imported."""

    def __init__(self, data: bytes, roles: Mapping[str, Role], *, output: str, column: int) -> None:
        self.data = data
        self.roles = roles
        self.output = output
        self.column = column
        self.classes_ = np.array([0, 1])
        self.session_ = OnnxSession(data, list(roles), output=output, column=column)

    def fit(self, *_: object) -> None:
        """Refuse: scikit-learn asks every estimator for it, and this one was trained elsewhere."""
        raise TypeError("An imported model cannot be fitted: train it where it came from.")

    def predict_proba(self, matrix: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probabilities of both outcomes for each row."""
        scores = self.session_.scores({name: _as_fed(matrix[name], role) for name, role in self.roles.items()})
        return np.column_stack([1 - scores, scores])

    def __sklearn_is_fitted__(self) -> bool:
        return True


def as_pipeline(model: OnnxModel) -> Pipeline:
    """Return the pipeline of an imported model: the model alone, as whatever transforms its features is inside it."""
    return Pipeline([("estimator", model)])


def read_pipeline(data: bytes, card: PackageCard) -> Pipeline:
    """Return the pipeline of a packaged model.

    Raises
    ------
    ModelError
        If the card does not say how it is read.
    """
    if card.origin is None:
        raise ModelError("The card of an imported model must say how it is read. This one has no origin.")
    return as_pipeline(OnnxModel(data, card.features, output=card.origin.output, column=card.origin.column))


def _as_fed(column: pd.Series, role: Role) -> NDArray[Any]:
    if role == "numeric":
        return np.asarray(column.to_numpy())
    values = column.to_numpy(dtype=object, copy=True)
    values[column.isna().to_numpy()] = ""
    return values
