"""Generated examples and a spec for them, for the rooms that train."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl
import pytest
from _pytest.mark.structures import ParameterSet

from ratchet.spec.delivery import FunctionDelivery
from ratchet.spec.estimators import estimator_kind
from ratchet.spec.evaluation import Evaluate
from ratchet.spec.features import FeatureColumn, Features
from ratchet.spec.label import Label, LabelKind
from ratchet.spec.model import ModelSpec
from ratchet.spec.objective import Objective, Rule
from ratchet.spec.search import Choice, Search, Uniform
from ratchet.spec.source import Source
from ratchet.spec.training import Train

HISTOGRAM_TREES = "sklearn.ensemble.HistGradientBoostingClassifier"
FOREST = "sklearn.ensemble.RandomForestClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"
ESTIMATORS = (HISTOGRAM_TREES, FOREST, LOGISTIC)
LIGHTGBM, XGBOOST = "lightgbm.LGBMClassifier", "xgboost.XGBClassifier"
NETWORK = "sklearn.neural_network.MLPClassifier"
LIGHTGBM_NUMBERS, XGBOOST_NUMBERS = "lightgbm.LGBMRegressor", "xgboost.XGBRegressor"
_FEW = {"n_estimators": 5}
_FOREST_LIKE = ("AdaBoost", "Bagging", "ExtraTrees", "GradientBoosting")
# What makes each quick; those that are not here are quick.
SMALL: dict[str, dict[str, Any]] = {
    HISTOGRAM_TREES: {"max_iter": 8},
    NETWORK: {"hidden_layer_sizes": (4, 3), "tol": 1.0},
    **dict.fromkeys((FOREST, LIGHTGBM, XGBOOST, LIGHTGBM_NUMBERS, XGBOOST_NUMBERS), _FEW),
    **{f"sklearn.ensemble.{n}Classifier": _FEW for n in _FOREST_LIKE},
    **{f"sklearn.ensemble.{n}Regressor": _FEW for n in (*_FOREST_LIKE, "RandomForest")},
    "sklearn.ensemble.HistGradientBoostingRegressor": {"max_iter": 8},
    # Within a few passes of the whole; that they have not converged is a warning, and so an error here.
    "sklearn.neural_network.MLPRegressor": {"hidden_layer_sizes": (4, 3), "tol": 1e6},
}
_TRUTH = FunctionDelivery(kind="function", function="source.truth")
STATUSES = ("on time", "late", "cancelled")
LABELS: dict[LabelKind, Label] = {
    "binary": Label(column="is_late", delivery=_TRUTH, known_after_spans=1),
    "multiclass": Label(column="status", kind="multiclass", classes=STATUSES, delivery=_TRUTH, known_after_spans=1),
    "regression": Label(column="delay", kind="regression", delivery=_TRUTH, known_after_spans=1),
}
# Half a gigabyte with what it needs: set-up leaves it out, and what tries it is skipped there.
NEEDS_XGBOOST = pytest.mark.skipif(find_spec("xgboost") is None, reason="the extra xgboost is not installed")


def each_of(estimators: Iterable[str]) -> list[ParameterSet]:
    """The estimators as cases of a test."""
    return [pytest.param(name, marks=_marks(name), id=name) for name in estimators]


def each_with_its_kinds(estimators: Iterable[str], *, beyond: str | None = None) -> list[ParameterSet]:
    """The estimators as cases of a test, each with every kind of label that it answers, or all beyond one of them."""
    return [
        pytest.param(name, kind, marks=_marks(name), id=f"{name}-{kind}")
        for name in estimators
        for kind in sorted(estimator_kind(name).answers)
        if kind != beyond
    ]


def _marks(name: str) -> Any:
    return NEEDS_XGBOOST if name.startswith("xgboost.") else ()


def kind_of(estimator: str) -> LabelKind:
    """The kind of label that an estimator is tried with when nothing is said."""
    return "binary" if "binary" in estimator_kind(estimator).answers else "regression"


# Not in the order of their roles: a matrix must keep the spec's order, a transform must not mix the two up.
FEATURES = Features(
    columns={
        "distance": FeatureColumn(role="numeric"),
        "carrier": FeatureColumn(role="categorical"),
        "hour": FeatureColumn(role="numeric"),
        "origin": FeatureColumn(role="categorical"),
    }
)


def make_spec(
    estimator: str = HISTOGRAM_TREES, *, features: Features = FEATURES, kind: LabelKind | None = None, **train: Any
) -> ModelSpec:
    settings: dict[str, Any] = {"train_spans": 20, "min_train_spans": 2, "validate_spans": 3, "seed": 7}
    if "search" not in train:
        settings["parameters"] = SMALL.get(estimator, {})
    return ModelSpec(
        schema_version=1,
        name="flights",
        owner="tests",
        objective=Objective(goal="Say which flights arrive late.", rule=Rule(column="hour", at_least=17.0)),
        source=Source(
            delivery=FunctionDelivery(kind="function", function="source.read"),
            entity="flight_id",
            time="scheduled_at",
            time_zone="America/New_York",
            first_span="2013-01-01",
        ),
        label=LABELS[kind or kind_of(estimator)],
        features=features,
        train=Train(estimator=estimator, **(settings | train)),
        evaluate=Evaluate(test_spans=2),
    )


def make_search(trials: int) -> Search:
    space: dict[str, Uniform | Choice] = {
        "learning_rate": Uniform(low=0.02, high=0.5, log=True),
        "max_iter": Uniform(low=3, high=12, integer=True),
        "max_leaf_nodes": Choice(choices=(7, 15)),
    }
    return Search(trials=trials, space=space)


def make_frame(n_examples: int = 400, *, seed: int = 0, span: str = "2013-01-05") -> pl.DataFrame:
    """Examples in which lateness grows with the hour and depends on the carrier; one in ten values is missing."""
    rng = np.random.default_rng(seed)
    hour = rng.integers(5, 23, n_examples).astype(float)
    carrier = rng.choice(["AA", "B6", "UA"], n_examples)
    odds = (hour - 14) / 4 + np.where(carrier == "B6", 1.0, -0.5)
    missing = rng.random((3, n_examples)) < 0.1
    return pl.DataFrame(
        {
            "span": [span] * n_examples,
            "flight_id": [f"{span}-{i:05}" for i in range(n_examples)],
            "distance": np.where(missing[0], np.nan, rng.normal(900, 300, n_examples)),
            "carrier": [None if gone else str(value) for value, gone in zip(carrier, missing[1], strict=True)],
            "hour": np.where(missing[2], np.nan, hour),
            "origin": rng.choice(["EWR", "JFK", "LGA"], n_examples),
            "is_late": rng.random(n_examples) < 1 / (1 + np.exp(-odds)),
            "delay": np.round(20 * (odds + 4) + rng.gamma(2, 3, n_examples), 1),
            "status": np.array(STATUSES)[np.digitize(odds + rng.normal(size=n_examples), (0.0, 2.0))],
        }
    )
