from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.evaluation import bootstrap
from ratchet.evaluation.bootstrap import Interval, bootstrap_auc, percentile_interval
from ratchet.evaluation.metrics import roc_auc


def sample(n=400, *, seed=0, lead=0.5):
    rng = np.random.default_rng(seed)
    labels = rng.random(n) < 0.3
    return labels, {"a": rng.normal(size=n) + 1.0 * labels, "b": rng.normal(size=n) + (1.0 - lead) * labels}


def test_each_resample_is_the_auc_of_the_drawn_rows():
    labels, scores = sample(60)
    scores = {name: np.round(column, 1) for name, column in scores.items()}
    found = bootstrap_auc(labels, scores, resamples=20, seed=3)
    # The canonical order: by label, then by the scores of the last contender (lexsort reads its last key first).
    counts = bootstrap._draw(np.random.default_rng(3), 60, 20)
    order = np.lexsort((scores["a"], scores["b"], labels))
    for name, column in scores.items():
        expected = [
            roc_auc(np.repeat(labels[order], times), np.repeat(column[order], times)) for times in counts.astype(int)
        ]
        assert found.resamples[name] == pytest.approx(expected, abs=1e-11)
        assert found.values[name] == roc_auc(labels, column)


@given(
    st.integers(2, 30).flatmap(
        lambda n: st.tuples(
            st.lists(st.booleans(), min_size=n, max_size=n).filter(lambda values: 0 < sum(values) < len(values)),
            st.lists(st.integers(0, 8), min_size=n, max_size=n),
            st.lists(st.integers(0, 8), min_size=n, max_size=n),
        )
    ),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.51, 0.95]),
)
@settings(max_examples=60, deadline=None)
def test_an_interval_holds_its_value(case, seed, confidence):
    labels, a, b = case
    found = bootstrap_auc(labels, {"a": a, "b": b}, resamples=100, seed=seed)
    for interval in (found.auc("a", confidence), found.difference("a", "b", confidence)):
        assert -1 <= interval.low <= interval.value <= interval.high <= 1


def test_same_seed_and_rows_in_another_order_give_the_same_interval():
    labels, scores = sample()
    order = np.random.default_rng(9).permutation(len(labels))
    first = bootstrap_auc(labels, scores, resamples=100, seed=1)
    again = bootstrap_auc(
        labels[order], {name: column[order] for name, column in scores.items()}, resamples=100, seed=1
    )
    other = bootstrap_auc(labels, scores, resamples=100, seed=2)
    assert first.difference("a", "b", 0.9) == again.difference("a", "b", 0.9)
    assert first.difference("a", "b", 0.9) != other.difference("a", "b", 0.9)


def test_chunks_change_only_how_much_is_held_at_once(monkeypatch):
    labels, scores = sample(100)
    monkeypatch.setattr(bootstrap, "_CELLS", 700)
    found = bootstrap_auc(labels, scores, resamples=101, seed=1)
    assert {name: len(column) for name, column in found.resamples.items()} == {"a": 101, "b": 101}


@pytest.mark.parametrize("seed", range(5))
def test_equal_rankings_have_a_difference_of_exactly_nothing(seed):
    labels, scores = sample(seed=seed)
    found = bootstrap_auc(labels, {"a": scores["a"], "b": np.exp(scores["a"])}, resamples=100, seed=seed)
    assert found.difference("a", "b", 0.95) == Interval(value=0, low=0, high=0)


def test_pairing_makes_the_difference_of_alike_scores_narrow():
    labels, scores = sample(1000)
    alike = {"a": scores["a"], "b": scores["a"] + np.random.default_rng(1).normal(0, 0.05, 1000)}
    found = bootstrap_auc(labels, alike, resamples=200, seed=0)
    auc, difference = found.auc("a", 0.95), found.difference("a", "b", 0.95)
    assert difference.high - difference.low < (auc.high - auc.low) / 4


def test_the_interval_covers_the_true_lead_about_as_often_as_it_says():
    truth = 0.7602499 - 0.6381632  # Phi(1 / sqrt 2) - Phi(0.5 / sqrt 2)
    hits = 0
    for seed in range(120):
        found = bootstrap_auc(*sample(300, seed=seed), resamples=100, seed=seed).difference("a", "b", 0.9)
        hits += found.low <= truth <= found.high
    # 120 draws at 0.9: 108 expected, 4 standard errors are 13.
    assert 95 <= hits <= 120


