"""What every sampler owes: the path of its seed, whether killed or not, and settings inside of the space."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from ratchet.errors import SpecError
from ratchet.spec.search import Layers, SamplerName, Uniform
from ratchet.training.search import samplers
from ratchet.training.search.samplers import grid_points
from ratchet.training.search.space import SearchSpace
from tests.ratchet.features.make import make_spec
from tests.ratchet.training.search.make import Judged, families, path_of, run, searching, space

SAMPLERS = get_args(SamplerName)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("pruner", ["none", "hyperband"])
def test_a_search_takes_the_same_path_for_a_seed_killed_or_not(
    tmp_path: Path, judged: Judged, sampler: str, pruner: str
) -> None:
    spec = searching(sampler=sampler, trials=24, pruner=pruner)
    whole = run(tmp_path, spec, "whole")
    for broken_at in (9, 4):
        judged.settings.clear()
        judged.break_at = broken_at
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, spec, "resumed")
    judged.break_at = None
    resumed = run(tmp_path, spec, "resumed")
    assert [trial.state for trial in resumed.trials].count("fail") == 2
    assert path_of(resumed) == path_of(whole)
    assert [trial.place for trial in resumed.trials if trial.state != "fail"] == list(range(25))


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "grid"])
def test_another_seed_takes_another_path(tmp_path: Path, judged: Judged, sampler: str) -> None:
    spec = searching(sampler=sampler, trials=3)
    other = spec.model_copy(update={"train": spec.train.model_copy(update={"seed": 8})})
    assert path_of(run(tmp_path, spec, "one")) != path_of(run(tmp_path, other, "other"))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_several_families_are_searched_each_within_its_own_space(tmp_path: Path, judged: Judged, sampler: str) -> None:
    grid = {"points": 2} if sampler == "grid" else {}
    others = families()
    others["linear"] = others["linear"].model_copy(update={"space": {"C": Uniform(low=0.1, high=10.0, **grid)}})
    spec = searching(
        sampler=sampler,
        trials=40,
        space=space(**grid),
        families=others,
        feature_sets={"few": ("hour", "carrier")},
        converged_after=None,
    )
    result = run(tmp_path, spec)
    drawn = [trial for trial in result.trials if trial.number >= 3]
    assert [(t.family, t.parameters) for t in result.trials[:3]] == [("main", {}), ("linear", {}), ("net", {})]
    assert {trial.family for trial in drawn} == {"main", "linear", "net"}
    assert {trial.features for trial in drawn} == {"all", "few"}
    for trial in drawn:
        names = set(trial.parameters)
        if trial.family == "main":
            assert names == {"learning_rate", "max_iter", "max_leaf_nodes"}
            assert 0.01 <= trial.parameters["learning_rate"] <= 1  # type: ignore[operator]
            assert trial.parameters["max_iter"] in range(3, 13)
        elif trial.family == "linear":
            assert names == {"C"}
        else:
            assert names == {"hidden_layer_sizes"}
            sizes = trial.parameters["hidden_layer_sizes"]
            assert isinstance(sizes, tuple)
            assert 1 <= len(sizes) <= 2
            assert set(sizes) <= {4, 8}


def test_what_learns_beats_what_does_not(tmp_path: Path, judged: Judged) -> None:
    def last(sampler: str) -> float:
        spec = searching(sampler=sampler, trials=60, converged_after=None)
        aucs = [trial.auc or 0 for trial in run(tmp_path, spec, sampler).trials[-20:]]
        return sum(aucs) / len(aucs)

    chance = last("random")
    learnt = {name: last(name) for name in SAMPLERS if name not in ("grid", "random")}
    assert min(learnt.values()) > chance + 0.003, (chance, learnt)


def test_a_grid_tries_every_combination_once_and_stops(tmp_path: Path, judged: Judged) -> None:
    result = run(tmp_path, searching(sampler="grid", trials=1000, converged_after=None))
    tried = [tuple(trial.parameters.values()) for trial in result.trials[1:]]
    rounded = sorted((round(rate, 12), size, nodes) for rate, size, nodes in tried)  # type: ignore[arg-type]
    assert rounded == sorted(product((0.01, 0.1, 1.0), range(3, 13), (7, 15)))
    assert result.stopped == "all 60 settings of the grid were tried"


def test_a_grid_below_its_size_is_spread_by_the_seed(tmp_path: Path, judged: Judged) -> None:
    result = run(tmp_path, searching(sampler="grid", trials=12))
    assert len(result.trials) == 13
    assert {trial.parameters["max_leaf_nodes"] for trial in result.trials[1:]} == {7, 15}
    assert len({trial.parameters["learning_rate"] for trial in result.trials[1:]}) == 3


@pytest.mark.parametrize(("most", "is_refused"), [(60, False), (59, True)], ids=["at-the-most", "above-the-most"])
def test_an_endless_grid_is_refused(monkeypatch: pytest.MonkeyPatch, most: int, is_refused: bool) -> None:
    monkeypatch.setattr(samplers, "MOST_GRID", most)
    found = SearchSpace.of(searching(sampler="grid", trials=5))
    if is_refused:
        with pytest.raises(SpecError, match="the grid has more than 59 settings"):
            grid_points(found, seed=0)
    else:
        assert len(grid_points(found, seed=0)) == 60


def test_layers_of_a_grid_are_all_nets_up_to_the_deepest() -> None:
    net = families()["net"]
    spec = make_spec(search=searching(trials=1, sampler="grid", space={}, families={"net": net}).train.search)
    found = SearchSpace.of(spec)
    settings = [found.read(point) for point in found.grid()]
    nets = [tuple(s.parameters["hidden_layer_sizes"]) for s in settings if s.family == "net"]  # type: ignore[arg-type]
    assert sorted(nets) == sorted([(4,), (8,), (4, 4), (4, 8), (8, 4), (8, 8)])
    assert isinstance(net.space["hidden_layer_sizes"], Layers)
