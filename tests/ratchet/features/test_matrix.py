from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ratchet.errors import DataError
from ratchet.features.matrix import feature_roles, to_matrix
from tests.ratchet.features.make import FEATURES, make_frame

ROLES = feature_roles(FEATURES)


def test_columns_have_the_order_and_dtypes_of_the_spec_whatever_the_frame() -> None:
    frame = make_frame(5)
    shuffled = frame.select(reversed(frame.columns)).with_columns(pl.col("hour").fill_nan(0).cast(pl.Int16))
    for matrix in (to_matrix(frame, ROLES), to_matrix(shuffled, ROLES), to_matrix(frame.clear(), ROLES)):
        assert list(matrix.columns) == ["distance", "carrier", "hour", "origin"]
        assert [str(dtype) for dtype in matrix.dtypes] == ["float64", "object", "float64", "object"]


def test_nulls_nans_and_infinities_are_all_missing() -> None:
    frame = pl.DataFrame({"x": [1.0, None, float("nan"), float("inf"), float("-inf")]})
    np.testing.assert_array_equal(to_matrix(frame, {"x": "numeric"})["x"], [1.0, *[np.nan] * 4])


def test_categories_are_texts_or_nan() -> None:
    frame = pl.DataFrame({"c": pl.Series(["a", None], dtype=pl.Categorical), "n": [7, None], "b": [True, None]})
    matrix = to_matrix(frame, {"c": "categorical", "n": "categorical", "b": "categorical"})
    assert list(matrix.iloc[0]) == ["a", "7", "true"]
    assert [type(value) for value in matrix.iloc[1]] == [float, float, float]
    assert matrix.iloc[1].isna().all()


def test_a_column_that_is_null_throughout_keeps_its_type() -> None:
    frame = pl.DataFrame({"x": [None, None], "c": [None, None]})
    matrix = to_matrix(frame, {"x": "numeric", "c": "categorical"})
    assert np.isnan(matrix["x"]).all()
    assert matrix["c"].isna().all()


def test_booleans_count_as_numbers() -> None:
    assert list(to_matrix(pl.DataFrame({"x": [True, False]}), {"x": "numeric"})["x"]) == [1.0, 0.0]


def test_a_missing_column_is_named_with_the_near_miss() -> None:
    with pytest.raises(DataError, match=r"lacks the feature columns carrier.*'carriers'"):
        to_matrix(make_frame(3).rename({"carrier": "carriers"}), ROLES)


def test_texts_in_a_numeric_feature_are_refused() -> None:
    with pytest.raises(DataError, match=r"'distance' must hold numbers\. It holds String"):
        to_matrix(make_frame(3).with_columns(distance=pl.lit("far")), ROLES)
