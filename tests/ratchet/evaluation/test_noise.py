from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ratchet.evaluation.noise import label_noise

N = 2000


def clean(rng, n=N):
    scores = rng.random(n)
    return scores, rng.random(n) < 1 / (1 + np.exp(-20 * (scores - 0.5)))


@given(seed=st.integers(0, 2**20), rate=st.sampled_from([0.0, 0.1, 0.25, 0.4]))
def test_the_rate_of_turned_labels_lies_within_its_interval_or_near_it(seed, rate):
    rng = np.random.default_rng(seed)
    scores, truth = clean(rng)
    found = label_noise(truth ^ (rng.random(N) < rate), scores, confidence=0.9999)
    assert found.low - 0.03 <= rate <= found.high + 0.01


def test_the_smaller_end_counts_as_a_rare_outcome_is_no_noise():
    rng = np.random.default_rng(0)
    scores = rng.random(N)
    rare = rng.random(N) < 0.1 * scores  # at the top nine of ten do not happen
    assert label_noise(rare, scores).value < 0.05


def test_the_interval_is_wilsons():
    labels = np.zeros(1000, dtype=bool)
    labels[:7] = True  # among the hundred scored lowest
    labels[900:] = np.arange(100) < 20
    found = label_noise(labels, np.arange(1000) / 1000, confidence=0.95)
    expected = binomtest(7, 100).proportion_ci(0.95, method="wilson")
    assert (found.value, found.low, found.high) == pytest.approx((0.07, expected.low, expected.high))


@pytest.mark.parametrize(("n", "is_told"), [(91, True), (90, False), (0, False)])
def test_too_few_examples_tell_nothing(n, is_told):
    scores, truth = clean(np.random.default_rng(0), n)
    assert (label_noise(truth, scores) is not None if n else n > 0) == is_told


def test_scores_that_are_all_the_same_tell_nothing():
    assert label_noise(np.arange(500) % 2, np.full(500, 0.5)) is None


def test_the_order_of_equal_scores_says_nothing():
    rng = np.random.default_rng(3)
    scores, truth = clean(rng)
    coarse, order = np.round(scores, 1), rng.permutation(N)
    assert label_noise(truth, coarse) == label_noise(truth[order], coarse[order])
