from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.evaluation.numeric import mean_absolute_error, quantile_loss, root_mean_squared_error

NUMBERS = st.floats(-1e3, 1e3)
ALL = [mean_absolute_error, root_mean_squared_error, lambda values, found: quantile_loss(values, found, quantile=0.5)]


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_figures_agree_with_scikit_learn(pairs, quantile):
    from sklearn import metrics

    values, found = np.array(pairs).T
    assert mean_absolute_error(values, found) == pytest.approx(metrics.mean_absolute_error(values, found), abs=1e-9)
    squared = metrics.root_mean_squared_error(values, found)
    assert root_mean_squared_error(values, found) == pytest.approx(squared, abs=1e-9)
    pinball = metrics.mean_pinball_loss(values, found, alpha=quantile)
    assert quantile_loss(values, found, quantile=quantile) == pytest.approx(pinball, abs=1e-9)


@pytest.mark.parametrize("metric", ALL)
def test_no_example_has_no_figure_and_a_number_that_is_none_is_refused(metric):
    assert metric([], []) is None
    with pytest.raises(ValueError, match="each prediction must be a finite number. Got 1"):
        metric([1.0, 2.0], [1.0, float("nan")])
    with pytest.raises(ValueError, match="each value must be a finite number"):
        metric([float("inf")], [1.0])
    with pytest.raises(ValueError, match="as many"):
        metric([1.0], [1.0, 2.0])


def test_the_predicted_quantile_has_the_least_loss():
    values = np.random.default_rng(0).exponential(size=5_000)
    losses = {q: quantile_loss(values, np.full(5_000, np.quantile(values, q)), quantile=0.9) for q in (0.8, 0.9, 0.97)}
    assert min(losses, key=losses.get) == 0.9


@pytest.mark.parametrize("quantile", [0, 1, -0.1, 1.1])
def test_a_quantile_lies_between_0_and_1(quantile):
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\)"):
        quantile_loss([1.0], [1.0], quantile=quantile)
