from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ratchet.errors import TrainingError
from ratchet.spec.values import Values
from ratchet.training.threshold import choose, choose_by_value, choose_threshold, decision_values

# UCI's costs of German credit: a bad customer called good costs 5, a good one called bad 1.
CREDIT = Values(unit="points", false_positive=-1.0, false_negative=-5.0)


def worth(scores, labels, threshold, values):
    return decision_values(labels.astype(bool), scores >= threshold, values).sum()


@given(
    st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=2, max_size=40),
    st.tuples(st.floats(0.1, 9), st.floats(0.1, 9), st.floats(-5, 5), st.floats(-5, 5)),
)
def test_no_other_threshold_is_worth_more(examples, costs):
    scores = np.array([score / 10 for score, _ in examples])
    labels = np.array([label for _, label in examples], dtype=int)
    if labels.min() == labels.max():
        return
    values = Values(
        unit="EUR",
        false_negative=costs[2],
        true_positive=costs[2] + costs[0],
        false_positive=costs[3],
        true_negative=costs[3] + costs[1],
    )
    best = max(worth(scores, labels, bar, values) for bar in (*scores, 1.0))
    found = worth(scores, labels, choose_by_value(scores, labels, values), values)
    assert found == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize(("false_positive", "false_negative"), [(-1.0, -5.0), (-1.0, -1.0), (-4.0, -1.0)])
def test_calibrated_scores_get_the_ratio_of_the_costs(false_positive, false_negative):
    rng = np.random.default_rng(3)
    scores = rng.random(200_000)
    labels = (rng.random(200_000) < scores).astype(int)
    values = Values(unit="EUR", false_positive=false_positive, false_negative=false_negative)
    elkan = false_positive / (false_positive + false_negative)
    assert choose_by_value(scores, labels, values) == pytest.approx(elkan, abs=0.03)


def test_among_equals_the_highest_score_wins():
    # One right and one wrong more, of equal worth: as good as stopping before them.
    equal = Values(unit="EUR", true_positive=1.0, false_positive=-1.0)
    assert choose_by_value(np.array([0.9, 0.8, 0.7]), np.array([1, 0, 1]), equal) == 0.9


def test_where_expecting_never_pays_nothing_is_expected():
    dear = Values(unit="EUR", true_positive=1.0, false_positive=-1000.0)
    scores, labels = np.array([0.9, 0.8, 0.2]), np.array([0, 1, 0])
    assert choose_by_value(scores, labels, dear) == 1.0
    assert not (scores >= 1.0).any()


def test_one_outcome_only_is_refused():
    with pytest.raises(TrainingError, match="Got 2 true and 0 false"):
        choose_by_value(np.array([0.1, 0.2]), np.array([1, 1]), CREDIT)


def test_without_values_the_threshold_is_the_one_of_balanced_accuracy():
    scores, labels = np.array([0.9, 0.1, 0.6, 0.4]), np.array([1, 0, 1, 0])
    assert choose(scores, labels, None) == (choose_threshold(scores, labels), "youden_j")


def test_what_chose_it_is_told_with_the_values():
    _, chosen_by = choose(np.array([0.9, 0.1]), np.array([1, 0]), CREDIT)
    assert chosen_by == ("mean value in points: true_positive 0, false_positive -1, true_negative 0, false_negative -5")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "true_positive must be worth more than false_negative"),
        ({"false_negative": -1.0}, "true_negative must be worth more than false_positive"),
        ({"false_negative": -1.0, "false_positive": 5.0}, "a cost is written as a negative number"),
    ],
)
def test_values_that_ask_for_no_threshold_are_refused(changes, words):
    with pytest.raises(ValidationError, match=words):
        Values(unit="EUR", **changes)
