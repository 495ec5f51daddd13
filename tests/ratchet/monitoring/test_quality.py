from __future__ import annotations

import json

import numpy as np
import pytest

from ratchet.evaluation.metrics import roc_auc
from ratchet.monitoring.quality import QualityResult, judge_quality
from ratchet.spec.watching import Quality

POLICY = Quality(min_auc=0.6, max_drop=0.1, min_examples=100)
TINY = 1e-9


def cohort(auc):
    """One hundred of each class whose AUC is exactly that many hundredths."""
    positives = np.full(100, 0.9)
    negatives = np.where(np.arange(100) < round(auc * 100), 0.1, 0.95)
    return np.repeat([1, 0], 100), np.concatenate([positives, negatives])


def judge(labels, scores, **changes):
    values = {"n_examples": len(labels), "gate_auc": 0.7, "policy": POLICY, "min_coverage": 0.8, **changes}
    return judge_quality(labels, scores, **values)


def check(result, name):
    return next(one for one in result.checks if one.name == name)


def test_a_cohort_as_good_as_the_gate_passes_and_shows_its_figures():
    result = judge(*cohort(0.7))
    assert result.verdict == "pass"
    assert (result.auc, result.coverage, result.n_labelled, result.n_positive) == (0.7, 1.0, 200, 100)
    assert result.interval.low < 0.7 < result.interval.high


@pytest.mark.parametrize(
    ("auc", "verdict"),
    [pytest.param(0.60, "pass", id="at-the-bound"), pytest.param(0.59, "fail", id="just-below")],
)
@pytest.mark.parametrize(("min_auc", "gate_auc", "name"), [(0.6, 0.6, "min_auc"), (0.5, 0.7, "drop")])
def test_bounds_are_inclusive(auc, verdict, min_auc, gate_auc, name):
    labels, scores = cohort(auc)
    assert roc_auc(labels, scores) == auc
    result = judge(labels, scores, gate_auc=gate_auc, policy=POLICY.model_copy(update={"min_auc": min_auc}))
    assert result.verdict == check(result, name).verdict == verdict


def test_the_bound_of_the_drop_ignores_float_noise():
    # 0.8 - 0.1 is 0.7000000000000001 before rounding.
    assert judge(*cohort(0.7), gate_auc=0.8).verdict == "pass"
    assert judge(*cohort(0.7), gate_auc=0.8 + TINY).verdict == "fail"


class TestUndecided:
    @pytest.mark.parametrize(("n_examples", "verdict"), [(250, "pass"), (251, "undecided")])
    def test_coverage_of_exactly_the_minimum_is_enough(self, n_examples, verdict):
        result = judge(*cohort(0.7), n_examples=n_examples)
        assert result.verdict == check(result, "coverage").verdict == verdict

    @pytest.mark.parametrize(("min_examples", "verdict"), [(200, "pass"), (201, "undecided")])
    def test_exactly_enough_examples_are_enough(self, min_examples, verdict):
        result = judge(*cohort(0.7), policy=POLICY.model_copy(update={"min_examples": min_examples}))
        assert result.verdict == check(result, "examples").verdict == verdict

    @pytest.mark.parametrize("n", [0, 5, 99])
    def test_few_examples_never_fail(self, n):
        result = judge(*(column[101 - n : 101] for column in cohort(0.0)), n_examples=n or 10)
        assert result.verdict == "undecided"

    @pytest.mark.parametrize("label", [0, 1])
    def test_one_class_is_undecided(self, label):
        result = judge([label] * 200, np.linspace(0, 1, 200))
        assert (result.verdict, result.auc, result.interval) == ("undecided", None, None)
        assert check(result, "classes").verdict == "undecided"

    def test_no_prediction_is_undecided(self):
        result = judge([], [])
        assert (result.verdict, result.coverage) == ("undecided", None)
        assert {one.verdict for one in result.checks} == {"undecided"}

    def test_an_unknown_gate_leaves_the_drop_undecided_but_the_floor_can_fail(self):
        assert judge(*cohort(0.7), gate_auc=None).verdict == "undecided"
        assert judge(*cohort(0.5), gate_auc=None).verdict == "fail"


@pytest.mark.parametrize("score", [np.nan, np.inf, 1.1])
def test_scores_that_are_no_probabilities_fail(score):
    labels, scores = cohort(0.7)
    result = judge(labels, np.where(np.arange(200) == 3, score, scores))
    assert result.verdict == "fail"
    assert check(result, "predictions").reason.startswith("E-PREDICTIONS: 1 of 200")


@pytest.mark.parametrize(
    ("labels", "scores", "n_examples"),
    [([0, 1], [0.1], 2), ([0, 1], [0.1, 0.2], 1)],
    ids=["fewer-scores", "more-labels-than-examples"],
)
def test_numbers_that_do_not_match_are_refused(labels, scores, n_examples):
    with pytest.raises(ValueError, match="at most one an example"):
        judge(labels, scores, n_examples=n_examples)


@pytest.mark.parametrize("result", [judge(*cohort(0.7)), judge([], [])], ids=["full", "empty"])
def test_json_comes_back(result):
    assert QualityResult.from_json(json.loads(json.dumps(result.to_json(), allow_nan=False))) == result
