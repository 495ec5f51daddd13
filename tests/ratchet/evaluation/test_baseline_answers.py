"""What is known without a model, by the kind of label."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from ratchet.errors import EmptyDataError
from ratchet.evaluation.baseline_answers import dummy_answers, rule_answers
from ratchet.evaluation.baselines import dummy_scores, rule_scores
from ratchet.spec.label import Label
from ratchet.spec.objective import Rule

RULE = Rule(column="hour", at_least=17.0)


def label(**said: Any) -> Label:
    return Label.model_validate_json(json.dumps({"column": "y", "known_after_spans": 1, **said}))


NUMBERS, CLASSES, BINARY = label(kind="regression"), label(kind="multiclass", classes=["a", "b", "c"]), label()


def test_of_numbers_each_side_gets_its_mean_and_the_bound_lies_above():
    answered = rule_answers([10, 16.9, 17, 20], np.array([1.0, 3.0, 10.0, 20.0]), NUMBERS, RULE, [16.9, 17, np.nan])
    assert answered.tolist() == [2.0, 15.0, 8.5]
    assert dummy_answers(np.array([1.0, 3.0, 11.0]), NUMBERS, 2).tolist() == [5.0, 5.0]


def test_of_classes_each_side_gets_its_shares():
    answered = rule_answers([10, 11, 17, 20], np.array([0, 1, 2, 2]), CLASSES, RULE, [10, 18, None])
    assert answered.tolist() == [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.25, 0.25, 0.5]]
    assert dummy_answers(np.array([0, 1, 1, 1]), CLASSES, 1).tolist() == [[0.25, 0.75, 0.0]]


def test_a_side_never_seen_gets_what_the_dummy_answers():
    assert rule_answers([10, 11], np.array([1.0, 3.0]), NUMBERS, RULE, [20]).tolist() == [2.0]


def test_true_and_false_are_answered_as_they_are_scored():
    labels, column, values = np.array([0, 1, 1, 1, 0]), [10, 16.9, 17, 20, np.nan], [3, 17, np.nan]
    np.testing.assert_array_equal(
        rule_answers(column, labels, BINARY, RULE, values), rule_scores(column, labels, RULE, values)
    )
    np.testing.assert_array_equal(dummy_answers(labels, BINARY, 4), dummy_scores(labels, 4))


def test_no_training_example_and_unequal_lengths_are_refused():
    with pytest.raises(EmptyDataError, match="Got none"):
        dummy_answers(np.empty(0), NUMBERS, 3)
    with pytest.raises(ValueError, match="as many"):
        rule_answers([1, 2], np.array([1.0]), NUMBERS, RULE, [1.0])
