"""Realised quality of labels of several classes and of numbers, each bound from both sides."""

from __future__ import annotations

import numpy as np
import pytest

from ratchet.evaluation.yardstick import Yardstick
from ratchet.monitoring.quality import judge_quality
from ratchet.spec.watching import Quality

POLICY = Quality(min_auc=0.5, max_drop=0.1, min_examples=100)
TINY = 1e-9
NUMBERS = Yardstick(kind="regression", reference=0.0)
CLASSES = Yardstick(kind="multiclass", classes=("a", "b", "c"))
KINDS = pytest.mark.parametrize("yardstick", [NUMBERS, CLASSES], ids=lambda of: of.kind)


def cohort(yardstick, n=300):
    """A cohort with a skill of exactly three quarters, or the answers of classes with some noise."""
    if yardstick.kind == "regression":
        labels = np.where(np.arange(n) % 2, 4.0, -4.0)
        return labels, labels * 0.75
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    answers = rng.dirichlet([1, 1, 1], n) + 0.3 * np.eye(3)[labels]
    return labels, answers / answers.sum(axis=1, keepdims=True)


def judge(yardstick, labels, answers, **changes):
    values = {"n_examples": len(labels), "gate_auc": None, "policy": POLICY, "min_coverage": 0.8, **changes}
    return judge_quality(labels, answers, yardstick=yardstick, **values)


def verdicts(result):
    return {check.name: check.verdict for check in result.checks}


@KINDS
def test_bounds_are_inclusive(yardstick):
    labels, answers = cohort(yardstick)
    reached = yardstick.quality(labels, answers)
    assert 0.5 < reached < 1
    for least, verdict in ((reached, "pass"), (reached + TINY, "fail")):
        policy = POLICY.model_copy(update={"min_auc": least})
        assert judge(yardstick, labels, answers, gate_auc=reached, policy=policy).verdict == verdict
    for gate, verdict in ((round(reached + 0.1, 12), "pass"), (reached + 0.1 + TINY, "fail")):
        result = judge(yardstick, labels, answers, gate_auc=gate)
        assert (result.verdict, verdicts(result)["drop"]) == (verdict, verdict)
    assert f"The realised {yardstick.name} is" in result.checks[-1].reason


@KINDS
def test_answers_that_are_none_fail(yardstick):
    labels, answers = cohort(yardstick)
    answers[3] = np.nan
    result = judge(yardstick, labels, answers, gate_auc=0.7)
    assert (result.verdict, result.auc, verdicts(result)["predictions"]) == ("fail", None, "fail")


@KINDS
@pytest.mark.parametrize(("n_examples", "verdict"), [(375, "pass"), (376, "undecided")])
def test_coverage_of_exactly_the_minimum_is_enough(yardstick, n_examples, verdict):
    labels, answers = cohort(yardstick)
    assert judge(yardstick, labels, answers, n_examples=n_examples, gate_auc=0.7).verdict == verdict


@pytest.mark.parametrize(("yardstick", "name"), [(NUMBERS, "numbers"), (CLASSES, "classes")])
def test_labels_that_are_all_the_same_are_undecided(yardstick, name):
    labels, answers = cohort(yardstick)
    result = judge(yardstick, np.full_like(labels, labels[0]), answers, gate_auc=0.7)
    assert (result.verdict, verdicts(result)[name]) == ("undecided", "undecided")
    assert "fail" not in verdicts(result).values()
