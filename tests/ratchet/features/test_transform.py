from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ratchet.errors import SpecError
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.features.transform import build_linear_baseline, build_pipeline, build_transform
from ratchet.spec.features import FeatureColumn, Features
from tests.ratchet.features.make import ESTIMATORS, FEATURES, HISTOGRAM_TREES, LOGISTIC, make_frame, make_spec

ROLES = feature_roles(FEATURES)
NUMERIC_ONLY = Features(columns={"hour": FeatureColumn(role="numeric")})


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("is_whole", [False, True], ids=["missing in training", "whole in training"])
def test_every_estimator_scores_missing_infinite_and_unseen_values(estimator: str, *, is_whole: bool) -> None:
    frame = make_frame()
    if is_whole:
        frame = frame.fill_nan(None).drop_nulls()
    pipeline = build_pipeline(make_spec(estimator)).fit(to_matrix(frame, ROLES), frame["is_late"].to_numpy())
    strange = frame.head(4).with_columns(
        carrier=pl.Series([None, "ZZ", "AA", "AA"]),
        distance=pl.Series([None, 1.0, float("inf"), float("nan")]),
    )
    scores = pipeline.predict_proba(to_matrix(strange, ROLES))[:, 1]
    assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_every_estimator_takes_features_of_one_role_only(estimator: str) -> None:
    frame = make_frame()
    matrix = to_matrix(frame, feature_roles(NUMERIC_ONLY))
    pipeline = build_pipeline(make_spec(estimator, features=NUMERIC_ONLY)).fit(matrix, frame["is_late"].to_numpy())
    assert pipeline.predict_proba(matrix).shape == (400, 2)


def test_trees_keep_numbers_and_get_categories_as_codes() -> None:
    frame = pl.DataFrame(
        {"distance": [1.0, None], "carrier": ["B6", None], "hour": [5.0, 6.0], "origin": ["JFK", "EWR"]}
    )
    values = build_transform(FEATURES).fit_transform(to_matrix(frame, ROLES))
    np.testing.assert_array_equal(values, [[1.0, 5.0, 0.0, 1.0], [np.nan, 6.0, np.nan, 0.0]])


def test_an_unseen_category_is_a_missing_one() -> None:
    frame = make_frame()
    transform = build_transform(FEATURES).fit(to_matrix(frame, ROLES))
    unseen, missing = (frame.head(1).with_columns(carrier=pl.lit(value, pl.String)) for value in ("ZZ", None))
    np.testing.assert_array_equal(*(transform.transform(to_matrix(row, ROLES)) for row in (unseen, missing)))


@pytest.mark.parametrize("max_bins", [None, 16])
def test_more_categories_than_bins_are_folded_rather_than_refused(max_bins: int | None) -> None:
    frame = make_frame(2000).with_columns(carrier=pl.format("c{}", pl.int_range(pl.len()) % 400).replace("c7", None))
    spec = make_spec(parameters={"max_iter": 3} | ({"max_bins": max_bins} if max_bins else {}))
    pipeline = build_pipeline(spec).fit(to_matrix(frame, ROLES), frame["is_late"].to_numpy())
    codes = pipeline["transform"].transform(to_matrix(frame, ROLES))[:, 2]
    assert np.nanmax(codes) < (max_bins or 255)


def test_categorical_columns_are_named_to_the_histogram_trees() -> None:
    assert build_pipeline(make_spec())["estimator"].categorical_features == [2, 3]


def test_trial_parameters_come_on_top_of_the_fixed_ones() -> None:
    estimator = build_pipeline(make_spec(parameters={"max_iter": 9}), {"learning_rate": 0.3})["estimator"]
    assert (estimator.max_iter, estimator.learning_rate, estimator.random_state) == (9, 0.3, 7)


def test_early_stopping_is_off_unless_the_spec_asks_for_it() -> None:
    assert build_pipeline(make_spec())["estimator"].early_stopping is False
    assert build_pipeline(make_spec(parameters={"early_stopping": True}))["estimator"].early_stopping is True


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        pytest.param({"max_iters": 3}, "no parameter 'max_iters'. Did you mean 'max_iter'", id="misspelt"),
        pytest.param({"random_state": 3}, "train.seed sets it", id="seed"),
        pytest.param({"categorical_features": None}, "features.columns sets it", id="categories"),
    ],
)
def test_a_parameter_that_is_unknown_or_set_elsewhere_is_refused(parameters: dict[str, object], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        build_pipeline(make_spec(parameters=parameters))


def test_the_linear_baseline_is_a_logistic_regression_whatever_the_spec_trains() -> None:
    pipeline = build_linear_baseline(make_spec(HISTOGRAM_TREES))
    assert type(pipeline["estimator"]).__name__ == LOGISTIC.rpartition(".")[2]


def test_a_linear_model_survives_a_numeric_column_without_any_value() -> None:
    frame = make_frame().with_columns(distance=pl.lit(None, pl.Float64))
    matrix = to_matrix(frame, ROLES)
    pipeline = build_linear_baseline(make_spec()).fit(matrix, frame["is_late"].to_numpy())
    assert np.isfinite(pipeline.predict_proba(matrix)).all()
