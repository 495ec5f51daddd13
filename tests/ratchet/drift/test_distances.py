from __future__ import annotations

import math

import numpy as np
import pytest
from datasketches import kll_doubles_sketch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import ks_2samp

from ratchet.drift.distances import PSI_FLOOR, divergence_parts, jensen_shannon, ks, linf, measure_distances, psi

PAIRS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 10_000), min_size=n, max_size=n).filter(any) for _ in range(2)))
)


def sketch(values):
    made = kll_doubles_sketch(256)
    made.update(np.array(values, dtype=float))
    return bytes(made.serialize())


class TestJensenShannon:
    @settings(deadline=None)
    @given(PAIRS)
    def test_agrees_with_scipy(self, pair):
        # scipy loses half the digits near 0, where the root magnifies float noise; NaN stands for a tiny negative.
        expected = np.nan_to_num(jensenshannon(*pair, base=2))
        assert jensen_shannon(*pair) == pytest.approx(expected, abs=1e-7)

    @given(PAIRS)
    def test_is_symmetric_and_a_share(self, pair):
        assert 0 <= jensen_shannon(*pair) == jensen_shannon(*reversed(pair)) <= 1

    @given(st.lists(st.integers(0, 1000), min_size=1).filter(any), st.integers(1, 1000))
    def test_equal_shares_of_unequal_samples_are_exactly_0_apart(self, counts, times):
        assert jensen_shannon(counts, [times * count for count in counts]) == 0.0

    def test_no_common_cell_is_exactly_1_apart(self):
        assert jensen_shannon([3, 6, 0, 0], [0, 0, 7, 1]) == 1.0

    def test_the_parts_add_up_to_the_square_of_the_distance(self):
        pair = [5, 0, 3, 2], [1, 4, 3, 9]
        assert math.sqrt(divergence_parts(*pair).sum()) == pytest.approx(jensen_shannon(*pair), abs=1e-12)

    @given(PAIRS)
    def test_joining_cells_never_adds_distance(self, pair):
        joined = [[sum(side[:2]), *side[2:]] for side in pair]
        assert jensen_shannon(*joined) <= jensen_shannon(*pair) + 1e-7


class TestOtherDistances:
    def test_linf_is_rid_of_float_noise(self):
        assert 0.8 - 0.7 != 0.1
        assert linf([8, 2], [7, 3]) == 0.1

    @given(PAIRS)
    def test_all_at_once_are_what_each_is_alone(self, pair):
        found = measure_distances(*pair)
        assert (found.jensen_shannon, found.linf, found.psi) == (jensen_shannon(*pair), linf(*pair), psi(*pair))
        assert found.parts.tolist() == divergence_parts(*pair).tolist()

    def test_psi_by_hand(self):
        assert psi([50, 50], [60, 40]) == pytest.approx(0.1 * math.log(1.2) - 0.1 * math.log(0.8))

    def test_psi_of_an_empty_bin_is_finite(self):
        expected = (0.5 - PSI_FLOOR) * math.log(0.5 / PSI_FLOOR) + (0.5 - 1) * math.log(0.5)
        assert psi([1, 0], [1, 1]) == pytest.approx(expected)

    @pytest.mark.parametrize("distance", [jensen_shannon, linf, psi])
    @pytest.mark.parametrize("side", [[0, 0], [3, -1]], ids=["no-example", "negative"])
    def test_a_side_without_examples_is_refused(self, distance, side):
        with pytest.raises(ValueError, match="at least one example"):
            distance([1, 2], side)

    def test_sides_of_different_cells_are_refused(self):
        with pytest.raises(ValueError, match=r"same cells\. Got 2 and 3"):
            jensen_shannon([1, 2], [1, 2, 3])


class TestKs:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("shift", [0.0, 0.2, 5.0])
    def test_agrees_with_scipy_within_the_error_of_the_sketches(self, seed, shift):
        rng = np.random.default_rng(seed)
        a, b = rng.normal(size=20_000), rng.normal(shift, 1.3, size=9_000)
        stated = kll_doubles_sketch.get_normalized_rank_error(256, False)
        # Each side within its stated error (99 %; twice it is not met by chance), and 1/64 between quantiles.
        assert ks(sketch(a), sketch(b)) == pytest.approx(ks_2samp(a, b).statistic, abs=4 * stated + 1 / 64)

    def test_small_samples_are_kept_whole_and_so_exact(self):
        a, b = [1.0, 2.0, 2.0, 5.0, 9.0], [2.0, 3.0, 3.0, 8.0]
        assert ks(sketch(a), sketch(b)) == pytest.approx(ks_2samp(a, b).statistic)

    def test_equal_and_disjoint_samples(self):
        assert ks(sketch([1, 1, 2]), sketch([1, 1, 2])) == 0.0
        assert ks(sketch([1.0]), sketch([2.0])) == 1.0
