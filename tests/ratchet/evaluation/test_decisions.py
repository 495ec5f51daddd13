from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ratchet.evaluation.baselines import rule_expects
from ratchet.evaluation.decisions import Decision, compare_decisions
from ratchet.evaluation.resampling import Drawing
from ratchet.evaluation.scored import Scored
from ratchet.spec.objective import Rule
from ratchet.spec.values import Values

VALUES = Values(unit="EUR", true_positive=4.0, false_positive=-2.0, true_negative=0.5, false_negative=-3.0)
DRAWING = Drawing(resamples=200, seed=0, confidence=0.95)
LABELS = np.array([True, True, True, False, False, False, False, True])
SCORES = np.array([0.9, 0.4, 0.6, 0.6, 0.1, 0.2, 0.5, 0.5])


def compare(values=VALUES, **decisions):
    candidate = Decision.at(SCORES, 0.5)
    return compare_decisions(LABELS, {"candidate": candidate, **decisions}, values, DRAWING)


def test_a_score_at_the_threshold_expects_the_outcome():
    found = compare().of("candidate")
    assert (found.true_positive, found.false_positive, found.true_negative, found.false_negative) == (3, 2, 2, 1)


def test_figures_agree_with_scikit_learn():
    from sklearn import metrics

    found = compare().of("candidate")
    expected = SCORES >= 0.5
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(LABELS, expected))
    matrix = [[found.true_negative, found.false_positive], [found.false_negative, found.true_positive]]
    assert matrix == metrics.confusion_matrix(LABELS, expected).tolist()


def test_the_kpi_is_the_mean_value_of_a_decision():
    found = compare()
    assert found.unit == "EUR"
    assert found.of("candidate").kpi.value == pytest.approx((3 * 4 - 2 * 2 + 2 * 0.5 - 3) / 8)


def test_a_lead_is_paired_with_the_other_on_the_same_examples():
    nobody = Decision(expected=np.zeros(8, dtype=bool))
    found = compare(champion=Decision.at(SCORES, 0.5), rule=nobody)
    leads = {lead.other: lead.interval for lead in found.leads}
    # The same decisions: no resample tells them apart.
    assert (leads["champion"].low, leads["champion"].high) == (0, 0)
    assert leads["rule"].value == pytest.approx(found.of("candidate").kpi.value - found.of("rule").kpi.value)
    assert leads["rule"].low < leads["rule"].value < leads["rule"].high
    assert found.of("rule").threshold is None


def test_without_values_there_is_accuracy_and_no_kpi():
    found = compare(None)
    assert (found.unit, found.leads, found.of("candidate").kpi) == (None, (), None)
    assert found.of("candidate").accuracy.value == 5 / 8
    assert found.of("champion") is None


def test_without_examples_or_decisions_there_is_nothing():
    empty = np.empty(0, dtype=bool)
    assert compare_decisions(empty, {"candidate": Decision(expected=empty)}, VALUES, DRAWING) is None
    assert compare_decisions(LABELS, {}, VALUES, DRAWING) is None


def test_a_rule_expects_the_outcome_from_its_bound_on_and_of_no_missing_value():
    rule = Rule(column="age", at_least=50)
    values = pl.Series([49.9, 50.0, 51.0, None, float("nan")])
    assert rule_expects(rule, values).tolist() == [False, True, True, False, False]


def curve_of(truth, scores):
    scored = Scored.of("candidate", truth, scores)
    return scored.curve(DRAWING.of(scored, len(truth)), DRAWING)


class TestCurve:
    def test_bins_hold_as_many_and_tell_the_share(self):
        from sklearn.calibration import calibration_curve

        rng = np.random.default_rng(0)
        scores = rng.random(2_000)
        truth = rng.random(2_000) < scores**2
        found = curve_of(truth, scores)
        shares, means = calibration_curve(truth, scores, n_bins=10, strategy="quantile")
        assert {one.n_examples for one in found.calibration} == {200}
        assert [one.share.value for one in found.calibration] == pytest.approx(shares.tolist())
        assert [one.mean_score for one in found.calibration] == pytest.approx(means.tolist())
        assert all(one.share.low < one.share.high for one in found.calibration)

    def test_the_histogram_counts_every_example_1_included(self):
        found = curve_of(np.array([True, False, True]), np.array([0.0, 0.05, 1.0]))
        assert (found.histogram[0], found.histogram[1], found.histogram[-1], sum(found.histogram)) == (1, 1, 1, 3)

    def test_equal_scores_share_a_bin_and_empty_bins_are_left_out(self):
        found = curve_of(np.array([True, False] * 10), np.full(20, 0.3))
        assert [(one.n_examples, one.share.value) for one in found.calibration] == [(20, 0.5)]

    def test_without_examples_it_is_empty(self):
        found = curve_of(np.empty(0, dtype=bool), np.empty(0))
        assert (found.calibration, sum(found.histogram)) == ((), 0)
