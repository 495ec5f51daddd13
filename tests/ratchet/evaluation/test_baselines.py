"""What is known without a model, by the kind of label."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from ratchet.errors import EmptyDataError
from ratchet.evaluation.baselines import dummy_answers, rule_answers
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


def test_of_true_and_false_each_side_gets_its_share_of_positives():
    labels, column, values = np.array([0, 1, 1, 1, 0]), [10, 16.9, 17, 20, np.nan], [3, 17, np.nan]
    assert rule_answers(column, labels, BINARY, RULE, values).tolist() == [0.5, 1.0, 0.6]
    assert dummy_answers(labels, BINARY, 4).tolist() == [0.6] * 4


def test_no_training_example_and_unequal_lengths_are_refused():
    with pytest.raises(EmptyDataError, match="Got none"):
        dummy_answers(np.empty(0), NUMBERS, 3)
    with pytest.raises(ValueError, match="as many"):
        rule_answers([1, 2], np.array([1.0]), NUMBERS, RULE, [1.0])


class TestTheRuleOfTrueAndFalse:
    def test_each_side_gets_its_share_and_the_bound_lies_above(self):
        scores = rule_answers([10, 16.9, 17, 20], np.array([0, 1, 1, 1]), BINARY, RULE, [16.9, 17, 17.1])
        assert scores.tolist() == [0.5, 1.0, 1.0]

    def test_a_missing_value_gets_the_share_of_all(self):
        train = pl.Series([10, 10, 20, None], dtype=pl.Int64)
        scores = rule_answers(train, np.array([0, 0, 1, 1]), BINARY, RULE, pl.Series([None, 10, 20], dtype=pl.Int64))
        assert scores.tolist() == [0.5, 0.0, 1.0]
        assert rule_answers([10, np.nan], np.array([0, 1]), BINARY, RULE, [np.nan]).tolist() == [0.5]

    def test_a_side_never_seen_gets_the_share_of_all(self):
        assert rule_answers([10, 11, 12, 13], np.array([0, 0, 0, 1]), BINARY, RULE, [20]).tolist() == [0.25]

    def test_no_example_gets_no_score(self):
        assert rule_answers([10], np.array([1]), BINARY, RULE, []).tolist() == []

    def test_no_training_example_is_refused(self):
        with pytest.raises(EmptyDataError, match="needs training examples"):
            rule_answers([], np.array([]), BINARY, RULE, [1.0])

    def test_unequal_lengths_are_refused(self):
        with pytest.raises(ValueError, match="as many"):
            rule_answers([1, 2], np.array([1]), BINARY, RULE, [1.0])


class TestTheDummyOfTrueAndFalse:
    def test_everyone_gets_the_base_rate(self):
        assert dummy_answers(np.array([0, 0, 0, 1]), BINARY, 3).tolist() == [0.25] * 3

    def test_no_training_example_is_refused(self):
        with pytest.raises(EmptyDataError, match="Got none"):
            dummy_answers(np.array([]), BINARY, 3)
