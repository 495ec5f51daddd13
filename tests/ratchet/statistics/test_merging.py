from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from datasketches import kll_doubles_sketch
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import DataError
from ratchet.statistics import merging
from ratchet.statistics.column import ColumnStatistics
from ratchet.statistics.merging import merge, merge_all
from ratchet.statistics.quantiles import SKETCH_K
from ratchet.statistics.scan import scan_statistics

ROLES = {"x": "numeric", "c": "categorical"}
EDGES = {"x": (-1.0, 0.0, 0.5, 100.0)}
EXACT = ("n", "n_null", "n_nan", "n_infinite", "n_zero", "minimum", "maximum", "edges", "counts", "values", "n_other")
EXACT += ("n_distinct", "lengths")

NUMBERS = st.none() | st.floats(-1e6, 1e6) | st.sampled_from([0.0, float("nan"), float("inf"), float("-inf")])
EXAMPLES = st.lists(st.tuples(NUMBERS, st.none() | st.sampled_from("abcdefgh")), max_size=80)


def scan(examples):
    frame = pl.DataFrame(examples, schema={"x": pl.Float64, "c": pl.String}, orient="row")
    return scan_statistics(frame, ROLES, EDGES)


def assert_same(found, expected):
    for name in EXACT:
        assert getattr(found, name) == getattr(expected, name), name
    assert (found.mean is None) == (expected.mean is None)
    if expected.mean is not None:
        # Relative to the size of the values: a mean of 0 from +1e6 and -1e6 is no less right for a rest of 1e-10.
        size = max(abs(expected.minimum), abs(expected.maximum))
        assert found.mean == pytest.approx(expected.mean, rel=1e-9, abs=1e-9 * size)
        assert found.m2 == pytest.approx(expected.m2, rel=1e-9, abs=1e-9 * size**2)
        assert found.m3 == pytest.approx(expected.m3, rel=1e-9, abs=1e-9 * size**3)
        assert found.m4 == pytest.approx(expected.m4, rel=1e-9, abs=1e-9 * size**4)


class TestMergeEqualsTheWhole:
    @settings(deadline=None)
    @given(EXAMPLES, st.lists(st.integers(0, 80), max_size=5), st.randoms(use_true_random=False))
    def test_any_split_merged_in_any_order(self, examples, cuts, shuffler):
        bounds = [0, *sorted(min(cut, len(examples)) for cut in cuts), len(examples)]
        parts = [scan(examples[low:high]) for low, high in pairwise(bounds)]
        shuffler.shuffle(parts)
        whole = scan(examples)
        for column in ROLES:
            assert_same(merge_all([part[column] for part in parts]), whole[column])

    @settings(deadline=None)
    @given(EXAMPLES, EXAMPLES, EXAMPLES)
    def test_merge_is_commutative_and_associative(self, first, second, third):
        for column in ROLES:
            a, b, c = (scan(examples)[column] for examples in (first, second, third))
            assert_same(merge(a, b), merge(b, a))
            assert_same(merge(merge(a, b), c), merge(a, merge(b, c)))

    def test_nothing_is_the_neutral_element(self):
        some, none = scan([(1.5, "a"), (None, None)]), scan([])
        for column in ROLES:
            assert_same(merge(some[column], none[column]), some[column])
            assert_same(merge(none[column], none[column]), none[column])

    def test_moments_of_large_values_that_differ_little_lose_nothing(self):
        values = 1e9 + np.random.default_rng(7).random(30_000)
        parts = [scan([(value, None) for value in part])["x"] for part in np.array_split(values, 7)]
        assert merge_all(parts).variance == pytest.approx(np.var(values - 1e9), rel=1e-6)

    @pytest.mark.parametrize("seed", range(3))
    def test_skewness_and_kurtosis_of_parts_are_those_that_scipy_finds_in_the_whole(self, seed):
        from scipy import stats

        values = np.random.default_rng(seed).gamma(1.5, size=9_000)
        parts = [scan([(value, None) for value in part])["x"] for part in np.array_split(np.sort(values), 5)]
        merged = merge_all(parts)
        assert merged.skewness == pytest.approx(stats.skew(values), rel=1e-9)
        assert merged.kurtosis == pytest.approx(stats.kurtosis(values), rel=1e-9)

    def test_distinct_values_of_parts_are_estimated_as_those_of_the_whole(self):
        frame = pl.DataFrame({"x": np.arange(30_000) % 20_000 / 7, "c": [f"v{i % 20_000}" for i in range(30_000)]})
        whole = scan_statistics(frame, ROLES, EDGES)
        parts = [scan_statistics(part, ROLES, EDGES) for part in frame.iter_slices(1_700)]
        for column in ROLES:
            merged = merge_all([part[column] for part in parts[::-1]])
            assert merged.distinct_sketch == whole[column].distinct_sketch
            # Four standard errors of 2.3 %.
            assert merged.n_distinct == pytest.approx(20_000, rel=0.092)

    def test_values_near_the_largest_float_do_not_stop_a_merge(self):
        huge = scan([(1.7e308, None), (-1.7e308, None)])["x"]
        assert merge(huge, huge).maximum == 1.7e308

    @pytest.mark.parametrize("seed", range(5))
    def test_quantiles_after_a_merge_keep_within_the_error_of_the_sketch(self, seed):
        values = np.random.default_rng(seed).gamma(2.0, size=28_000)
        parts = [scan([(value, None) for value in part])["x"] for part in np.array_split(values, 28)]
        random.Random(seed).shuffle(parts)
        ranks = np.linspace(0.05, 0.95, 19)
        reached = np.searchsorted(np.sort(values), merge_all(parts).quantiles(list(ranks)), side="right") / len(values)
        stated = kll_doubles_sketch.get_normalized_rank_error(SKETCH_K, False)
        # The stated error holds for 99 % of sketches, which toss their own coins; twice it is not met by chance.
        assert np.abs(reached - ranks).max() < 2 * stated


