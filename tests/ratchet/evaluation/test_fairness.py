from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ratchet.evaluation.fairness import GroupFairness, compare_groups, cut_groups
from ratchet.evaluation.resampling import Drawing
from ratchet.spec.fairness import Fairness, FairnessColumn

POLICY = Fairness(columns={"sex": FairnessColumn()}, min_group_examples=10)
DRAWING = Drawing(resamples=100, seed=0, confidence=0.95)


def published(truth, expected, groups):
    """fairlearn's published formulas, by pandas: rates of each group, then worst case between groups."""
    frame = pd.DataFrame({"truth": truth, "expected": expected, "group": groups})
    selected = frame.groupby("group")["expected"].mean()
    true = frame[frame["truth"]].groupby("group")["expected"].mean()
    false = frame[~frame["truth"]].groupby("group")["expected"].mean()
    ratio = selected.min() / selected.max() if selected.max() else 1.0
    apart = [rates.max() - rates.min() for rates in (selected, true, false)]
    return {"parity_difference": apart[0], "parity_ratio": ratio, "odds_difference": max(apart[1:])}, selected, true


def compare(truth, expected, groups, *, policy=POLICY, drawing=DRAWING):
    return compare_groups("candidate", truth, expected, pl.Series("sex", groups), policy, drawing)


def world(n=600, *, seed=0, apart=0.3):
    rng = np.random.default_rng(seed)
    groups = rng.choice(["f", "m"], n, p=[0.3, 0.7])
    truth = rng.random(n) < 0.4
    return truth, rng.random(n) < 0.3 + 0.2 * truth + apart * (groups == "m"), groups


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 5]))
@settings(max_examples=30, deadline=None)
def test_figures_are_those_of_the_published_formulas(seed, n_groups):
    rng = np.random.default_rng(seed)
    groups = rng.choice(list("abcde")[:n_groups], 400)
    truth, expected = rng.random(400) < 0.5, rng.random(400) < rng.random()
    figures, selected, true = published(truth, expected, groups)
    found = compare(truth, expected, groups)
    for name, figure in figures.items():
        assert getattr(found, name).value == pytest.approx(figure)
    for group in found.groups:
        assert group.selection_rate.value == pytest.approx(selected[group.value])
        assert group.true_positive_rate.value == pytest.approx(true[group.value])


def test_each_interval_is_that_of_the_drawn_rows_by_the_published_formulas():
    truth, expected, groups = world()
    again = {"parity_difference": [], "parity_ratio": [], "odds_difference": []}
    for times in np.concatenate(list(DRAWING.counts(len(truth)))).astype(int):
        figures, *_ = published(*(np.repeat(column, times) for column in (truth, expected, groups)))
        for name, figure in figures.items():
            again[name].append(figure)
    found = compare(truth, expected, groups)
    for name, resampled in again.items():
        interval = getattr(found, name)
        assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(resampled, (0.025, 0.975))), abs=1e-9)


def test_groups_and_their_sizes_are_told_the_missing_one_too():
    truth, expected, groups = world()
    groups = [None if i < 20 else group for i, group in enumerate(groups)]
    found = compare(truth, expected, groups)
    assert [group.name for group in found.groups] == ["f", "m", "(missing)"]
    assert sum(group.n_examples for group in found.groups) == 600
    assert sum(group.n_positive for group in found.groups) == truth.sum()


@pytest.mark.parametrize(("n", "is_compared"), [(49, False), (50, True)])
def test_a_group_is_compared_from_the_minimum_on(n, is_compared):
    truth, expected = np.arange(300) % 2 == 0, np.arange(300) % 3 == 0
    groups = ["small"] * n + ["large"] * (300 - n)
    found = compare(truth, expected, groups, policy=POLICY.model_copy(update={"min_group_examples": 50}))
    assert [group.is_compared for group in found.groups] == [True, is_compared]
    assert (found.parity_difference is not None) == is_compared


@pytest.mark.parametrize(("n_positive", "is_told"), [(9, False), (10, True)])
def test_odds_need_enough_of_each_class_in_each_group_and_parity_does_not(n_positive, is_told):
    truth = np.array([True] * n_positive + [False] * (150 - n_positive) + [True, False] * 75)
    found = compare(truth, np.arange(300) % 3 == 0, ["a"] * 150 + ["b"] * 150)
    assert (found.odds_difference is not None) == is_told
    assert found.parity_difference is not None


def test_what_became_of_fewer_than_ten_is_not_shown():
    truth, expected = np.arange(109) % 2 == 0, np.arange(109) % 3 == 0
    found = compare(truth, expected, ["a"] * 100 + ["b"] * 9)
    small = found.groups[1]
    assert (small.n_examples, small.n_positive, small.selection_rate, small.true_positive_rate) == (9, None, None, None)
    enough = compare(truth[:-1], (np.arange(109) % 3 == 0)[:-1], ["a"] * 98 + ["b"] * 10).groups[1]
    assert None not in (enough.n_positive, enough.selection_rate)


def test_nobody_selected_is_equal_and_no_certainty():
    truth = np.arange(400) % 2 == 0
    found = compare(truth, np.zeros(400, dtype=bool), ["a", "b"] * 200)
    assert (found.parity_difference.value, found.parity_ratio.value) == (0, 1)
    assert found.parity_difference.high > 0


def test_json_comes_back():
    found = compare(*world())
    from dataclasses import asdict

    assert GroupFairness.from_json(asdict(found)) == found


class TestCuts:
    def test_a_number_on_a_cut_belongs_to_the_range_above(self):
        ages = pl.Series("age", [24.9, 25.0, 59.0, 60.0, None, float("nan")])
        found = cut_groups(ages, FairnessColumn(cuts=(25, 60)))
        assert found.to_list() == ["below 25", "25 to below 60", "25 to below 60", "60 and over", None, None]

    def test_without_cuts_each_value_is_a_group(self):
        assert cut_groups(pl.Series("n", [1, None]), FairnessColumn()).to_list() == ["1", None]

    @pytest.mark.parametrize("cuts", [(2.0, 1.0), (1.0, 1.0)])
    def test_cuts_ascend(self, cuts):
        with pytest.raises(ValidationError, match="cuts must ascend"):
            FairnessColumn(cuts=cuts)


def test_a_bound_without_groups_is_refused():
    with pytest.raises(ValidationError, match="min_parity_ratio bounds groups, and no column"):
        Fairness(min_parity_ratio=0.8)
