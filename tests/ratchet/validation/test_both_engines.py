"""The scan and Great Expectations' pandas engine are asked the same, and must say the same."""

from __future__ import annotations

import datetime as dt
import math

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from ratchet.validation.batches import batches_of
from ratchet.validation.engine import ask
from ratchet.validation.expectations import Expectation, Expectations
from ratchet.validation.frame import validate_frame
from ratchet.validation.pandas_engine import ask_pandas
from tests.ratchet.validation.samples import SAMPLES

# An example takes half a second, and shrinking one takes hundreds.
SLOW = settings(
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.1, 1e308, -1e308, 5e-324, math.nan, math.inf, -math.inf]),
    st.floats(-10, 10).map(lambda number: round(number, 3)),
    st.floats(),
)
WHOLE = st.one_of(st.integers(-5, 5), st.sampled_from([2**53, 2**53 + 1, -(2**63), 2**63 - 1]))
TEXT = st.one_of(
    st.sampled_from(["x", "y", "xy", "z\n", "2013", "1", "", " ", "é", "NaN", "{}", "٣"]),
    st.text(st.characters(codec="utf-8"), max_size=4),
)
TIMES = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))
COLUMNS = {
    "float": (pl.Float64(), FLOATS),
    "float32": (pl.Float32(), st.floats(width=32)),
    "whole": (pl.Int64(), WHOLE),
    "small": (pl.Int8(), st.integers(-128, 127)),
    "unsigned": (pl.UInt64(), st.one_of(st.integers(0, 5), st.sampled_from([2**63, 2**64 - 1]))),
    "flag": (pl.Boolean(), st.booleans()),
    "text": (pl.String(), TEXT),
    "category": (pl.Categorical(), st.sampled_from(["x", "y", "z"])),
    "time": (pl.Datetime("us", "UTC"), TIMES),
    "date": (pl.Date(), TIMES.map(lambda time: time.date())),
    "list": (pl.List(pl.Int64), st.lists(st.integers(0, 1), max_size=2)),
}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    n = draw(st.integers(0, 12))
    columns = {}
    for name in ("a", "b"):
        dtype, values = COLUMNS[draw(st.sampled_from(sorted(COLUMNS)))]
        nulls = draw(st.sampled_from(["none", "some", "all"]))
        drawn = {"none": values, "some": st.none() | values, "all": st.none()}[nulls]
        columns[name] = pl.Series(name, draw(st.lists(drawn, min_size=n, max_size=n)), dtype=dtype)
    return pl.DataFrame(columns | {"key": [f"k{i // 2}" for i in range(n)]})


BOUNDS = st.sampled_from([-(2**53) - 1, -1, -0.5, 0, 0.0, 0.1, 0.5, 1, 2, 2.5, 3, 2**53 + 1, 1e308])
SETS = st.sampled_from([["x"], ["x", "é", ""], [0, 1], [0.0, 1, 0.1], [True], ["x", 1], [300, -1]])


@st.composite
def questions(draw: st.DrawFn) -> list[Expectation]:
    """Ten of the types, with other bounds and sets than their samples have."""
    items = []
    for name in draw(st.lists(st.sampled_from(sorted(SAMPLES)), min_size=10, max_size=10, unique=True)):
        arguments = dict(SAMPLES[name])
        if "min_value" in arguments and "max_value" in arguments:
            arguments["min_value"], arguments["max_value"] = sorted((draw(BOUNDS), draw(BOUNDS)))
        if "value_set" in arguments:
            arguments["value_set"] = draw(SETS)
        items.append(Expectation(expect=name, arguments=arguments))
    return items


