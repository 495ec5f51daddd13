from __future__ import annotations

import numpy as np
import pytest
from datasketches import kll_doubles_sketch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp, wasserstein_distance

from ratchet.drift.curves import Curves, read_curves

FEW = st.lists(st.floats(-1e6, 1e6, allow_subnormal=False), min_size=1, max_size=60)
STATED = kll_doubles_sketch.get_normalized_rank_error(256, False)
# Both sides in fact lie within their stated error in 99 of 100 sketches; thrice it is not met by chance.
LARGEST_ERROR = 1 / 64 + 3 * STATED


def sketch(values):
    made = kll_doubles_sketch(256)
    made.update(np.array(values, dtype=float))
    return bytes(made.serialize())


def curves(a, b) -> Curves:
    return read_curves(sketch(a), sketch(b))


class TestSmallSamplesAreExact:
    @pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of its p-value, which nobody asks for
    @settings(deadline=None)
    @given(FEW, FEW)
    def test_ks_agrees_with_scipy(self, a, b):
        assert curves(a, b).ks == pytest.approx(ks_2samp(a, b, method="asymp").statistic, abs=1e-9)

    @settings(deadline=None)
    @given(FEW, FEW)
    def test_wasserstein_agrees_with_scipy(self, a, b):
        assert curves(a, b).wasserstein == pytest.approx(wasserstein_distance(a, b), rel=1e-9, abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    shift=st.floats(-3, 3),
    spread=st.floats(0.1, 5),
    n=st.integers(100, 30_000),
    m=st.integers(100, 30_000),
    make=st.sampled_from(["normal", "exponential", "whole"]),
)
def test_large_samples_agree_with_scipy_within_the_stated_error(seed, shift, spread, n, m, make):
    rng = np.random.default_rng(seed)
    draw = {
        "normal": lambda size: rng.normal(size=size),
        "exponential": lambda size: rng.exponential(size=size),
        "whole": lambda size: rng.integers(0, 12, size).astype(float),
    }[make]
    a, b = draw(n), shift + spread * draw(m)
    found = curves(a, b)
    assert found.ks == pytest.approx(ks_2samp(a, b, method="asymp").statistic, abs=2 * LARGEST_ERROR)
    ranges = np.ptp(a) + np.ptp(b)
    assert found.wasserstein == pytest.approx(wasserstein_distance(a, b), abs=LARGEST_ERROR * ranges)


def test_equal_and_disjoint_samples():
    same, apart = curves([1, 1, 2], [1, 1, 2]), curves([1.0], [3.0])
    assert (same.ks, same.wasserstein) == (0.0, 0.0)
    assert (apart.ks, apart.wasserstein) == (1.0, 2.0)


def test_values_near_the_largest_number_have_no_finite_distance():
    assert curves([-1.7e308], [1.7e308]).wasserstein is None
