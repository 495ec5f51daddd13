from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from ratchet.explanation.trees import contributions_to_numbers, tree_contributions


def make_matrix(n: int = 400) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(0)
    matrix = pd.DataFrame(
        {"x": rng.normal(size=n), "kind": rng.choice(["a", "b"], n).astype(object), "y": rng.normal(size=n)}
    )
    return matrix, ((matrix.x + (matrix.kind == "b") + rng.normal(size=n)) > 0.5).astype(int).to_numpy()


def make_estimator(library: str):
    if library == "lightgbm":
        return pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=15, num_leaves=5, verbose=-1, n_jobs=1)
    return pytest.importorskip("xgboost").XGBClassifier(n_estimators=15, max_depth=3, n_jobs=1)


def make_pipeline(estimator, encoder):
    transform = ColumnTransformer([("numeric", "passthrough", ["x", "y"]), ("categorical", encoder, ["kind"])])
    return Pipeline([("transform", transform), ("estimator", estimator)])


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
@pytest.mark.parametrize("encoder", [OrdinalEncoder(), OneHotEncoder(sparse_output=False)], ids=["codes", "one-hot"])
def test_the_library_says_what_sums_to_the_score_and_columns_of_one_feature_are_one(library, encoder):
    matrix, labels = make_matrix()
    pipeline = make_pipeline(make_estimator(library), encoder).fit(matrix, labels)
    found = tree_contributions(pipeline, matrix[:20])
    assert found is not None
    scores = pipeline.predict_proba(matrix[:20])[:, 1]
    assert [1 / (1 + np.exp(-of.prediction)) for of in found] == pytest.approx(scores, abs=1e-5)
    for of in found:
        assert [one.feature for one in of.contributions] == ["x", "kind", "y"]  # in the order of the matrix
        assert abs(of.residual) < 1e-5
        assert (of.method, of.unit) == ("trees", "log-odds")
    spread = {
        name: np.std([next(c.amount for c in of.contributions if c.feature == name) for of in found]) for name in matrix
    }
    assert spread["y"] < spread["x"]


class ReadBack(ClassifierMixin, BaseEstimator):
    """What is left of a LightGBM model once it is read from its text: a booster."""

    def __init__(self, booster_=None):
        self.booster_ = booster_

    def fit(self, *_):
        return self


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_a_model_that_was_read_from_its_native_format_says_the_same(library):
    matrix, labels = make_matrix()
    pipeline = make_pipeline(make_estimator(library), OrdinalEncoder()).fit(matrix, labels)
    if library == "lightgbm":
        from lightgbm import Booster

        read = ReadBack(Booster(model_str=pipeline[-1].booster_.model_to_string()))
    else:
        from xgboost import XGBClassifier

        read = XGBClassifier()
        read.load_model(bytearray(pipeline[-1].get_booster().save_raw("ubj")))
    again = Pipeline([("transform", pipeline[0]), ("estimator", read)])
    assert tree_contributions(again, matrix[:5]) == tree_contributions(pipeline, matrix[:5])


def test_a_library_without_its_own_values_is_left_to_sampling():
    matrix, labels = make_matrix()
    pipeline = make_pipeline(HistGradientBoostingClassifier(max_iter=3), OrdinalEncoder()).fit(matrix, labels)
    assert tree_contributions(pipeline, matrix) is None


class TestNumbers:
    @pytest.fixture(params=["lightgbm", "xgboost"])
    def library(self, request: pytest.FixtureRequest) -> str:
        return request.param

    def fitted(self, library: str, objective: str | None):
        matrix, _ = make_matrix()
        numbers = 100 + 20 * matrix.x.clip(-2, 2) + 10 * (matrix.kind == "b")
        # Its own default where no objective is asked for.
        settings = {"n_estimators": 15, "n_jobs": 1} | ({"objective": objective} if objective else {})
        if library == "lightgbm":
            estimator = pytest.importorskip("lightgbm").LGBMRegressor(num_leaves=5, verbose=-1, **settings)
        else:
            estimator = pytest.importorskip("xgboost").XGBRegressor(max_depth=3, **settings)
        return make_pipeline(estimator, OrdinalEncoder()).fit(matrix, numbers), matrix[:20]

    @pytest.mark.filterwarnings("ignore:X does not have valid feature names")
    def test_are_taken_apart_in_the_unit_of_the_label(self, library: str):
        pipeline, matrix = self.fitted(library, None)
        predicted = np.asarray(pipeline.predict(matrix), dtype=float)
        found = contributions_to_numbers(pipeline, matrix, predicted)
        assert found is not None
        assert [of.base + sum(one.amount for one in of.contributions) for of in found] == pytest.approx(
            predicted, rel=1e-5
        )
        assert {of.unit for of in found} == {"label"}
        assert found[0].base == pytest.approx(105, abs=5)

    @pytest.mark.filterwarnings("ignore:X does not have valid feature names")
    def test_that_are_predicted_by_their_logarithm_are_not(self, library: str):
        pipeline, matrix = self.fitted(library, "poisson" if library == "lightgbm" else "count:poisson")
        assert contributions_to_numbers(pipeline, matrix, np.asarray(pipeline.predict(matrix), dtype=float)) is None
