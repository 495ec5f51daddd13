"""The generated test of feature functions: each promise, kept and broken."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import polars as pl
import pytest

from ratchet.features.made_up import make_examples
from ratchet.features.proving import Proof, perturbed, prove_functions
from tests.factories.models import LOADS, parcels_spec

_calls = count()


def sound(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(ratio=pl.col("weight") / (1 + pl.col("distance")))


def drawn(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(ratio=pl.lit(float(next(_calls))))


def mean(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(ratio=pl.col("weight") - pl.col("weight").mean())


def previous(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(ratio=pl.col("weight").shift(1))


def peeking(frame: pl.DataFrame) -> pl.DataFrame:
    seen = frame["is_late"].cast(pl.Float64) if "is_late" in frame.columns else pl.lit(0.0)
    return frame.with_columns(ratio=seen)


def more(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(ratio=pl.col("weight") + pl.col("carrier").str.len_chars())


def fewer_rows(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(ratio=pl.col("weight")).head(3)


def particular(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(ratio=pl.col("carrier").str.to_datetime("%Y"))


def prove(function: Callable[..., Any], inputs: list[str] | None = None, name: str = "features.made") -> Proof:
    declared = {name: inputs if inputs is not None else ["weight", "distance"]}
    changes = {"features.functions": ["features.add_hour", name], "features.inputs": declared}
    spec = parcels_spec(changes)
    return prove_functions(spec, {name: function}, make_examples(spec))


def test_a_function_that_keeps_its_promises_is_proven():
    assert prove(sound) == Proof()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        pytest.param(drawn, "is not pure: a second call on the same rows", id="another-answer"),
        pytest.param(mean, "is not row-level: among other rows", id="over-the-column"),
        pytest.param(previous, "is not row-level: among other rows", id="of-the-row-before"),
        pytest.param(peeking, "reads the label 'is_late'", id="label"),
        pytest.param(more, "reads carrier without declaring it", id="undeclared"),
        pytest.param(fewer_rows, "must keep every row", id="rows-lost"),
    ],
)
def test_each_broken_promise_is_a_fault(function: Callable[..., Any], words: str):
    proof = prove(function)
    assert len(proof.faults) == 1
    assert words in proof.faults[0]


def test_a_declared_column_that_is_not_there_is_a_fault():
    assert "declares wieght, which an example does not hold" in prove(sound, ["wieght", "distance"]).faults[0]


def test_what_cannot_be_tried_on_made_up_rows_is_a_doubt_and_no_fault():
    proof = prove(particular, ["carrier"])
    assert proof.faults == ()
    assert "failed with InvalidOperationError" in proof.doubts[0]


def test_a_function_without_declared_inputs_is_a_doubt():
    spec = parcels_spec({"features.inputs": {}})
    proof = prove_functions(spec, {"features.add_hour": sound}, make_examples(spec))
    assert proof == Proof(
        doubts=("features.add_hour does not declare what it reads: name its columns under features.inputs.",)
    )


def test_a_second_function_may_read_what_the_first_has_added():
    names = {"features.first": ["weight", "distance"], "features.second": ["ratio"]}
    spec = parcels_spec({"features.functions": ["features.add_hour", *names], "features.inputs": names})

    def twice(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(twice=pl.col("ratio") * 2)

    assert prove_functions(spec, dict(zip(names, (sound, twice), strict=True)), make_examples(spec)) == Proof()


def test_one_row_proves_nothing():
    spec = parcels_spec()
    with pytest.raises(ValueError, match="Two rows at least"):
        prove_functions(spec, {}, make_examples(spec)[:1])


def test_every_cell_is_perturbed_and_keeps_its_type():
    frame = make_examples(parcels_spec(LOADS)).with_columns(flag=pl.lit(value=None, dtype=pl.Boolean), whole=pl.lit(3))
    other = perturbed(frame, frame.columns)
    assert other.schema == frame.schema
    for column in frame.columns:
        assert not other[column].eq_missing(frame[column]).any(), column


def test_made_up_rows_hold_what_an_example_holds_and_nulls_in_every_feature():
    spec = parcels_spec(LOADS)
    frame = make_examples(spec, {"carrier": ["north"], "load": [7.0]})
    assert set(frame.columns) == {"span", "parcel_id", "sent_at", "distance", "weight", "carrier", "depot", "load"}
    assert set(frame["carrier"].drop_nulls()) == {"north"}
    assert all(frame[name].null_count() for name in spec.delivered_columns())
    assert frame.equals(make_examples(spec, {"carrier": ["north"], "load": [7.0]}))
