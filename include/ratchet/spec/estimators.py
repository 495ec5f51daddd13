"""The estimators that a spec may name: an allow-list of scikit-learn's, two libraries, and any class of the folder.

Left out on purpose are estimators that keep rows of their training data (nearest neighbours, support vectors, Gaussian
processes): an erasure could not take a row out of them again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator

if TYPE_CHECKING:
    from ratchet.spec.label import LabelKind

# codes: numbers as they are, NaN for missing, categories as codes.
# one_hot: numbers imputed and scaled, one column a category.
Encoding = Literal["codes", "one_hot"]
Parameter = str | int | float | bool | None | tuple[int, ...]


_CLASSES: frozenset[LabelKind] = frozenset({"binary", "multiclass"})
_NUMBERS: frozenset[LabelKind] = frozenset({"regression"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorKind:
    """What Ratchet must know of an estimator beyond scikit-learn's interface.

    ``extra`` names the optional dependency that it comes with, ``rounds`` the parameter that counts boosting rounds,
    ``is_fed_by_spans`` says whether it can be fitted on data that no memory holds, ``is_data_parallel`` whether several
    workers can share its rows, ``has_members`` whether it is made of models that several can fit, ``answers`` which
    kinds of label.
    """

    encoding: Encoding
    answers: frozenset[LabelKind] = _CLASSES
    extra: str | None = None
    rounds: str | None = None
    is_fed_by_spans: bool = False
    is_data_parallel: bool = False
    has_members: bool = False


_CODES, _ONE_HOT = EstimatorKind(encoding="codes"), EstimatorKind(encoding="one_hot")
_PARTIAL = EstimatorKind(encoding="one_hot", is_fed_by_spans=True)
_HISTOGRAMS = EstimatorKind(encoding="codes", rounds="max_iter")
_MEMBERS = EstimatorKind(encoding="codes", has_members=True)
_LIGHTGBM = EstimatorKind(
    encoding="codes", extra="lightgbm", rounds="n_estimators", is_fed_by_spans=True, is_data_parallel=True
)
_XGBOOST = EstimatorKind(encoding="codes", extra="xgboost", rounds="n_estimators", is_fed_by_spans=True)

_CLASSIFIERS: Mapping[str, EstimatorKind] = {
    "sklearn.ensemble.HistGradientBoostingClassifier": _HISTOGRAMS,
    "sklearn.ensemble.RandomForestClassifier": _MEMBERS,
    "sklearn.ensemble.ExtraTreesClassifier": _MEMBERS,
    "sklearn.ensemble.BaggingClassifier": _MEMBERS,
    "sklearn.ensemble.GradientBoostingClassifier": _ONE_HOT,
    "sklearn.ensemble.AdaBoostClassifier": _ONE_HOT,
    "sklearn.tree.DecisionTreeClassifier": _CODES,
    "sklearn.linear_model.LogisticRegression": _ONE_HOT,
    "sklearn.linear_model.SGDClassifier": _PARTIAL,
    "sklearn.neural_network.MLPClassifier": _PARTIAL,
    "sklearn.naive_bayes.GaussianNB": _PARTIAL,
    "sklearn.naive_bayes.BernoulliNB": _PARTIAL,
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis": _ONE_HOT,
    "lightgbm.LGBMClassifier": _LIGHTGBM,
    "xgboost.XGBClassifier": _XGBOOST,
}
_REGRESSORS: Mapping[str, EstimatorKind] = {
    "sklearn.ensemble.HistGradientBoostingRegressor": _HISTOGRAMS,
    "sklearn.ensemble.RandomForestRegressor": _MEMBERS,
    "sklearn.ensemble.ExtraTreesRegressor": _MEMBERS,
    "sklearn.ensemble.BaggingRegressor": _MEMBERS,
    "sklearn.ensemble.GradientBoostingRegressor": _ONE_HOT,
    "sklearn.ensemble.AdaBoostRegressor": _ONE_HOT,
    "sklearn.tree.DecisionTreeRegressor": _CODES,
    "sklearn.linear_model.LinearRegression": _ONE_HOT,
    "sklearn.linear_model.Ridge": _ONE_HOT,
    "sklearn.linear_model.Lasso": _ONE_HOT,
    "sklearn.linear_model.ElasticNet": _ONE_HOT,
    "sklearn.linear_model.PoissonRegressor": _ONE_HOT,
    "sklearn.linear_model.SGDRegressor": _PARTIAL,
    "sklearn.neural_network.MLPRegressor": _PARTIAL,
    "lightgbm.LGBMRegressor": _LIGHTGBM,
    "xgboost.XGBRegressor": _XGBOOST,
}
ESTIMATORS: Mapping[str, EstimatorKind] = {
    **_CLASSIFIERS,
    **{name: replace(kind, answers=_NUMBERS) for name, kind in _REGRESSORS.items()},
}
# A class of the model folder: module, dot, class. What it reads is not known: the encoding that suits any estimator.
# Whether it has partial_fit or members is seen when it is fitted; whether it answers the label's kind, when it is made.
CUSTOM = replace(_PARTIAL, has_members=True, answers=_CLASSES | _NUMBERS)
_CUSTOM = re.compile(r"[a-z_][a-z0-9_]{0,62}\.[A-Z][A-Za-z0-9_]{0,62}")
_LIBRARIES = frozenset(name.partition(".")[0] for name in ESTIMATORS)


def is_custom(name: str) -> bool:
    """Say whether a dotted name is that of a class of the model folder."""
    return _CUSTOM.fullmatch(name) is not None and name.partition(".")[0] not in _LIBRARIES


def estimator_kind(name: str) -> EstimatorKind:
    """Return what is known of an estimator."""
    return ESTIMATORS.get(name, CUSTOM)


def mismatch(name: str, kind: LabelKind) -> str | None:
    """Return in words why an estimator cannot answer a kind of label, and which can; None when it can."""
    if kind in estimator_kind(name).answers:
        return None
    others = [other for other, of in ESTIMATORS.items() if kind in of.answers]
    twin = name.replace("Classifier", "Regressor") if kind == "regression" else name.replace("Regressor", "Classifier")
    hint = f" Use {twin}" if twin in others else f" Use one of {', '.join(others)}"
    return f"{name} does not answer a {kind} label.{hint}, or a class of the model folder."


def _check(name: str) -> str:
    if name in ESTIMATORS or is_custom(name):
        return name
    close = get_close_matches(name, ESTIMATORS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(
        f"there is no estimator {name[:120]!r}.{hint} "
        f"Known are {', '.join(ESTIMATORS)}, and a class of the model folder such as estimators.MyClassifier."
    )


Estimator = Annotated[str, AfterValidator(_check)]
