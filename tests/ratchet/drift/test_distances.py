from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency

from ratchet.drift.distances import (
    PSI_FLOOR,
    chi_squared,
    cohen_w,
    divergence_parts,
    jensen_shannon,
    linf,
    measure_distances,
    psi,
)

PAIRS = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*(st.lists(st.integers(0, 10_000), min_size=n, max_size=n).filter(any) for _ in range(2)))
)


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
        assert (found.jensen_shannon, found.l_infinity, found.psi, found.cohen_w) == (
            *(jensen_shannon(*pair), linf(*pair), psi(*pair)),
            cohen_w(*pair),
        )
        assert found.parts.tolist() == divergence_parts(*pair).tolist()

    def test_psi_by_hand(self):
        assert psi([50, 50], [60, 40]) == pytest.approx(0.1 * math.log(1.2) - 0.1 * math.log(0.8))

    def test_psi_of_an_empty_bin_is_finite(self):
        expected = (0.5 - PSI_FLOOR) * math.log(0.5 / PSI_FLOOR) + (0.5 - 1) * math.log(0.5)
        assert psi([1, 0], [1, 1]) == pytest.approx(expected)

    @pytest.mark.parametrize("distance", [jensen_shannon, linf, psi, cohen_w])
    @pytest.mark.parametrize("side", [[0, 0], [3, -1]], ids=["no-example", "negative"])
    def test_a_side_without_examples_is_refused(self, distance, side):
        with pytest.raises(ValueError, match="at least one example"):
            distance([1, 2], side)

    def test_sides_of_different_cells_are_refused(self):
        with pytest.raises(ValueError, match=r"same cells\. Got 2 and 3"):
            jensen_shannon([1, 2], [1, 2, 3])


class TestChiSquared:
    @settings(deadline=None)
    @given(PAIRS)
    def test_agrees_with_scipy(self, pair):
        # scipy refuses a cell that both sides leave empty; it adds nothing.
        table = [[n, m] for n, m in zip(*pair, strict=True) if n or m]
        expected = chi2_contingency(np.transpose(table), correction=False).statistic if len(table) > 1 else 0.0
        assert chi_squared(*pair) == pytest.approx(expected, rel=1e-9, abs=1e-6)

    @given(PAIRS, st.integers(2, 50))
    def test_the_effect_does_not_grow_with_the_examples_and_the_statistic_does(self, pair, times):
        more = [[times * count for count in side] for side in pair]
        assert cohen_w(*more) == pytest.approx(cohen_w(*pair), abs=1e-9)
        assert chi_squared(*more) == pytest.approx(times * chi_squared(*pair), rel=1e-6, abs=1e-6)
