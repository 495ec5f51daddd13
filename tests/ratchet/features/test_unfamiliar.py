"""What a model has never seen is scored as missing, and counted."""

from __future__ import annotations

import polars as pl
import pytest

from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.features.unfamiliar import Unfamiliar, complete_columns, count_unfamiliar, known_categories
from ratchet.training.fit import fit
from tests.ratchet.features.make import FEATURES, HISTOGRAM_TREES, LOGISTIC, make_frame, make_spec

ROLES = feature_roles(FEATURES)
TRAINED_ON = make_frame().with_columns(hour=pl.col("hour").fill_nan(12.0))
NOTHING = Unfamiliar(unseen={}, infinite={}, new_nulls={})


@pytest.fixture(params=[HISTOGRAM_TREES, LOGISTIC], ids=["codes", "one-hot"])
def seen(request: pytest.FixtureRequest) -> dict[str, tuple[str, ...]]:
    return known_categories(fit(TRAINED_ON, make_spec(request.param)))


def count(frame: pl.DataFrame, categories: dict[str, tuple[str, ...]]) -> Unfamiliar:
    complete = complete_columns(to_matrix(TRAINED_ON, ROLES))
    return count_unfamiliar(frame, ROLES, categories=categories, complete=complete)


def test_the_categories_of_training_are_known_and_missing_is_none(seen: dict[str, tuple[str, ...]]):
    assert seen == {"carrier": ("AA", "B6", "UA"), "origin": ("EWR", "JFK", "LGA")}


def test_the_rows_of_training_are_familiar(seen: dict[str, tuple[str, ...]]):
    assert count(TRAINED_ON, seen) == NOTHING
    assert count(TRAINED_ON.clear(), seen) == NOTHING


def test_each_kind_is_counted_by_column(seen: dict[str, tuple[str, ...]]):
    strange = pl.DataFrame(
        {
            "distance": [float("inf"), float("-inf"), float("nan"), None],  # was missing in training too
            "hour": [float("nan"), None, 3.0, float("inf")],  # never was
            "carrier": ["ZZ", "ZZ", None, "AA"],  # was missing in training too
            "origin": ["EWR", None, None, "ewr"],  # never was
        }
    )
    counted = count(strange, seen)
    assert counted == Unfamiliar(
        unseen={"carrier": 2, "origin": 1}, infinite={"distance": 2, "hour": 1}, new_nulls={"hour": 2, "origin": 2}
    )
    assert counted.words() == (
        "carrier 2 unseen, origin 1 unseen, distance 2 infinite, hour 1 infinite, hour 2 new nulls, origin 2 new nulls"
    )
    assert counted.by_column()["hour"] == {"infinite": 1, "new_nulls": 2}


def test_whole_numbers_have_no_infinity_and_a_column_of_nulls_alone_is_counted():
    frame = pl.DataFrame({"x": [1, None], "y": [None, None]})
    counted = count_unfamiliar(frame, {"x": "numeric", "y": "numeric"}, categories={}, complete=("x", "y"))
    assert counted == Unfamiliar(unseen={}, infinite={}, new_nulls={"x": 1, "y": 2})


def test_columns_are_complete_when_no_training_row_lacked_them():
    assert complete_columns(to_matrix(TRAINED_ON, ROLES)) == ("hour", "origin")
    assert complete_columns(to_matrix(TRAINED_ON.clear(), ROLES)) == ()
