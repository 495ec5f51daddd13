"""The transform that is fitted inside the model, and the pipeline around it.

Trees take numbers as they are, with NaN for missing, and categories as codes; linear models get imputed and scaled
numbers and one column a category. A category that was not seen in training counts as missing, never as an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from ratchet.errors import SpecError
from ratchet.features.matrix import feature_roles
from ratchet.spec.estimators import Parameter, estimator_kind, is_custom
from ratchet.spec.functions import load_class

if TYPE_CHECKING:
    from pathlib import Path

    from sklearn.base import BaseEstimator
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    from ratchet.spec.features import Features
    from ratchet.spec.label import LabelKind
    from ratchet.spec.model import ModelSpec

Kind = Literal["tree", "linear"]
Parameters = Mapping[str, Parameter]

# The step that generates features, before the transform.
GENERATE = "generate"
LINEAR = "sklearn.linear_model.LogisticRegression"
LINEAR_OF_NUMBERS = "sklearn.linear_model.Ridge"
HISTOGRAM_TREES = "sklearn.ensemble.HistGradientBoostingClassifier"
LIGHTGBM = "lightgbm.LGBMClassifier"
XGBOOST = "xgboost.XGBClassifier"
OF_HISTOGRAM_TREES = (HISTOGRAM_TREES, "sklearn.ensemble.HistGradientBoostingRegressor")
OF_LIGHTGBM = (LIGHTGBM, "lightgbm.LGBMRegressor")
OF_XGBOOST = (XGBOOST, "xgboost.XGBRegressor")
# HistGradientBoosting bins at most 255 values and wants categories below its max_bins, one of them for the rare.
MAX_CATEGORIES = 254
# A category seen less often than this shares one column with the other rare ones, and with the unseen.
MIN_FREQUENCY = 20
# Set from elsewhere in the spec, so that no two keys can disagree.
_OURS = {
    "random_state": "train.seed sets it",
    "n_jobs": "train.threads sets it",
    "categorical_features": "features.columns sets it",
    "warm_start": "a candidate is always fitted from nothing",
    "verbose": "a fit is silent",
    "verbosity": "a fit is silent",
    "callbacks": "a fit is watched by Ratchet",
}
# Parameters of LightGBM that its scikit-learn interface takes without naming them.
_MORE_OF_LIGHTGBM = (
    *("cat_smooth", "extra_trees", "feature_fraction_bynode", "is_unbalance", "max_bin", "max_delta_step"),
    *("min_data_in_bin", "path_smooth", "scale_pos_weight"),
)
_MORE: dict[str, tuple[str, ...]] = dict.fromkeys(OF_LIGHTGBM, _MORE_OF_LIGHTGBM)
_DEFAULTS: dict[str, Parameters] = {
    # Early stopping holds out random rows: a peek across time, and fewer rows to learn from.
    **{name: {"early_stopping": False} for name in OF_HISTOGRAM_TREES},
    # Many more examples than columns: twice as fast as the default solver, and exact.
    LINEAR: {"max_iter": 1000, "solver": "newton-cholesky"},
    # The default loss of a support vector machine has no probabilities.
    "sklearn.linear_model.SGDClassifier": {"loss": "log_loss"},
}
# What makes two fits equal whatever the number of threads, and keeps them silent.
_FIXED: dict[str, Parameters] = {
    **{name: {"deterministic": True, "force_row_wise": True, "verbosity": -1} for name in OF_LIGHTGBM},
    **{name: {"verbosity": 0} for name in OF_XGBOOST},
}


def build_transform(
    features: Features, kind: Kind = "tree", *, max_categories: int = MAX_CATEGORIES
) -> ColumnTransformer:
    """Return the transform from a matrix (see `to_matrix`) to what an estimator of that kind reads, not yet fitted.

    Numeric columns come first, then categorical ones, each in the order of the spec, generated ones after the others.
    """
    from sklearn.compose import ColumnTransformer

    numeric, categorical = _split(features)
    parts = [
        ("numeric", "passthrough" if kind == "tree" else _linear_numbers(), numeric),
        ("categorical", _codes(max_categories) if kind == "tree" else _one_hot(), categorical),
    ]
    return ColumnTransformer([part for part in parts if part[2]], sparse_threshold=0.0)


def build_pipeline(spec: ModelSpec, parameters: Parameters | None = None) -> Pipeline:
    """Return the transform and the spec's estimator as one pipeline, not yet fitted.

    ``parameters`` come on top of the fixed ones of ``train.parameters``: the settings of one trial.

    Raises
    ------
    SpecError
        If the estimator has no such parameter, or another key of the spec sets it.
    """
    train, encoding = spec.train, spec.train.encoding or estimator_kind(spec.train.estimator).encoding
    settings = dict(_DEFAULTS.get(train.estimator, {})) | dict(train.parameters) | dict(parameters or {})
    kind: Kind = "tree" if encoding == "codes" else "linear"
    if train.checkpoint_rounds is not None and settings.get("early_stopping"):
        raise SpecError("train: early_stopping draws its rows anew after a checkpoint. Set it, or checkpoint_rounds.")
    return _assemble(spec, train.estimator, kind, settings)


def build_linear_baseline(spec: ModelSpec) -> Pipeline:
    """Return the linear model that a candidate is compared with, not yet fitted: logistic, or ridge for numbers.

    It reads the delivered features alone.
    """
    spec = spec.model_copy(update={"features": spec.features.only(tuple(spec.features.columns))})
    linear = LINEAR_OF_NUMBERS if spec.label.kind == "regression" else LINEAR
    return _assemble(spec, linear, "linear", dict(_DEFAULTS.get(linear, {})))


def _assemble(spec: ModelSpec, dotted_name: str, kind: Kind, settings: dict[str, Any]) -> Pipeline:
    from sklearn.pipeline import Pipeline

    estimator = _estimator(dotted_name, settings, seed=spec.train.seed, folder=spec.folder, kind=spec.label.kind)
    _check_answers(estimator, dotted_name, spec.label.kind)
    max_categories = MAX_CATEGORIES
    if dotted_name in OF_HISTOGRAM_TREES and kind == "tree":
        numeric, categorical = _split(spec.features)
        estimator.set_params(categorical_features=list(range(len(numeric), len(numeric) + len(categorical))) or None)
        max_categories = min(MAX_CATEGORIES, int(settings.get("max_bins") or 255) - 1)
    transform = build_transform(spec.features, kind, max_categories=max_categories)
    return Pipeline([*_generate(spec.features), ("transform", transform), ("estimator", estimator)])


def _generate(features: Features) -> list[tuple[str, BaseEstimator]]:
    """Return the step that generates features, none where the spec names none."""
    if features.generated is None:
        return []
    from ratchet.features.generating import GeneratedFeatures

    return [(GENERATE, GeneratedFeatures(features.generated.made(), features.generated.max_categories))]


def _estimator(
    dotted_name: str, settings: dict[str, Any], *, seed: int, folder: Path | None, kind: LabelKind
) -> BaseEstimator:
    name = dotted_name.rpartition(".")[2]
    estimator = _make(dotted_name, folder, kind)
    known = {*estimator.get_params(), *_MORE.get(dotted_name, ())}
    for key in settings:
        if key in _OURS:
            raise SpecError(f"train: {key!r} may not be set or searched: {_OURS[key]}.")
        if key not in known:
            close = get_close_matches(key, sorted(known), n=1)
            hint = f" Did you mean {close[0]!r}?" if close else f" It has: {', '.join(sorted(known))}."
            raise SpecError(f"train: {name} has no parameter {key!r}.{hint}")
    seeded = {"random_state": seed} if "random_state" in known else {}
    estimator.set_params(**settings, **_FIXED.get(dotted_name, {}), **seeded)
    return estimator


def _check_answers(estimator: BaseEstimator, dotted_name: str, kind: LabelKind) -> None:
    """Raise SpecError unless an estimator answers what a label of that kind asks for."""
    from sklearn.base import is_regressor

    name = dotted_name.rpartition(".")[2]
    if kind != "regression" and not hasattr(estimator, "predict_proba"):
        raise SpecError(f"train: {name} has no predict_proba with these parameters: a score must be a probability.")
    if kind == "regression" and not is_regressor(estimator):
        raise SpecError(
            f"train.estimator: {dotted_name} must be a regressor, as the label is a number. "
            "Derive it from sklearn.base.RegressorMixin and BaseEstimator."
        )


def _make(dotted_name: str, folder: Path | None, kind: LabelKind) -> BaseEstimator:
    """Return an estimator of that name with its own defaults."""
    from importlib import import_module

    if is_custom(dotted_name):
        if folder is None:
            raise SpecError(f"train.estimator: {dotted_name!r} stands in a model folder, and this spec has none.")
        return _make_custom(load_class(folder, dotted_name), dotted_name, kind)
    module, _, name = dotted_name.rpartition(".")
    try:
        return getattr(import_module(module), name)()
    except ModuleNotFoundError as error:
        extra = estimator_kind(dotted_name).extra
        if extra is None or error.name != extra:
            raise
        raise SpecError(
            f"train.estimator: {dotted_name} needs the extra {extra!r}, which is not installed: "
            f"pip install 'ratchet-ml[{extra}]'."
        ) from None


def _make_custom(found: type, dotted_name: str, kind: LabelKind) -> BaseEstimator:
    try:
        made = found()
    except Exception as error:
        raise SpecError(
            f"train.estimator: {dotted_name} cannot be made without arguments ({type(error).__name__}: {error}). "
            "Give each parameter of __init__ a default."
        ) from error
    wanted = ("fit", "predict_proba" if kind != "regression" else "predict", "get_params", "set_params")
    lacking = [name for name in wanted if not hasattr(made, name)]
    if lacking:
        mixin = "ClassifierMixin" if kind != "regression" else "RegressorMixin"
        raise SpecError(
            f"train.estimator: {dotted_name} lacks {', '.join(lacking)}. "
            f"Derive it from sklearn.base.{mixin} and BaseEstimator."
        )
    return made


def _split(features: Features) -> tuple[list[str], list[str]]:
    roles = feature_roles(features) | (features.generated.roles() if features.generated else {})
    numeric = [name for name, role in roles.items() if role == "numeric"]
    return numeric, [name for name, role in roles.items() if role == "categorical"]


def _codes(max_categories: int) -> BaseEstimator:
    import numpy as np
    from sklearn.preprocessing import OrdinalEncoder

    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=max_categories,
    )


def _one_hot() -> BaseEstimator:
    from sklearn.preprocessing import OneHotEncoder

    return OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=MIN_FREQUENCY, sparse_output=False)


def _linear_numbers() -> BaseEstimator:
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # A column that is all null in training keeps its place; else the matrix would change its width.
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
