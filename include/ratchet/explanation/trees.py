"""Shapley values that a library of boosted trees gives by itself: exact, in the unit of its margin (its TreeSHAP)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.explanation.contributions import Contribution, Contributions, Unit
from ratchet.features.generating import generated_roles

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

# XGBoost sums margins with seven digits.
_OF_32_BITS = 1e-5


def tree_contributions(
    pipeline: Pipeline, matrix: pd.DataFrame, unit: Unit = "log-odds"
) -> tuple[Contributions, ...] | None:
    """Return the contributions to each row's score; None where the library has none of its own.

    Parameters
    ----------
    pipeline : Pipeline
        Transform and estimator; columns that the transform made of one feature are summed. A feature that the model
        generates of two others is a feature of its own.
    matrix : DataFrame of shape (n_examples, n_features)
        See `ratchet.features.matrix.to_matrix`.
    unit : Unit
        That of the margin.

    Notes
    -----
    These are path-dependent values: what is not known follows the examples that each branch was grown on, not a
    background. The base is the mean margin over those.

    References
    ----------
    .. [1] Lundberg et al., "From local explanations to global understanding with explainable AI for trees", Nature
       Machine Intelligence 2, 2020.
    """
    estimator = pipeline[-1]
    # By what it holds, not by its class: one that was read from its native format may have another.
    library = {"booster_": _lightgbm, "get_booster": _xgboost}
    contributions = next((of for name, of in library.items() if hasattr(estimator, name)), None)
    if contributions is None:
        return None
    transform = pipeline[:-1]
    inputs = transform.transform(matrix) if len(pipeline) > 1 else matrix
    values = contributions(estimator, inputs)
    names = transform.get_feature_names_out() if len(pipeline) > 1 else list(matrix.columns)
    features = [*map(str, matrix.columns), *generated_roles(pipeline)]
    if values.ndim != 2 or values.shape[1] != len(names) + 1:  # several classes: one block of columns each
        return None
    owners = [_owner(str(name), features) for name in names]
    return tuple(_contributions(row, owners, features, unit) for row in values)


def contributions_to_numbers(
    pipeline: Pipeline, matrix: pd.DataFrame, predicted: NDArray[np.float64]
) -> tuple[Contributions, ...] | None:
    """Return the contributions to each predicted number, in the label's unit; see `tree_contributions`.

    Parameters
    ----------
    predicted : ndarray of shape (n_examples,)
        What the pipeline predicts. None is returned where contributions sum to something else, as they do where the
        objective has a link: of Poisson's, to the logarithm.
    """
    found = tree_contributions(pipeline, matrix, "label")
    if found is None:
        return None
    sums, allowed = np.array([of.prediction for of in found]), _OF_32_BITS * float(np.abs(predicted).max(initial=0))
    return found if bool((np.abs(sums - predicted) <= allowed).all()) else None


def _lightgbm(estimator: Any, inputs: Any) -> NDArray[np.float64]:
    return np.asarray(estimator.booster_.predict(inputs, pred_contrib=True, num_threads=1), dtype=np.float64)


def _xgboost(estimator: Any, inputs: Any) -> NDArray[np.float64]:
    import xgboost

    kinds = getattr(estimator, "feature_types", None)
    data = xgboost.DMatrix(
        inputs, missing=estimator.missing, feature_types=kinds, enable_categorical=estimator.enable_categorical
    )
    booster = estimator.get_booster()
    stop = getattr(estimator, "best_iteration", None)
    rounds = (0, 0 if stop is None else stop + 1)
    return np.asarray(booster.predict(data, pred_contribs=True, iteration_range=rounds), dtype=np.float64)


def _owner(name: str, features: list[str]) -> str:
    """Return the feature that a transformed column was made of: ``categorical__carrier_UA`` of ``carrier``."""
    bare = name.partition("__")[2] or name
    if bare in features:
        return bare
    made_of = [feature for feature in features if bare.startswith(f"{feature}_")]
    return max(made_of, key=len) if made_of else bare


def _contributions(row: NDArray[np.float64], owners: list[str], features: list[str], unit: Unit) -> Contributions:
    amounts = dict.fromkeys(features, 0.0)
    for owner, amount in zip(owners, row[:-1].tolist(), strict=True):
        amounts[owner] = amounts.get(owner, 0.0) + amount
    return Contributions(
        method="trees",
        unit=unit,
        base=float(row[-1]),
        prediction=float(row.sum()),
        contributions=tuple(Contribution(feature=name, amount=amount) for name, amount in amounts.items()),
        n_background=0,
    )
