from __future__ import annotations

import time

import polars as pl

from ratchet.explanation.cost import feature_costs


def add_slow(frame: pl.DataFrame) -> pl.DataFrame:
    until = time.process_time() + 0.02
    while time.process_time() < until:
        pass
    return frame.with_columns(slow=pl.col("x") + 1, too=pl.col("x") + 2)


def add_quick(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(quick=pl.col("slow") + 1)


def test_what_is_missing_what_it_weighs_and_what_its_function_takes():
    frame = pl.DataFrame(
        {"id": [str(i) for i in range(1000)], "x": [None, float("nan"), float("inf"), 1.0] * 250, "name": ["ab"] * 1000}
    )
    made = add_quick(add_slow(frame))
    roles = {"x": "numeric", "name": "categorical", "slow": "numeric", "too": "numeric", "quick": "numeric"}
    found = feature_costs(made, roles, ["slow", "too", "quick"], [add_slow, add_quick], entity="id", hidden=())
    costs = {of.feature: of for of in found}
    assert list(costs) == list(roles)
    assert (costs["x"].null_share, costs["name"].null_share) == (0.75, 0.0)
    assert costs["x"].bytes_per_example >= 8
    assert (costs["x"].cpu_microseconds, costs["name"].cpu_microseconds) == (None, None)
    # 20 ms of a function that adds two columns, over a thousand examples.
    assert costs["slow"].cpu_microseconds == costs["too"].cpu_microseconds >= 10
    assert costs["quick"].cpu_microseconds < costs["slow"].cpu_microseconds


def test_without_examples_nothing_is_told():
    assert feature_costs(pl.DataFrame({"x": []}), {"x": "numeric"}, [], [], entity="x", hidden=()) == ()
