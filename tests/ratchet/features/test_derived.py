from __future__ import annotations

import polars as pl
import pytest

from ratchet.errors import SpecError
from ratchet.features.derived import derive_features

FRAME = pl.DataFrame({"id": ["a", "b", "c"], "minute": [0.0, float("nan"), None], "n": [1, 2, 3]})


def add_hour(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(hour=pl.col("minute") / 60)


def add_late_hour(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(late_hour=pl.col("hour") + 1)


def misspell(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(x=pl.col("minutes"))


def parse(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(x=pl.col("id").cast(pl.Int64))


def test_functions_apply_in_order_and_only_add() -> None:
    derived = derive_features(FRAME, [add_hour, add_late_hour], entity="id", expected=["hour", "late_hour"])
    assert derived.columns == ["id", "minute", "n", "hour", "late_hour"]
    assert derived.select(FRAME.columns).equals(FRAME)


def test_an_empty_frame_gets_the_columns_too() -> None:
    assert derive_features(FRAME.clear(), [add_hour], entity="id").columns == [*FRAME.columns, "hour"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        pytest.param(lambda frame: frame.head(2), "keep every row", id="drops a row"),
        pytest.param(lambda frame: pl.concat([frame, frame]), "keep every row", id="adds rows"),
        pytest.param(lambda frame: frame.reverse(), "keep the rows in order", id="reorders"),
        pytest.param(lambda frame: frame.drop("n"), "dropped n", id="drops a column"),
        pytest.param(lambda frame: frame.with_columns(n=pl.col("n") + 1), "changed n", id="changes values"),
        pytest.param(lambda frame: frame.cast({"n": pl.Int32}), "changed n", id="changes a type"),
        pytest.param(
            lambda frame: frame.with_columns(pl.col("minute").fill_nan(None)), "changed minute", id="fills NaN"
        ),
        pytest.param(lambda frame: frame.lazy(), "must return a polars.DataFrame", id="returns a lazy frame"),
        pytest.param(lambda frame: None, "Got NoneType", id="returns nothing"),
        pytest.param(
            misspell, "test_derived.misspell failed with ColumnNotFoundError.*minutes", id="misspells a column"
        ),
    ],
)
def test_anything_but_adding_columns_is_refused(function: object, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        derive_features(FRAME, [function], entity="id")  # type: ignore[list-item]


def test_a_failure_that_quotes_data_is_named_without_the_data() -> None:
    with pytest.raises(SpecError, match="failed with InvalidOperationError") as caught:
        derive_features(FRAME.with_columns(id=pl.lit("Jane Doe")), [parse], entity="id")
    assert "Jane Doe" not in str(caught.value)


def test_a_declared_column_that_nothing_adds_is_refused() -> None:
    with pytest.raises(SpecError, match="hour2: declared as derived"):
        derive_features(FRAME, [add_hour], entity="id", expected=["hour", "hour2"])
