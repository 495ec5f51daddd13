from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ratchet.evaluation.bootstrap import bootstrap_auc
from ratchet.evaluation.crossing import cross
from ratchet.evaluation.delong import auc_error, standard_error
from ratchet.evaluation.found import FoundSlices, find_slices
from ratchet.evaluation.metrics import roc_auc
from ratchet.evaluation.resampling import Units

ROLES = {"depot": "categorical", "weight": "numeric"}


def world(n=2_000, *, seed=0, lost=0.0):
    """Two contenders that differ by noise alone, but where the depot is C: there the candidate is worse."""
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.4
    features = pl.DataFrame({"depot": rng.choice(["A", "B", "C", "D"], n), "weight": rng.normal(5, 2, n)})
    is_c = features["depot"].eq("C").to_numpy()
    common = 1.5 * truth + rng.normal(size=n)
    scores = {"champion": common + 0.3 * rng.normal(size=n)}
    scores["candidate"] = common - lost * is_c * truth + 0.3 * rng.normal(size=n)
    return truth, scores, features


def find(truth, scores, features, *, roles=ROLES, confidence=0.95, **changes):
    asked = {"min_examples": 100, **changes}
    return find_slices(truth, scores, features, roles, confidence=confidence, **asked)


class TestDeLong:
    def test_the_standard_error_is_the_one_of_the_paper(self):
        rng = np.random.default_rng(2)
        truth = rng.random(120) < 0.4
        scores = np.round(truth + rng.normal(size=120), 1)
        found = auc_error(truth, scores)
        wins = (scores[truth][:, None] > scores[~truth]) + 0.5 * (scores[truth][:, None] == scores[~truth])
        m, n = wins.shape
        # S10 and S01 of DeLong et al. (1988), with n and not n - 1.
        variance = wins.mean(axis=1).var() / m + wins.mean(axis=0).var() / n
        assert found.auc == pytest.approx(roc_auc(truth, scores))
        assert standard_error(found.added, None) == pytest.approx(np.sqrt(variance))

    def test_the_standard_error_of_a_paired_difference_is_about_that_of_the_bootstrap(self):
        truth, scores, _ = world(800, seed=4)
        errors = {name: auc_error(truth, column) for name, column in scores.items()}
        found = standard_error(errors["candidate"].added - errors["champion"].added, None)
        drawn = bootstrap_auc(truth, scores, resamples=1_000, seed=0)
        resampled = drawn.resamples["candidate"] - drawn.resamples["champion"]
        assert found == pytest.approx(resampled.std(), rel=0.1)

    def test_examples_of_a_unit_that_are_copies_are_one_example(self):
        truth, scores, _ = world(300, seed=1)
        once = auc_error(truth, scores["candidate"])
        thrice = auc_error(np.repeat(truth, 3), np.repeat(scores["candidate"], 3))
        units = Units.of(pl.Series(np.repeat(np.arange(300), 3)))
        assert standard_error(thrice.added, units) == pytest.approx(standard_error(once.added, None))
        assert standard_error(thrice.added, None) < 0.6 * standard_error(once.added, None)


class TestFindSlices:
    def test_a_planted_slice_is_found_against_the_champion_and_against_the_rest(self):
        found = find(*world(lost=1.5))
        first, *_ = found.against("champion")
        assert (first.name, first.difference.high < 0, first.p_value < 0.001) == ("depot = C", True, True)
        assert found.against("rest")[0].name == "depot = C"
        # Four depots and four quarters of the weight; nothing is missing.
        assert found.n_looked_at == 8

    def test_chance_alone_is_not_certain_more_often_than_the_confidence_says(self):
        alarms = {"champion": 0, "rest": 0}
        for seed in range(100):
            found = find(*world(800, seed=seed), confidence=0.9)
            for against in alarms:
                alarms[against] += any(row.difference.high < 0 for row in found.against(against))
        # One side of 0.1 is 0.05, so 5 of 100 are expected at the most; 12 are out of the question.
        assert max(alarms.values()) <= 12

    def test_one_slice_that_is_looked_at_is_corrected_for_none(self):
        truth, scores, features = world(lost=0.4)
        alone = find(truth, scores, pl.DataFrame({"depot": features["depot"].replace({"A": "D", "B": "D"})}))
        one = next(row for row in alone.against("champion") if row.value == "= C")
        among = next(row for row in find(truth, scores, features).against("champion") if row.value == "= C")
        assert (alone.n_looked_at, among.difference.value) == (2, one.difference.value)
        assert among.p_value == pytest.approx(4 * one.p_value)
        assert among.difference.low < one.difference.low

    @pytest.mark.parametrize(("min_examples", "n"), [(50, 2), (51, 1)])
    def test_a_slice_needs_its_minimum_of_examples(self, min_examples, n):
        rng = np.random.default_rng(0)
        truth, scores = np.arange(200) % 2 == 0, {"candidate": rng.random(200)}
        features = pl.DataFrame({"depot": ["A"] * 50 + ["B"] * 75 + ["C"] * 75})
        found = find(truth, scores, features, min_examples=min_examples)
        assert found.n_looked_at == n + 1

    def test_missing_values_are_a_slice_and_numbers_that_agree_are_none(self):
        truth, scores, features = world()
        features = pl.DataFrame(
            {"depot": features["depot"].set(features["depot"] == "C", None), "weight": pl.Series([1.0] * 2_000)}
        )
        found = find(truth, {"candidate": scores["candidate"]}, features)
        assert found.n_looked_at == 4
        assert "depot is missing" in {row.name for row in find(*world(lost=1.5)[:2], features).rows}

    def test_quarters_of_a_number_hold_every_example_once(self):
        truth, scores, features = world(lost=3.0)
        found = find(truth, scores, features.select("weight"))
        assert found.n_looked_at == 4
        rows = {row.value: row.n_examples for row in found.rows}
        assert set(rows.values()) == {500}

    def test_a_cold_start_is_held_against_the_rest_alone(self):
        truth, scores, features = world(lost=1.5)
        found = find(truth, {"candidate": scores["candidate"]}, features)
        assert found.against("champion") == ()
        assert found.against("rest")[0].name == "depot = C"

    def test_a_candidate_without_sound_scores_has_none(self):
        truth, scores, features = world()
        assert find(truth, {"champion": scores["champion"]}, features) == FoundSlices(n_looked_at=0, rows=())


def test_a_pair_of_columns_is_crossed_once():
    frame = cross(pl.DataFrame({"a": ["x"], "b": [1], "c": ["z"]}))
    assert frame.to_dict(as_series=False) == {"a and b": ["x and 1"], "a and c": ["x and z"], "b and c": ["1 and z"]}
    assert cross(pl.DataFrame({"a": ["x"]})).width == 0
