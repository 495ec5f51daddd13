from __future__ import annotations

import datetime as dt
import time

import numpy as np
import polars as pl
import pytest
from datasketches import kll_doubles_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import DataError
from ratchet.statistics import merging
from ratchet.statistics.distinct import hash_texts
from ratchet.statistics.scan import StatisticsScan, scan_statistics

EDGES = {"x": (0.0, 1.0, 2.0)}
NAN, INF = float("nan"), float("inf")


def scan_x(values, role="numeric", **kwargs):
    return scan_statistics(pl.DataFrame({"x": values}, **kwargs), {"x": role}, EDGES)["x"]


class TestNumeric:
    def test_null_nan_and_infinity_are_counted_apart_and_enter_nothing_else(self):
        found = scan_x([None, None, NAN, INF, -INF, 0.0, -0.0, 1.5, 4.0])
        assert (found.n, found.n_null, found.n_nan, found.n_infinite, found.n_present) == (9, 2, 1, 2, 4)
        assert (found.n_zero, found.minimum, found.maximum) == (2, 0.0, 4.0)
        assert found.mean == pytest.approx(1.375)
        assert found.variance == pytest.approx(np.var([0, 0, 1.5, 4]))
        assert found.counts == (0, 2, 1, 1)
        assert found.quantiles([0, 1]) == [0.0, 4.0]

    def test_a_value_on_an_edge_belongs_to_the_bin_above(self):
        assert scan_x([0.0, np.nextafter(0.0, -1), 1.0, 2.0]).counts == (1, 1, 1, 1)

    def test_no_example_gives_no_figures_and_counts_of_zero(self):
        found = scan_x([], schema={"x": pl.Float64})
        assert (found.n, found.counts, found.mean, found.variance, found.sketch) == (0, (0, 0, 0, 0), None, None, None)
        assert found.quantiles([0.5]) is None

    @pytest.mark.parametrize(
        "values", [pl.Series([None, None], dtype=pl.Null), pl.Series([None, None], dtype=pl.Int32)], ids=["null", "int"]
    )
    def test_a_column_of_nulls_has_no_figures(self, values):
        found = scan_x(values)
        assert (found.n, found.n_null, found.minimum, found.sketch) == (2, 2, None, None)

    def test_a_constant_column_has_no_variance(self):
        found = scan_x([0.1] * 1000)
        assert (found.minimum, found.maximum) == (0.1, 0.1)
        assert found.m2 == pytest.approx(0, abs=1e-20)

    @pytest.mark.parametrize("dtype", [pl.Int8, pl.UInt64, pl.Float32, pl.Decimal(10, 2), pl.Boolean], ids=str)
    def test_every_kind_of_number_is_read(self, dtype):
        found = scan_x(pl.Series([1, 0, 1]).cast(dtype))
        assert (found.counts, found.n_zero, found.mean) == ((0, 1, 2, 0), 1, pytest.approx(2 / 3))

    @settings(deadline=None)
    @given(st.lists(st.none() | st.floats(width=64), max_size=60))
    def test_figures_are_those_of_numpy(self, values):
        found = scan_x(values, schema={"x": pl.Float64})
        finite = np.array([value for value in values if value is not None and np.isfinite(value)])
        assert found.n_present == len(finite)
        assert found.counts == tuple(np.histogram(finite, bins=[-INF, 0, 1, 2, INF])[0])
        if len(finite):
            assert (found.minimum, found.maximum) == (finite.min(), finite.max())

    def test_quantiles_keep_within_the_error_of_the_sketch(self):
        values = np.random.default_rng(5).lognormal(size=50_000)
        ranks = np.linspace(0.01, 0.99, 25)
        found = scan_x(values).quantiles(list(ranks))
        reached = np.searchsorted(np.sort(values), found, side="right") / len(values)
        # Stated for 99 % of sketches; twice that is not met by chance.
        assert np.abs(reached - ranks).max() < 2 * 0.0105


