"""Shapley values against brute force: every order in which the features can join, one by one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import InputError
from ratchet.explanation.shapley import shapley_values

LETTERS = ["a", "b", None]


def predict(frame: pl.DataFrame) -> np.ndarray:
    """A model with an interaction of three features, a missing value that counts, and a text."""
    is_b = frame["letter"].eq_missing("b").to_numpy()
    is_missing = frame["letter"].is_null().to_numpy()
    numbers = [frame[name].fill_null(-1.0).to_numpy() for name in frame.columns if name != "letter"]
    logit = sum((-1) ** i * number for i, number in enumerate(numbers)) + numbers[0] * numbers[1] * is_b - is_missing
    return 1 / (1 + np.exp(-logit))


def draw(n: int, n_numbers: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    numbers = {f"x{i}": rng.normal(size=n) for i in range(n_numbers)}
    return pl.DataFrame({**numbers, "letter": [LETTERS[i] for i in rng.integers(0, 3, n)]})


def brute_force(example: pl.DataFrame, background: pl.DataFrame) -> dict[str, float]:
    """The mean gain of each feature over every order, each mixture scored by itself."""
    names, gains = example.columns, dict.fromkeys(example.columns, 0.0)
    orders = list(permutations(names))
    for order in orders:
        mixed, before = background, predict(background).mean()
        for name in order:
            mixed = mixed.with_columns(pl.lit(example[name][0], dtype=example[name].dtype).alias(name))
            after = predict(mixed).mean()
            gains[name] += (after - before) / len(orders)
            before = after
    return gains


class TestFewFeatures:
    @given(seed=st.integers(0, 2**32 - 1))
    @settings(max_examples=15, deadline=None)
    def test_they_are_those_of_brute_force(self, seed):
        background, example = draw(7, 3, seed), draw(1, 3, seed + 1)
        found = shapley_values(predict, example, background, background.columns, seed=0)
        expected = brute_force(example, background)
        assert found.method == "exact"
        assert {of.feature: of.amount for of in found.contributions} == pytest.approx(expected, abs=1e-12)
        assert {of.error for of in found.contributions} == {0.0}

    def test_the_budget_is_the_bound_between_exact_and_sampled(self):
        background, example = draw(5, 3, 1), draw(1, 3, 2)
        for budget, method in ((2**4 * 5, "exact"), (2**4 * 5 - 1, "sampled")):
            found = shapley_values(predict, example, background, background.columns, seed=0, evaluations=budget)
            assert found.method == method

    def test_a_single_feature_has_all_of_it(self):
        background, example = draw(9, 2, 3), draw(1, 2, 4)

        def first(frame):
            return frame["x0"].to_numpy() / 10 + 0.5

        for budget in (1, 1000):
            found = shapley_values(first, example, background, ["x0"], seed=0, evaluations=budget)
            assert found.contributions[0].amount == pytest.approx(found.prediction - found.base)


class TestManyFeatures:
    @given(seed=st.integers(0, 2**32 - 1), n_numbers=st.integers(2, 12), evaluations=st.integers(1, 2000))
    @settings(max_examples=25, deadline=None)
    def test_contributions_sum_to_prediction_minus_base_however_few_walks(self, seed, n_numbers, evaluations):
        background, example = draw(6, n_numbers, seed), draw(1, n_numbers, seed + 1)
        found = shapley_values(predict, example, background, background.columns, seed=seed, evaluations=evaluations)
        assert found.base == pytest.approx(predict(background).mean())
        assert found.prediction == pytest.approx(predict(example)[0])
        assert abs(found.residual) < 1e-12

    def test_the_error_told_holds_for_19_of_20(self):
        background, example = draw(20, 4, 1), draw(1, 4, 2)
        exact = {
            of.feature: of.amount
            for of in shapley_values(predict, example, background, background.columns, seed=0).contributions
        }
        held = [
            abs(of.amount - exact[of.feature]) <= of.error
            for seed in range(60)
            for of in shapley_values(
                predict, example, background, background.columns, seed=seed, evaluations=400
            ).contributions
        ]
        # It counts the background's variation too, so it holds more often than it says.
        assert np.mean(held) >= 0.95

    def test_more_walks_make_the_error_smaller(self):
        background, example = draw(20, 9, 1), draw(1, 9, 2)
        few, many = (
            shapley_values(predict, example, background, background.columns, seed=0, evaluations=n)
            for n in (400, 4_000)
        )
        assert (few.method, many.method) == ("sampled", "sampled")
        assert sum(of.error for of in many.contributions) < sum(of.error for of in few.contributions) / 2

    def test_the_same_seed_gives_the_same_figures_and_the_budget_is_kept(self):
        background, example = draw(20, 9, 1), draw(1, 9, 2)
        first, again = (
            shapley_values(predict, example, background, background.columns, seed=7, evaluations=1500) for _ in range(2)
        )
        assert first == again
        assert first.n_evaluated <= 1500

    def test_a_feature_that_the_model_does_not_read_gets_nothing(self):
        background, example = draw(10, 9, 1), draw(1, 9, 2)

        def without_last(frame):
            return predict(frame.drop("x8"))

        found = shapley_values(without_last, example, background, background.columns, seed=0)
        (idle,) = (of for of in found.contributions if of.feature == "x8")
        assert (idle.amount, idle.error) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("n_examples", "n_background", "features"),
    [(0, 3, ["x0"]), (2, 3, ["x0"]), (1, 0, ["x0"]), (1, 3, [])],
    ids=["no-example", "two-examples", "no-background", "no-feature"],
)
def test_what_cannot_be_explained_is_refused(n_examples, n_background, features):
    with pytest.raises(InputError, match="need one example, a background and a feature"):
        shapley_values(predict, draw(n_examples, 2, 0), draw(n_background, 2, 0), features, seed=0)
