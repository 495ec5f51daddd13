"""Which estimators a spec may name; ``train`` and every family of its search are held to the same list."""

from __future__ import annotations

from typing import Literal

Estimator = Literal[
    "sklearn.ensemble.HistGradientBoostingClassifier",
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.linear_model.LogisticRegression",
    "sklearn.neural_network.MLPClassifier",
]
FixedParameters = dict[str, str | int | float | bool | None]