@pytest.mark.parametrize("labels", [[], [0, 0], [1, 1]], ids=["empty", "negatives", "positives"])
def test_without_both_classes_there_is_nothing_to_resample(labels):
    assert bootstrap_auc(labels, {"a": np.zeros(len(labels))}, resamples=100, seed=0) is None


def test_resamples_of_one_class_are_left_out_of_every_contender():
    found = bootstrap_auc([1, 0], {"a": [1, 0], "b": [0, 1]}, resamples=200, seed=0)
    assert 60 < len(found.resamples["a"]) == len(found.resamples["b"]) < 140
    assert set(found.resamples["a"]) == {1.0}


def test_a_nan_is_refused():
    with pytest.raises(ValueError, match="finite number"):
        bootstrap_auc([0, 1], {"a": [0.1, np.nan]}, resamples=100, seed=0)


class TestInterval:
    def test_a_value_outside_is_refused(self):
        with pytest.raises(ValueError, match="must hold its value"):
            Interval(value=0.5, low=0.6, high=0.7)

    def test_no_resample_leaves_the_value(self):
        assert percentile_interval(0.3, np.array([]), 0.95) == Interval(value=0.3, low=0.3, high=0.3)

    def test_percentiles_are_two_sided(self):
        found = percentile_interval(0.5, np.linspace(0, 1, 101), 0.9)
        assert (found.low, found.high) == (0.05, 0.95)

    def test_json_comes_back(self):
        interval = Interval(value=0.5, low=0.25, high=0.75)
        assert Interval.from_json(json.loads(json.dumps(interval.to_json()))) == interval
        assert str(interval) == "0.5000 [0.2500, 0.7500]"


class TestGroups:
    """Examples of one entity or day are drawn together."""

    def days_of(self, seed, n_days=20, n=50):
        """Days on which the score is good or bad as a whole."""
        rng = np.random.default_rng(seed)
        day = np.repeat(np.arange(n_days), n)
        labels = rng.random(len(day)) < 0.4
        return labels, labels * rng.normal(1, 1.5, n_days)[day] + rng.normal(size=len(day)), day

    def width(self, labels, scores, groups=None):
        found = bootstrap_auc(labels, {"a": scores}, resamples=400, seed=0, groups=groups)
        interval = found.auc("a", 0.95)
        return interval.high - interval.low

    def test_days_that_differ_as_a_whole_make_the_interval_wider(self):
        labels, scores, day = self.days_of(1)
        assert self.width(labels, scores, day) > 1.5 * self.width(labels, scores)

    def test_groups_of_one_example_are_as_wide_as_examples(self):
        labels, scores, _ = self.days_of(1)
        own = self.width(labels, scores, np.arange(len(labels)))
        assert own == pytest.approx(self.width(labels, scores), rel=0.15)

    def test_a_resample_holds_whole_groups(self):
        labels, scores, day = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.8, 0.2]), np.array(["x", "x", "y", "y"])
        found = bootstrap_auc(labels, {"a": scores}, resamples=200, seed=0, groups=day)
        assert set(found.resamples["a"]) == {1.0, 0.75, 0.0}  # twice the good day, one of each, twice the bad one

    def test_the_order_of_the_rows_does_not_matter(self):
        labels, scores, day = self.days_of(2)
        scores = np.round(scores)  # ties between days
        order = np.random.default_rng(0).permutation(len(labels))
        first = bootstrap_auc(labels, {"a": scores}, resamples=100, seed=3, groups=day)
        second = bootstrap_auc(labels[order], {"a": scores[order]}, resamples=100, seed=3, groups=day[order])
        assert (first.resamples["a"] == second.resamples["a"]).all()

    def test_as_many_groups_as_labels_are_needed(self):
        with pytest.raises(ValueError, match="groups and labels must be as many"):
            bootstrap_auc([0, 1], {"a": [0.1, 0.2]}, resamples=100, seed=0, groups=[1])
