from __future__ import annotations

from typing import Any

import pytest

from ratchet.training.search.choice import Contender, choose_simplest, words_of_choice
from ratchet.training.search.families import rank_of
from tests.ratchet.features.make import ESTIMATORS, HISTOGRAM_TREES, LOGISTIC


def contender(family: str, **of: Any) -> Contender:
    given = {"features": "all", "estimator": HISTOGRAM_TREES, "n_features": 4, "rank": 2, "number": 0}
    return Contender(family=family, **(given | {"auc": 0.8, "low": 0.0, "high": 0.0} | of))


BEST = contender("trees")


@pytest.mark.parametrize(
    ("low", "winner"),
    [pytest.param(0.0, "linear", id="the-interval-reaches-0"), pytest.param(0.0001, "trees", id="just-above-0")],
)
def test_the_simplest_within_the_interval_of_the_best_wins(low: float, winner: str) -> None:
    linear = contender("linear", rank=0, auc=0.79, low=low, high=0.02, number=1)
    assert choose_simplest([BEST, linear]).family == winner


def test_a_less_simple_one_within_the_interval_does_not() -> None:
    assert choose_simplest([BEST, contender("net", rank=3, auc=0.7999, low=-0.01, high=0.02)]) == BEST


def test_of_equal_ranks_the_fewest_features_win_then_the_highest_auc_then_the_first() -> None:
    few = contender("trees", features="few", n_features=2, auc=0.78, low=-0.01, high=0.05, number=3)
    assert choose_simplest([BEST, few]) == few
    other = contender("forest", auc=0.79, low=-0.01, high=0.05, number=1)
    assert choose_simplest([BEST, other]) == BEST
    assert choose_simplest([contender("forest", number=4), BEST]) == BEST


def test_the_reason_is_told_in_words() -> None:
    linear = contender("linear", rank=0, auc=0.79, low=-0.005, high=0.02, number=1)
    assert words_of_choice(BEST, BEST) == (
        "trees on all features is the best, and no simpler one lies within its interval"
    )
    assert "is simpler than the best, trees on all features, and within its interval: the best leads by -0.0050" in (
        words_of_choice(linear, BEST)
    )


def test_ranks_go_from_linear_models_to_nets_and_what_nobody_knows_is_the_least_simple() -> None:
    names = [LOGISTIC, "sklearn.tree.DecisionTreeClassifier", HISTOGRAM_TREES, "sklearn.neural_network.MLPClassifier"]
    assert [rank_of(name) for name in (*names, "own.Estimator")] == [0, 1, 2, 3, 4]
    assert all(rank_of(name) < 4 for name in ESTIMATORS)
