from __future__ import annotations

import math
from collections.abc import Callable
from statistics import mean

import optuna
import pytest
from optuna.samplers import BaseSampler, RandomSampler

from ratchet.training.search.policy_gradient import Controller, PolicyGradientSampler

N_TRIALS = 60


def quiet() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction="maximize")


def objective(trial: optuna.Trial) -> float:
    """The best is 0: a range, one on a logarithm, whole numbers, and a list."""
    share = trial.suggest_float("share", 0, 1)
    rate = trial.suggest_float("rate", 1e-3, 1, log=True)
    size = trial.suggest_int("size", 1, 20)
    kind = {"a": 0.3, "b": 0.0, "c": 0.15}[trial.suggest_categorical("kind", ["a", "b", "c"])]
    return -((share - 0.7) ** 2) - ((math.log10(rate) + 1) / 3) ** 2 - ((size - 5) / 20) ** 2 - kind


def values(make: Callable[[int], BaseSampler], seed: int, n_trials: int = N_TRIALS) -> list[float]:
    study, found = quiet(), []
    for number in range(n_trials):
        study.sampler = make(seed + number)
        asked = study.ask()
        found.append(objective(asked))
        study.tell(asked, found[-1])
    return found


@pytest.mark.parametrize("first_seed", [0, 20_000])
def test_it_beats_random_search_on_a_toy_whatever_the_seeds(first_seed: int) -> None:
    seeds = range(first_seed, first_seed + 5000, 1000)
    learnt = [values(lambda seed: PolicyGradientSampler(seed=seed), seed) for seed in seeds]
    drawn = [values(lambda seed: RandomSampler(seed=seed), seed) for seed in seeds]
    assert mean(max(run) for run in learnt) > mean(max(run) for run in drawn)
    # What is drawn late is far better than what is drawn by chance.
    assert mean(mean(run[-20:]) for run in learnt) > mean(mean(run[-20:]) for run in drawn) + 0.2
    assert mean(mean(run[-20:]) for run in learnt) > mean(mean(run[:20]) for run in learnt) + 0.1


def test_at_first_it_draws_from_all_of_a_range() -> None:
    found = []
    for seed in range(200):
        study = quiet()
        study.sampler = PolicyGradientSampler(seed=seed)
        found.append(study.ask().suggest_float("x", 0, 1))
    assert min(found) < 0.1
    assert max(found) > 0.9
    assert 0.4 < mean(found) < 0.6


def trial(value: float, **of: float | str) -> optuna.trial.FrozenTrial:
    known = {"x": optuna.distributions.FloatDistribution(0, 1)}
    known["kind"] = optuna.distributions.CategoricalDistribution(["a", "b"])  # type: ignore[assignment]
    return optuna.trial.create_trial(params=of, distributions={name: known[name] for name in of}, value=value)


def learnt(*trials: optuna.trial.FrozenTrial) -> Controller:
    controller = Controller()
    for one in trials:
        controller.learn(one)
    return controller


def test_a_reward_above_the_baseline_draws_a_policy_towards_what_was_drawn_and_one_below_away() -> None:
    start = trial(0.5, x=0.5, kind="a")
    better, worse = learnt(start, trial(0.9, x=0.9, kind="b")), learnt(start, trial(0.1, x=0.9, kind="b"))
    assert better.policies["x"].mean > 0 > worse.policies["x"].mean  # type: ignore[union-attr]
    a, b = better.policies["kind"].logits  # type: ignore[union-attr]
    assert b > a
    a, b = worse.policies["kind"].logits  # type: ignore[union-attr]
    assert b < a


def test_equal_rewards_teach_nothing_and_what_was_not_drawn_is_not_moved() -> None:
    controller = learnt(*[trial(0.5, x=0.9, kind="b")] * 3)
    assert controller.policies["x"].mean == 0  # type: ignore[union-attr]
    controller = learnt(trial(0.5, x=0.5), trial(0.9, x=0.9))
    assert set(controller.policies) == {"x"}


def test_one_outlying_reward_moves_a_policy_no_farther_than_two_deviations() -> None:
    calm = [trial(0.5, x=0.5), trial(0.51, x=0.5), trial(0.5, x=0.5)]
    some, much = learnt(*calm, trial(0.2, x=0.9)), learnt(*calm, trial(-1e9, x=0.9))
    assert much.policies["x"].mean == pytest.approx(some.policies["x"].mean)  # type: ignore[union-attr]