class TestCategorical:
    def test_values_are_counted_exactly_most_frequent_first(self):
        found = scan_x(["b", "a", "a", None, ""], "categorical")
        assert list(found.values.items()) == [("a", 2), ("", 1), ("b", 1)]
        assert (found.n, found.n_null, found.n_other, found.n_distinct) == (5, 1, 0, 3)

    @pytest.mark.parametrize(
        ("values", "texts"),
        [
            pytest.param(pl.Series([True, False]), {"true", "false"}, id="boolean"),
            pytest.param(pl.Series([1, 2]), {"1", "2"}, id="whole"),
            pytest.param(pl.Series(["a", "b"], dtype=pl.Enum(["a", "b", "c"])), {"a", "b"}, id="enum"),
            pytest.param(pl.Series(["a", "b"], dtype=pl.Categorical), {"a", "b"}, id="categorical"),
            pytest.param(pl.Series([dt.date(2013, 1, 1)]), {"2013-01-01"}, id="date"),
        ],
    )
    def test_other_types_are_counted_by_their_text(self, values, texts):
        assert set(scan_x(values, "categorical").values) == texts

    def test_no_example_and_only_nulls(self):
        assert scan_x([], "categorical", schema={"x": pl.String}).n_distinct == 0
        assert scan_x([None], "categorical").n_null == 1

    @pytest.mark.parametrize(("n_values", "n_other"), [(5, 0), (6, 1)], ids=["at-the-most", "one-more"])
    def test_the_rarest_values_beyond_the_most_kept_are_counted_together(self, monkeypatch, n_values, n_other):
        monkeypatch.setattr(merging, "MAX_VALUES", 5)
        texts = [f"v{i}" for i in range(n_values) for _ in range(n_values - i)]
        found = scan_x(texts, "categorical")
        assert (len(found.values), found.n_other, found.count_error) == (5, n_other, n_other)
        assert found.n_distinct == n_values


class TestHostileValues:
    @pytest.mark.parametrize(
        "values",
        [
            pytest.param([1e308, -1e308, 1e308], id="sum-of-squares-overflows"),
            pytest.param([1.7e308, 1.7e308], id="sum-overflows"),
            pytest.param([5e-324, 0.0], id="denormal"),
            pytest.param([0.0, -0.0], id="two-zeros"),
            pytest.param([7.0], id="one-row"),
            pytest.param([NAN, INF, None], id="no-finite-value"),
            pytest.param([], id="no-row"),
        ],
    )
    def test_nothing_raises_and_what_cannot_be_told_is_none(self, values):
        found = scan_x(values, schema={"x": pl.Float64})
        merged = merging.merge(found, found)
        assert merged.n_present == 2 * found.n_present
        for of in (found, merged):
            assert all(figure is None or np.isfinite(figure) for figure in (of.skewness, of.kurtosis, of.deviation))
            assert of.n_distinct == len({value for value in values if value is not None and np.isfinite(value)})

    def test_the_mean_of_values_whose_sum_overflows_is_finite(self):
        assert scan_x([1.7e308, 1.7e308]).mean == 1.7e308

    def test_an_infinite_value_among_a_million_is_found(self):
        values = np.zeros(200_000)
        values[150_000] = INF
        assert (scan_x(values).n_infinite, scan_x(values).n_zero) == (1, 199_999)

    def test_long_texts_are_counted_apart_and_kept_short(self):
        long = "x" * 100_000
        found = scan_x([long + "a", long + "a", long + "b", "short"], "categorical")
        assert sorted(found.values.values()) == [1, 1, 2]
        assert max(map(len, found.values)) < 100
        assert (found.lengths.shortest, found.lengths.longest, found.n_distinct) == (5, 100_001, 3)

    def test_a_huge_number_of_texts_is_held_in_bounds(self):
        frame = pl.DataFrame({"x": [f"id-{i}" for i in range(120_000)] + ["often"] * 5_000})
        found = scan_statistics(frame.iter_slices(10_000), {"x": "categorical"}, {})["x"]
        assert len(found.values) == merging.MAX_VALUES
        assert next(iter(found.values.items())) == ("often", 5_000)
        assert sum(found.values.values()) + found.n_other == 125_000
        assert found.n_distinct == pytest.approx(120_001, rel=0.092)

    def test_texts_that_differ_in_length_or_place_alone_are_different(self):
        texts = ["", "\0", "\0\0", "a", "a\0", "\0a", "ü", "u"]
        assert len(set(hash_texts(texts).tolist())) == len(texts)


class TestKinds:
    def test_instants_are_seconds_without_a_histogram(self):
        at = [dt.datetime(2013, 1, 1, tzinfo=dt.UTC), dt.datetime(2013, 1, 2, tzinfo=dt.UTC), None]
        found = scan_x(pl.Series(at, dtype=pl.Datetime("us", "UTC")), "time")
        assert (found.n, found.n_null, found.edges, found.counts) == (3, 1, (), (2,))
        assert (found.minimum, found.maximum) == (at[0].timestamp(), at[1].timestamp())

    def test_of_an_entity_no_value_is_kept(self):
        found = scan_x(["id-1", "id-2", "id-2", None], "entity")
        assert (dict(found.values), found.n_other, found.n_distinct, found.lengths.longest) == ({}, 3, 2, 4)
        assert merging.merge(found, found).n_distinct == 2

    @pytest.mark.parametrize(("n_values", "n_named"), [(50, 50), (51, 0)], ids=["few", "too-many"])
    def test_a_column_of_few_numbers_is_counted_by_value(self, n_values, n_named):
        found = scan_x([float(i) for i in range(n_values)] * 3 + [0.0])
        assert len(found.values) == n_named
        assert found.n_distinct == pytest.approx(n_values, rel=0.1)
        assert found.values.get("0", 0) <= 4 <= found.values.get("0", 0) + found.count_error