@given(frame=frames(), items=questions())
@settings(SLOW, max_examples=15)
@example(
    frame=pl.DataFrame({"a": [0.1] * 3, "b": [0.3] * 3, "key": ["k"] * 3}),
    items=[Expectation(expect="expect_column_mean_to_be_between", arguments={"column": "a", "max_value": 0.1})],
)
@example(
    frame=pl.DataFrame(
        {"a": [], "b": [], "key": []}, schema={"a": pl.Datetime("us", "UTC"), "b": pl.Int64, "key": pl.String}
    ),
    items=[Expectation(expect="expect_column_values_to_not_be_in_set", arguments={"column": "a", "value_set": ["x"]})],
)
@example(
    frame=pl.DataFrame({"a": [0.0, -0.0], "b": [1, 2], "key": ["k", "l"]}),
    items=[Expectation(expect="expect_column_values_to_be_unique", arguments={"column": "a"})],
)
@example(
    frame=pl.DataFrame({"a": [2**53, 2**53 + 1], "b": [1, 2], "key": ["k", "l"]}),
    items=[
        Expectation(expect="expect_column_values_to_be_between", arguments={"column": "a", "max_value": 2**53}),
        Expectation(expect="expect_column_unique_value_count_to_be_between", arguments={"column": "a", "min_value": 2}),
    ],
)
def test_both_give_the_same_answers(frame, items):
    natives = [item.build() for item in items]
    fast, slow = (way(frame, natives, entity="key") for way in (ask, ask_pandas))
    for item, one, other in zip(items, fast, slow, strict=True):
        assert one == other, item


def make_frame(n: int = 30_000) -> pl.DataFrame:
    """Return many values: the sketch has to estimate, and some keys of the text repeat."""
    numbers = pl.int_range(n, eager=True)
    return pl.DataFrame(
        {
            "a": numbers.shuffle(seed=1).cast(pl.Float64) / n,
            "b": "t" + (numbers % (n - 10)).cast(pl.String),
            "key": numbers.cast(pl.String),
        }
    )


def quantile(low: float, high: float) -> Expectation:
    ranges = {"quantiles": [0.5], "value_ranges": [[low, high]]}
    return Expectation(
        expect="expect_column_quantile_values_to_be_between", arguments={"column": "a", "quantile_ranges": ranges}
    )


MEDIAN_ABOVE = [
    # The median is 14999.5 / 30000; the sketch states 0.54 % of the ranks, twice its error.
    pytest.param(0.4, True, False, id="met-further-away-than-the-error"),
    pytest.param(0.4999, True, True, id="met-nearer-than-the-error"),
    pytest.param(0.5001, False, True, id="not-met-nearer-than-the-error"),
    pytest.param(0.6, False, True, id="not-met"),
]


@pytest.mark.parametrize(("bound", "is_met", "is_asked_of_pandas"), MEDIAN_ABOVE)
def test_a_sketch_decides_only_what_its_error_allows(monkeypatch, bound, is_met, is_asked_of_pandas):
    left: list[int] = []

    def count(frame, natives, *, entity):
        left.append(len(natives))
        return ask_pandas(frame, natives, entity=entity)

    monkeypatch.setattr("ratchet.validation.engine.ask_pandas", count)
    arguments = {"column": "a", "min_value": bound}
    items = [Expectation(expect="expect_column_median_to_be_between", arguments=arguments), quantile(bound, 1)]
    answers = ask(make_frame(), [item.build() for item in items], entity="key")
    assert [answer.is_met for answer in answers] == [is_met, is_met]
    assert bool(left) is is_asked_of_pandas


def test_texts_that_repeat_are_counted_exactly_and_named_by_the_scan(monkeypatch):
    monkeypatch.setattr("ratchet.validation.engine.ask_pandas", None)
    unique = Expectation(expect="expect_column_values_to_be_unique", arguments={"column": "b"})
    distinct = Expectation(
        expect="expect_column_unique_value_count_to_be_between", arguments={"column": "b", "max_value": 29_989}
    )
    found, count = ask(make_frame(), [unique.build(), distinct.build()], entity="key")
    assert (found.is_met, found.n_unexpected, found.n_judged) == (False, 20, 30_000)
    assert found.example_keys == ("0", "1", "2", "3", "4")
    assert (count.is_met, count.figure) == (False, 29_990)


