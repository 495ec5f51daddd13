"""Searches whose trials are judged by a formula instead of a fit, for what does not depend on the examples."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.spec.model import ModelSpec
from ratchet.spec.search import Choice, Family, Layers, Search, Uniform
from ratchet.training.search import running
from ratchet.training.search.families import Setting
from ratchet.training.search.pruning import Rung
from ratchet.training.search.trials import SearchResult
from tests.ratchet.features.make import LOGISTIC, make_frame, make_spec

TRAIN, VALIDATE = make_frame(300, seed=1), make_frame(200, seed=2, span="2013-01-06")
NET = "sklearn.neural_network.MLPClassifier"

Formula = Callable[[Setting, int], float]


def formula(setting: Setting, step: int = 9) -> float:
    """A family's level, less the distance from the best rate and size; a smaller share of the spans tells less."""
    level = {"main": 0.8, "linear": 0.7, "net": 0.75}[setting.family]
    rate, size = setting.parameters.get("learning_rate"), setting.parameters.get("max_iter")
    away = 0.0 if rate is None else 0.05 * (math.log10(rate / 0.1)) ** 2
    away += 0.0 if size is None else 0.001 * abs(size - 7)
    return level - away - 0.02 * (9 - step) / 9


class Judged:
    """Counts the trials that were judged by a formula."""

    def __init__(self, of: Formula = formula) -> None:
        self.settings: list[tuple[Setting, int]] = []
        self.of = of
        self.break_at: int | None = None

    def __call__(self, setting: Setting, rung: Rung | None = None) -> float:
        step = rung.step if rung else 9
        self.settings.append((setting, step))
        if len(self.settings) == self.break_at:
            raise KeyboardInterrupt  # no Exception: as a kill, it leaves the trial running
        return self.of(setting, step)


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Judged:
    counted = Judged()
    monkeypatch.setattr(running.Ground, "auc", lambda self, setting, rung=None: counted(setting, rung))
    return counted


def searching(**search: Any) -> ModelSpec:
    """A spec that searches two ranges and a list by trees, on top of what is given."""
    given = {"space": space(**({"points": 3} if search.get("sampler") == "grid" else {}))} | search
    return make_spec(search=Search(**given), parameters={})


def space(**of_rate: Any) -> dict[str, Uniform | Choice | Layers]:
    return {
        "learning_rate": Uniform(low=0.01, high=1.0, log=True, **of_rate),
        "max_iter": Uniform(low=3, high=12, integer=True),
        "max_leaf_nodes": Choice(choices=(7, 15)),
    }


def families() -> dict[str, Family]:
    net = {"hidden_layer_sizes": Layers(max_layers=2, units=(4, 8))}
    return {
        "linear": Family(estimator=LOGISTIC, space={"C": Uniform(low=0.1, high=10.0, log=True)}),
        "net": Family(estimator=NET, parameters={"max_iter": 20}, space=net),
    }


def run(path: Path, spec: ModelSpec, name: str = "study") -> SearchResult:
    return running.search(TRAIN, VALIDATE, spec, storage_path=path / "study.log", study_name=name)


def path_of(result: SearchResult) -> list[tuple[object, ...]]:
    return [
        (trial.family, trial.features, trial.parameters, trial.auc, trial.state)
        for trial in result.trials
        if trial.state != "fail"
    ]
