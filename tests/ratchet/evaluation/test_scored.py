from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.evaluation.metrics import average_precision, equal_mass_bins
from ratchet.evaluation.resampling import Drawing, Units, draws, rates
from ratchet.evaluation.scored import Scored

FIGURES = ("average_precision", "log_loss", "brier", "calibration_error")


def sample(n=300, *, seed=0, by=None):
    rng = np.random.default_rng(seed)
    scores = np.round(rng.beta(2, 4, n), 2)
    return rng.random(n) < scores, scores


def drawing(**changes):
    return Drawing(**{"resamples": 30, "seed": 3, "confidence": 0.95, **changes})


def metrics_of(truth, scores, **changes):
    scored, how = Scored.of("candidate", truth, scores), drawing(**changes)
    return scored.metrics(how.of(scored, len(truth)), how, auc=None)


def test_each_figure_is_that_of_scikit_learn():
    from sklearn import metrics

    truth, scores = sample()
    found = metrics_of(truth, scores)
    assert found.average_precision.value == pytest.approx(metrics.average_precision_score(truth, scores), abs=1e-11)
    assert found.log_loss.value == pytest.approx(metrics.log_loss(truth, scores), abs=1e-11)
    assert found.brier.value == pytest.approx(metrics.brier_score_loss(truth, scores), abs=1e-11)


def test_each_interval_is_that_of_the_drawn_rows_computed_by_scikit_learn():
    from sklearn import metrics

    truth, scores = sample()
    found = metrics_of(truth, scores)
    counts = np.concatenate(list(drawing().counts(len(truth)))).astype(int)
    again = {"average_precision": [], "log_loss": [], "brier": []}
    for times in counts:
        rows, of = np.repeat(truth, times), np.repeat(scores, times)
        again["average_precision"].append(metrics.average_precision_score(rows, of))
        again["log_loss"].append(metrics.log_loss(rows, of))
        again["brier"].append(metrics.brier_score_loss(rows, of))
    for name, resampled in again.items():
        low, high = np.quantile(resampled, (0.025, 0.975))
        interval = getattr(found, name)
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=1e-9)


def test_the_calibration_error_of_a_resample_has_the_bins_of_all_examples():
    truth, scores = sample()
    bins = equal_mass_bins(scores, 10)
    again = []
    for times in np.concatenate(list(drawing().counts(len(truth)))):
        gaps = [abs((times * (scores - truth))[bins == i].sum()) for i in range(10)]
        again.append(sum(gaps) / times.sum())
    found = metrics_of(truth, scores).calibration_error
    low, high = np.quantile(again, (0.025, 0.975))
    assert (found.low, found.high) == pytest.approx((min(low, found.value), max(high, found.value)), abs=1e-9)


def test_calibrated_scores_have_a_small_error_and_shifted_ones_the_shift():
    rng = np.random.default_rng(1)
    scores = rng.uniform(0.2, 0.8, 20_000)
    truth = rng.random(20_000) < scores
    assert metrics_of(truth, scores).calibration_error.high < 0.02
    shifted = metrics_of(truth, scores - 0.1).calibration_error
    assert shifted.low < 0.1 < shifted.high


@given(
    st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=30),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_an_interval_holds_its_value_whatever_the_examples(examples, seed):
    scores = np.array([score / 6 for score, _ in examples])
    truth = np.array([label for _, label in examples])
    found = metrics_of(truth, scores, seed=seed)
    for name in FIGURES:
        interval = getattr(found, name)
        assert interval is None or interval.low <= interval.value <= interval.high
    assert (found.average_precision is None) == (not truth.any())
    assert found.average_precision is None or found.average_precision.value == average_precision(truth, scores)


def test_no_example_has_no_figure():
    found = metrics_of(np.empty(0, dtype=bool), np.empty(0))
    assert {getattr(found, name) for name in FIGURES} == {None}


class TestUnits:
    def test_all_rows_of_a_unit_are_drawn_together(self):
        units = Units.of(pl.Series(["b", "a", "b", "c"]))
        assert units.codes.tolist() == [1, 0, 1, 2]
        counts = np.concatenate(list(draws(4, resamples=50, seed=0, units=units)))
        assert (counts[:, 0] == counts[:, 2]).all()
        assert (counts[:, 0] + counts[:, 1] + counts[:, 3] == 3).all()

    def test_units_are_numbered_by_their_names_not_by_their_rows(self):
        assert Units.of(pl.Series(["b", "a"])).codes.tolist() == [1, 0]
        assert Units.of(pl.Series(["a", "b"])).codes.tolist() == [0, 1]

    def test_a_part_has_no_unit_without_a_row(self):
        part = Units.of(pl.Series(["a", "b", "c", "c"])).take(np.array([0, 3]))
        assert (part.codes.tolist(), part.n) == ([0, 1], 2)

    def test_examples_of_a_day_that_resemble_each_other_are_less_evidence_than_they_look(self):
        rng = np.random.default_rng(5)
        days = np.repeat(np.arange(40), 25)
        truth = rng.random(1000) < rng.beta(1, 1, 40)[days]
        scores = np.full(1000, 0.5) + rng.uniform(-0.4, 0.4, 1000)
        one_by_one = metrics_of(truth, scores, resamples=200).brier
        by_day = metrics_of(truth, scores, resamples=200, units=Units.of(pl.Series(days))).brier
        assert one_by_one.value == by_day.value
        whole = metrics_of(truth, np.where(days < 20, 0.9, 0.1), resamples=200).brier
        whole_days = metrics_of(
            truth, np.where(days < 20, 0.9, 0.1), resamples=200, units=Units.of(pl.Series(days))
        ).brier
        assert whole_days.high - whole_days.low > 1.5 * (whole.high - whole.low)


class TestRates:
    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_none_or_all_of_some_is_not_certain(self, share):
        from scipy.stats import beta

        below = np.full(4_000, 100.0)
        found = rates(share * below, below, n_examples=100, seed=0)
        rare = found if share == 0 else 1 - found
        assert np.quantile(rare, 0.975) == pytest.approx(beta(0.5, 100.5).ppf(0.975), rel=0.1)
        assert 0.02 < np.quantile(rare, 0.975) < 0.03

    def test_any_other_share_is_what_was_drawn(self):
        above = np.array([1.0, 2.0, 3.0])
        assert rates(above, np.full(3, 4.0), n_examples=4, seed=0).tolist() == [0.25, 0.5, 0.75]