class TestManyValues:
    @pytest.fixture(autouse=True)
    def _few_are_kept(self, monkeypatch):
        monkeypatch.setattr(merging, "MAX_VALUES", 4)

    @settings(deadline=None)
    @given(st.lists(st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(1, 50), max_size=12), min_size=1))
    def test_no_count_is_further_off_than_stated(self, parts):
        merged = merge_all([self._counted(part) for part in parts])
        for part in [*parts, *({} for _ in range(2))]:
            merged = merge(merged, self._counted(part))
        for value in "abcdefghijkl":
            true = 2 * sum(part.get(value, 0) for part in parts)
            told = merged.values.get(value, 0)
            assert told <= true <= told + merged.count_error
        assert merged.n == 2 * sum(sum(part.values()) for part in parts)
        assert len(merged.values) <= 4

    def test_distinct_values_are_still_estimated(self):
        parts = [self._counted({f"{i}-{j}": 1 for j in range(300)}) for i in range(4)]
        assert merge_all([*parts, parts[0]]).n_distinct == pytest.approx(1200, rel=0.1)

    def test_of_equally_frequent_values_the_first_by_name_are_kept(self):
        assert list(self._counted(dict.fromkeys("fbdace", 2)).values) == ["a", "b", "c", "d"]

    @staticmethod
    def _counted(values):
        kept = merging.keep_frequent(values)
        sketch = merging.sketch_distinct(values).tobytes() if kept["n_other"] else None
        return ColumnStatistics(column="c", role="categorical", n=sum(values.values()), distinct_sketch=sketch, **kept)


class TestRefusals:
    def test_different_edges_are_refused(self):
        a = scan([(1.0, "a")])["x"]
        with pytest.raises(DataError, match="different histogram edges"):
            merge(a, replace(a, edges=(-1.0, 0.0, 0.5, 101.0)))

    def test_different_columns_are_refused(self):
        found = scan([(1.0, "a")])
        with pytest.raises(DataError, match=r"'x' \(numeric\) and 'c' \(categorical\)"):
            merge(found["x"], found["c"])

    def test_nothing_to_merge_is_refused(self):
        with pytest.raises(ValueError, match="at least one part"):
            merge_all([])

    def test_counts_that_do_not_add_up_are_refused(self):
        with pytest.raises(ValueError, match="must add up to its 2 examples"):
            ColumnStatistics(column="c", role="categorical", n=2, values={"a": 1})
