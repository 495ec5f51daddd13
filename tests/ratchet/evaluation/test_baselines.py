from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ratchet.errors import EmptyDataError
from ratchet.evaluation.baselines import dummy_scores, rule_scores
from ratchet.spec.objective import Rule

RULE = Rule(column="hour", at_least=17.0)


class TestRuleScores:
    def test_each_side_gets_its_share_and_the_bound_lies_above(self):
        scores = rule_scores([10, 16.9, 17, 20], [0, 1, 1, 1], RULE, [16.9, 17, 17.1])
        assert scores.tolist() == [0.5, 1.0, 1.0]

    def test_a_missing_value_gets_the_share_of_all(self):
        train = pl.Series([10, 10, 20, None], dtype=pl.Int64)
        scores = rule_scores(train, [0, 0, 1, 1], RULE, pl.Series([None, 10, 20], dtype=pl.Int64))
        assert scores.tolist() == [0.5, 0.0, 1.0]
        assert rule_scores([10, np.nan], [0, 1], RULE, [np.nan]).tolist() == [0.5]

    def test_a_side_never_seen_gets_the_share_of_all(self):
        assert rule_scores([10, 11, 12, 13], [0, 0, 0, 1], RULE, [20]).tolist() == [0.25]

    def test_no_example_gets_no_score(self):
        assert rule_scores([10], [1], RULE, []).tolist() == []

    def test_no_training_example_is_refused(self):
        with pytest.raises(EmptyDataError, match="needs training examples"):
            rule_scores([], [], RULE, [1.0])

    def test_unequal_lengths_are_refused(self):
        with pytest.raises(ValueError, match="as many"):
            rule_scores([1, 2], [1], RULE, [1.0])


class TestDummyScores:
    def test_everyone_gets_the_base_rate(self):
        assert dummy_scores([0, 0, 0, 1], 3).tolist() == [0.25] * 3

    def test_no_training_example_is_refused(self):
        with pytest.raises(EmptyDataError, match="Got none"):
            dummy_scores([], 3)
