from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import DataError, SpecError
from ratchet.statistics.edges import HistogramEdges, check_edges, choose_edges, dump_edges, load_edges

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def choose(values, **kwargs):
    return choose_edges(pl.DataFrame({"x": values}, **kwargs), ["x"])["x"]


class TestChooseEdges:
    def test_bins_between_the_quantiles_hold_about_the_same_number_of_examples(self):
        values = np.random.default_rng(3).normal(size=20_000)
        edges = choose(values)
        counts, _ = np.histogram(values, bins=[edge for edge in edges if values.min() < edge < values.max()])
        assert len(edges) == 19
        assert counts.min() > 0.9 * counts.max()

    def test_edges_lie_on_both_sides_beyond_what_was_seen(self):
        edges = choose([0.0, 10.0])
        assert edges[:3] == (-10.0, -5.0, -2.5)
        assert edges[-3:] == (12.5, 15.0, 20.0)

    def test_the_tail_of_a_column_that_is_nearly_always_zero_stays_visible(self):
        edges = choose([0.0] * 990 + [0.1 * i for i in range(1, 11)])
        assert sum(0 < edge <= 1.0 for edge in edges) >= 5

    def test_a_constant_column_has_a_bin_for_that_value_alone(self):
        low, high = choose([5.0, 5.0])
        assert low == 5.0 < high
        assert high == np.nextafter(5.0, np.inf)

    def test_null_nan_and_infinity_do_not_move_the_edges(self):
        assert choose([1.0, 2.0, 3.0, None, float("nan"), float("inf"), float("-inf")]) == choose([1.0, 2.0, 3.0])

    def test_whole_numbers_and_booleans_are_numeric(self):
        assert choose([1, 2, 3]) == choose([1.0, 2.0, 3.0])
        assert choose([True, False, None]) == choose([1.0, 0.0])

    @settings(deadline=None)
    @given(st.lists(FINITE, min_size=1))
    def test_edges_of_any_finite_values_are_valid(self, values):
        edges = choose(values)
        check_edges("x", edges)
        assert len(edges) <= 19

    @pytest.mark.parametrize(
        "values", [[None, None], [float("nan"), float("inf")], []], ids=["all-null", "no-finite", "empty"]
    )
    def test_a_column_without_a_finite_value_is_named(self, values):
        with pytest.raises(DataError, match="'x' holds no finite value"):
            choose(values, schema={"x": pl.Float64})

    def test_a_missing_column_is_named(self):
        with pytest.raises(DataError, match=r"no column 'y'.*Seen: x"):
            choose_edges(pl.DataFrame({"x": [1.0]}), ["y"])

    def test_text_has_no_edges(self):
        with pytest.raises(DataError, match=r"'x' must be numeric.*String"):
            choose(["a"])


class TestHistogramsFile:
    def test_what_is_dumped_is_loaded_again(self, tmp_path):
        written = HistogramEdges(
            spans=("2013-01-01", "2013-01-02"), edges={"x": (-1e300, 5e-324, 0.1, 1e20), "on": (1.0, 2.0)}
        )
        path = tmp_path / "histograms.yaml"
        path.write_text(dump_edges(written))
        assert load_edges(path) == written

    @settings(deadline=None)
    @given(st.lists(FINITE, min_size=1, max_size=20, unique=True))
    def test_every_edge_survives_to_the_last_digit(self, tmp_path_factory, values):
        written = HistogramEdges(spans=(), edges={"x": tuple(sorted(value + 0.0 for value in values))})
        path = tmp_path_factory.mktemp("edges") / "histograms.yaml"
        path.write_text(dump_edges(written))
        assert load_edges(path) == written

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            pytest.param("schema_version: 1\nspans: []\n", "must hold the keys", id="key-missing"),
            pytest.param("schema_version: 1\nspans: []\nedges: {}\nmore: 1\n", "no others", id="key-unknown"),
            pytest.param("schema_version: 2\nspans: []\nedges: {}\n", "schema_version.*must be 1", id="version"),
            pytest.param("schema_version: 1\nspans: [1]\nedges: {}\n", "spans.*list of span keys", id="span-number"),
            pytest.param("schema_version: 1\nspans: []\nedges: [1]\n", "edges.*must map columns", id="edges-list"),
            pytest.param("schema_version: 1\nspans: []\nedges: {x: [a]}\n", "x.*list of numbers", id="edge-text"),
            pytest.param("schema_version: 1\nspans: []\nedges: {x: [true]}\n", "x.*list of numbers", id="edge-bool"),
            pytest.param("schema_version: 1\nspans: []\nedges: {x: []}\n", "x.*at least one", id="no-edge"),
            pytest.param("schema_version: 1\nspans: []\nedges: {x: [2, 1]}\n", "x.*ascending", id="descending"),
            pytest.param("schema_version: 1\nspans: []\nedges: {x: [1, 1.0]}\n", "x.*ascending", id="repeated"),
            pytest.param("schema_version: 1\nspans: []\nedges: {x: [.inf]}\n", "x.*finite", id="infinite"),
            pytest.param("schema_version: 1\nspans: []\nedges: {x: [1], x: [2]}\n", "x.*twice", id="column-twice"),
            pytest.param("edges: [", "not YAML", id="not-yaml"),
        ],
    )
    def test_a_wrong_file_is_refused_by_name(self, tmp_path, text, message):
        path = tmp_path / "histograms.yaml"
        path.write_text(text)
        with pytest.raises(SpecError, match=f"histograms.yaml.*{message}"):
            load_edges(path)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(SpecError, match=r"histograms\.yaml"):
            load_edges(tmp_path / "histograms.yaml")