class TestBatches:
    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.none() | st.floats(width=64), max_size=60), st.integers(1, 60))
    def test_batches_give_what_the_whole_gives(self, values, size):
        frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64})
        whole, parts = scan_x(frame["x"]), scan_statistics(frame.iter_slices(size), {"x": "numeric"}, EDGES)["x"]
        for name in ("n", "n_null", "n_nan", "n_infinite", "n_zero", "counts", "minimum", "maximum", "n_distinct"):
            assert getattr(parts, name) == getattr(whole, name)

    def test_arrow_batches_and_lazy_frames_are_read(self, tmp_path):
        frame = pl.DataFrame({"x": np.arange(1000.0), "c": ["a", "b"] * 500})
        frame.write_parquet(tmp_path / "x.parquet", row_group_size=300)
        roles = {"x": "numeric", "c": "categorical"}
        arrow = scan_statistics(iter(frame.to_arrow().to_batches(max_chunksize=99)), roles, EDGES)
        lazy = scan_statistics(pl.scan_parquet(tmp_path / "x.parquet"), roles, EDGES)
        for found in (arrow, lazy):
            assert (found["x"].n, found["x"].maximum, dict(found["c"].values)) == (1000, 999.0, {"a": 500, "b": 500})

    def test_a_scan_of_no_batch_has_no_example(self):
        assert scan_statistics([], {"x": "numeric"}, EDGES)["x"].n == 0

    def test_memory_does_not_grow_with_the_rows(self):
        def batches(n):
            for seed in range(n):
                rng = np.random.default_rng(seed)
                yield pl.DataFrame({"x": rng.normal(size=50_000), "c": [f"{seed}-{i}" for i in range(50_000)]})

        def held_bytes(n):
            scan = StatisticsScan({"x": "numeric", "c": "categorical"}, EDGES)
            for batch in batches(n):
                scan.add(batch)
            return scan._scans["c"]._held.estimated_size()

        assert held_bytes(12) < 1.5 * held_bytes(4)

    @pytest.mark.parametrize("seed", range(3))
    def test_quantiles_of_a_long_stream_keep_within_the_error_of_the_sketch(self, seed):
        values = np.random.default_rng(seed).gamma(2.0, size=700_000)
        found = scan_x(values)
        ranks = np.linspace(0.01, 0.99, 25)
        reached = np.searchsorted(np.sort(values), found.quantiles(list(ranks)), side="right") / len(values)
        assert np.abs(reached - ranks).max() < 2 * 0.0105
        assert (found.minimum, found.maximum) == (values.min(), values.max())
        assert kll_doubles_sketch.deserialize(found.sketch).n == len(values)


class TestScan:
    def test_a_lazy_frame_gives_the_same(self):
        frame = pl.DataFrame({"x": [1.0, None, 5.0], "c": ["a", "b", None], "unused": [[1], [2], [3]]})
        roles = {"x": "numeric", "c": "categorical"}
        assert scan_statistics(frame.lazy(), roles, EDGES) == scan_statistics(frame, roles, EDGES)

    def test_a_missing_column_is_named(self):
        with pytest.raises(DataError, match=r"'y' is not there\. Seen: x"):
            scan_statistics(pl.DataFrame({"x": [1.0]}), {"y": "numeric"}, {"y": (0.0,)})

    def test_a_numeric_column_without_edges_is_named(self):
        with pytest.raises(DataError, match="'x' is numeric and has no histogram edges"):
            scan_statistics(pl.DataFrame({"x": [1.0]}), {"x": "numeric"}, {})

    @pytest.mark.parametrize(
        ("values", "role"),
        [
            pytest.param(["1"], "numeric", id="text-as-number"),
            pytest.param([dt.date(2013, 1, 1)], "numeric", id="date-as-number"),
            pytest.param([[1]], "categorical", id="list-as-category"),
            pytest.param([b"a"], "categorical", id="bytes-as-category"),
        ],
    )
    def test_a_type_that_the_role_cannot_hold_is_refused(self, values, role):
        with pytest.raises(DataError, match="'x' must"):
            scan_x(values, role)

    def test_a_day_of_flights_takes_less_than_50_ms_of_processor_time(self):
        rng = np.random.default_rng(1)
        numbers = {f"n{i}": rng.normal(size=1000) for i in range(10)}
        frame = pl.DataFrame(numbers | {f"c{i}": rng.choice(["a", "b", "c"], 1000) for i in range(5)})
        roles = {name: "numeric" if name in numbers else "categorical" for name in frame.columns}
        edges = dict.fromkeys(numbers, tuple(np.linspace(-2, 2, 15)))
        taken = []
        for _ in range(5):
            start = time.process_time()
            scan_statistics(frame, roles, edges)
            taken.append(time.process_time() - start)
        assert min(taken) < 0.05
