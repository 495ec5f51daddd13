from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.evaluation.metrics import average_precision, brier, calibration_error, log_loss, roc_auc

ALL = [roc_auc, average_precision, log_loss, brier, calibration_error]


@st.composite
def pairs(draw):
    """Labels of both classes, and scores with many ties."""
    n = draw(st.integers(2, 40))
    labels = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n).filter(lambda values: 0 < sum(values) < n))
    scores = draw(st.lists(st.integers(0, 12), min_size=n, max_size=n))
    return np.array(labels), np.array(scores) / 12


@given(pairs())
@settings(max_examples=50, deadline=None)
def test_figures_agree_with_scikit_learn(pair):
    from sklearn import metrics

    labels, scores = pair
    assert roc_auc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-11)
    assert average_precision(labels, scores) == pytest.approx(
        metrics.average_precision_score(labels, scores), abs=1e-11
    )
    assert log_loss(labels, scores) == pytest.approx(metrics.log_loss(labels, scores), abs=1e-11)
    assert brier(labels, scores) == pytest.approx(metrics.brier_score_loss(labels, scores), abs=1e-11)


@given(pairs())
@settings(max_examples=60, deadline=None)
def test_auc_is_symmetric_and_reads_only_the_order(pair):
    labels, scores = pair
    auc = roc_auc(labels, scores)
    assert auc + roc_auc(labels, 1 - scores) == pytest.approx(1)
    assert auc == pytest.approx(1 - roc_auc(1 - labels, scores))
    assert auc == roc_auc(labels, np.exp(3 * scores) - 7)


@given(pairs(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_order_of_rows_changes_no_figure(pair, random):
    labels, scores = pair
    order = list(range(len(labels)))
    random.shuffle(order)
    for metric in ALL:
        assert metric(labels, scores) == pytest.approx(metric(labels[order], scores[order]), abs=1e-11)


class TestCalibrationError:
    def test_scores_that_are_the_shares_have_no_error(self):
        assert calibration_error([0, 0, 0, 1] * 5 + [0, 1, 1, 1] * 5, [0.25] * 20 + [0.75] * 20) == 0

    def test_error_is_the_mean_gap_of_bins(self):
        # Two bins of two: |0.1 - 0.5| and |0.7 - 1|.
        assert calibration_error([0, 1, 1, 1], [0.1, 0.1, 0.7, 0.7], n_bins=2) == pytest.approx(0.35)

    def test_a_constant_score_is_one_bin(self):
        assert calibration_error([0, 0, 0, 1], [0.5] * 4) == pytest.approx(0.25)

    def test_no_bin_is_refused(self):
        with pytest.raises(ValueError, match="n_bins must be at least 1"):
            calibration_error([0, 1], [0.1, 0.2], n_bins=0)


class TestUnanswerable:
    @pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
    def test_no_example_has_no_figure(self, metric):
        assert metric([], []) is None

    @pytest.mark.parametrize("label", [0, 1])
    def test_one_class_has_no_auc(self, label):
        assert roc_auc([label] * 3, [0.1, 0.2, 0.3]) is None

    def test_no_positive_has_no_average_precision(self):
        assert average_precision([0, 0], [0.1, 0.2]) is None
        assert average_precision([1, 1], [0.1, 0.2]) == 1

    @pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.__name__)
    @pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
    def test_a_score_that_is_no_number_is_refused(self, metric, score):
        with pytest.raises(ValueError, match=r"finite number\. Got 1"):
            metric([0, 1], [0.1, score])

    @pytest.mark.parametrize("metric", [log_loss, brier, calibration_error], ids=lambda metric: metric.__name__)
    def test_a_score_outside_the_range_is_refused(self, metric):
        with pytest.raises(ValueError, match=r"lie in \[0, 1\]"):
            metric([0, 1], [0.1, 1.5])

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ([0, 2], "0 or 1. Got 2"),
            ([0.0, np.nan], "0 or 1. Got nan"),
            ([0, 1, 1], "as many"),
            ([[0], [1]], "one-dim"),
        ],
        ids=["two", "unknown", "more-labels", "matrix"],
    )
    def test_wrong_labels_are_refused(self, labels, message):
        with pytest.raises(ValueError, match=message):
            roc_auc(labels, [0.1, 0.2])


def test_one_certain_error_costs_a_finite_loss():
    assert log_loss([1], [0.0]) == pytest.approx(36.04, abs=0.01)