@pytest.mark.parametrize(
    ("shared", "is_met"), [pytest.param(0, True, id="no-key-shared"), pytest.param(1, False, id="one-key-shared")]
)
def test_two_texts_that_share_a_key_are_told_apart(monkeypatch, shared, is_met):
    # A collision cannot be planted in the hash itself, so every text gets one of few keys.
    from ratchet.validation import tallies

    monkeypatch.setattr(tallies, "_key", lambda column: pl.col(column.name).str.len_chars().cast(pl.UInt64))
    frame = pl.DataFrame({"b": ["x", "yy", "zz", "x" if shared else "www"], "key": ["1", "2", "3", "4"]})
    unique = Expectation(expect="expect_column_values_to_be_unique", arguments={"column": "b"})
    assert ask(frame, [unique.build()], entity="key")[0].is_met is is_met


@pytest.mark.parametrize("source", ["frame", "parquet", "query"])
def test_batches_give_the_same_answers_as_the_whole(monkeypatch, tmp_path, source):
    frame = make_frame(300).with_columns(pl.when(pl.int_range(pl.len()) % 7 > 0).then("b").alias("b"))
    frame.write_parquet(tmp_path / "frame.parquet", row_group_size=300)
    scan = pl.scan_parquet(tmp_path / "frame.parquet")
    given = {"frame": frame, "parquet": scan, "query": scan.filter(pl.col("a") >= 0)}[source]
    natives = [Expectation(expect=name, arguments=sample).build() for name, sample in SAMPLES.items()]
    whole = ask(frame, natives, entity="key")
    monkeypatch.setattr("ratchet.validation.engine.batches_of", lambda one: batches_of(one, n_rows=70))
    assert ask(given, natives, entity="key") == whole


def test_batches_hold_every_example_once_and_in_order(tmp_path):
    frame = make_frame(1_000)
    frame.write_parquet(tmp_path / "frame.parquet", row_group_size=300)
    for source in (frame, pl.scan_parquet(tmp_path / "frame.parquet"), frame.lazy().filter(pl.col("a") >= 0)):
        batches = list(batches_of(source, ["a", "key"], n_rows=130))
        assert pl.concat(batches).equals(frame.select("a", "key"))
        assert all(0 < batch.height <= 130 for batch in batches)
        assert len(batches) > 1


def test_a_scan_of_no_example_has_no_batch():
    assert list(batches_of(make_frame(10).clear().lazy())) == []


@pytest.mark.parametrize("engine", ["scan", "pandas"])
@pytest.mark.parametrize("name", ["expect_column_values_to_be_between", "expect_column_mean_to_be_between"])
def test_where_great_expectations_passes_on_nothing_both_ways_fail(engine, name):
    frame = pl.DataFrame({"a": pl.Series([None, math.nan], dtype=pl.Float64), "key": ["k", "l"]})
    item = Expectation(expect=name, arguments={"column": "a", "min_value": 0})
    if name == "expect_column_values_to_be_between":
        assert ask_pandas(frame, [item.build()], entity="key")[0].is_met  # vacuously
    result = validate_frame(frame, Expectations(items=(item,)), environment="training", entity="key", engine=engine)
    assert (result.verdict, result.anomalies[0].seen) == ("fail", "no value in any of 2 examples")


@given(frame=frames(), items=questions())
@settings(SLOW, max_examples=6)
def test_the_verdict_on_a_frame_is_the_same_both_ways(frame, items):
    expectations = Expectations(items=tuple(items))
    scan, pandas = (
        validate_frame(frame, expectations, environment="serving", entity="key", engine=engine)
        for engine in ("scan", "pandas")
    )
    assert scan == pandas


def test_what_the_pandas_engine_says_no_word_of_stays_out_of_logs(caplog):
    frame = pl.DataFrame({"a": ["{}", "canary-7f3a"], "key": ["k", "l"]})
    sample = {"column": "a", "json_schema": {"type": "number"}}
    (native,) = [Expectation(expect="expect_column_values_to_match_json_schema", arguments=sample).build()]
    ask(frame, [native], entity="key")
    assert "canary" not in caplog.text
