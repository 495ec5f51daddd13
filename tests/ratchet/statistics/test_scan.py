from __future__ import annotations

import datetime as dt
import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import DataError
from ratchet.statistics import merging
from ratchet.statistics.scan import scan_statistics

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
