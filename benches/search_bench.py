"""What a search finds by learning, against random search; and what a trial costs beside its fit."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benches.measuring import Row, figure_row, take
from ratchet.spec.search import Search, Uniform
from ratchet.training.search.families import SearchedFamily
from ratchet.training.search.pruning import make_pruner
from ratchet.training.search.space import SearchSpace
from ratchet.training.search.study import open_study

if TYPE_CHECKING:
    import optuna

    from ratchet.training.search.study import Study

N_SEEDS, N_TRIALS = 12, 60
N_COUNTED = 100
# Milliseconds: a search of a hundred trials then adds three seconds to its fits.
TRIAL_BUDGET = 30.0


def run() -> list[Row]:
    """Return the rows of both."""
    return [*_regrets(), _cost_of_a_trial()]


def objective(trial: optuna.Trial) -> float:
    """Return how far a setting lies from the best of a made-up space, negated: two families, one of them deeper."""
    if trial.suggest_categorical("family", ["linear", "trees"]) == "linear":
        return -0.1 - 0.05 * (math.log10(trial.suggest_float("linear.C", 1e-3, 1e3, log=True)) - 1) ** 2
    rate = trial.suggest_float("learning_rate", 1e-3, 1.0, log=True)
    leaves, depth = trial.suggest_int("max_leaf_nodes", 2, 64), trial.suggest_categorical("max_depth", [2, 4, 8])
    away = 0.1 * (math.log10(rate) + 1) ** 2 + 0.2 * ((leaves - 24) / 64) ** 2
    return -away - {2: 0.06, 4: 0.0, 8: 0.03}[depth]


def _regrets() -> list[Row]:
    from optuna.samplers import RandomSampler, TPESampler

    from ratchet.training.search.policy_gradient import PolicyGradientSampler

    makers: dict[str, Callable[[int], Any]] = {
        "random": lambda seed: RandomSampler(seed=seed),
        "policy gradient": lambda seed: PolicyGradientSampler(seed=seed),
        "tpe": lambda seed: TPESampler(seed=seed),
    }
    best, late = {}, {}
    for name, make in makers.items():
        several = [_search(make, 1000 * seed) for seed in range(N_SEEDS)]
        best[name] = float(np.mean([-max(values) for values in several]))
        late[name] = float(np.mean([-np.mean(values[-20:]) for values in several]))
    of = f"against random, {N_TRIALS} trials, mean of {N_SEEDS} seeds"
    told = {"the best": best, "the last 20": late}
    return [
        _against(f"regret of {what}, {name} {of}", regrets, name)
        for what, regrets in told.items()
        for name in makers
        if name != "random"
    ]


def _search(make: Callable[[int], Any], seed: int) -> list[float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study, values = optuna.create_study(direction="maximize"), []
    for number in range(N_TRIALS):
        study.sampler = make(seed + number)
        asked = study.ask()
        values.append(objective(asked))
        study.tell(asked, values[-1])
    return values


def _against(name: str, regrets: dict[str, float], ours: str) -> Row:
    ratio = regrets[ours] / regrets["random"]
    row = figure_row(name, regrets[ours], unit="AUC")
    return row | {"reference": regrets["random"], "ratio": ratio, "budget": 1.0, "passed": ratio <= 1.0}


def _cost_of_a_trial() -> Row:
    taken = take(_search_without_fits, times=2)
    name = f"a trial of tpe beside its fit: claim, draw and tell, of {N_COUNTED} on one study"
    return figure_row(name, 1000 * taken.cpu / N_COUNTED, unit="CPU ms", budget=TRIAL_BUDGET)


def _search_without_fits() -> None:
    from ratchet.training.search.samplers import make_sampler

    ranges = {f"range_{i}": Uniform(low=0.001, high=1.0, log=True) for i in range(4)}
    search = Search(trials=N_COUNTED, space=dict(ranges))
    main = SearchedFamily(name="main", estimator="", encoding=None, parameters={}, space=search.space, rank=0)
    space = SearchSpace(families={"main": main}, feature_sets=("all",))

    def prepare(study: Study, place: int) -> bool:
        study.kept.sampler = make_sampler(search, space, place=place + 1, seed=0)
        return True

    with (
        tempfile.TemporaryDirectory() as folder,
        open_study(Path(folder) / "study.log", "bench", space, pruner=make_pruner("none", 0)) as study,
    ):
        for _ in range(N_COUNTED):
            asked = study.claim(prepare, space.suggest)
            if asked is not None:
                study.kept.tell(asked, sum(asked.params.values()))
