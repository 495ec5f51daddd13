"""The samplers by name. Each is made anew for a trial, seeded by the trial's place: killed, a search keeps its path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler, TPESampler

from ratchet.errors import SpecError
from ratchet.training.search.cma_es import CmaEsSampler
from ratchet.training.search.policy_gradient import PolicyGradientSampler
from ratchet.training.search.space import FAMILY, FEATURES

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from ratchet.spec.search import Search
    from ratchet.training.search.space import SearchSpace

# A grid is listed whole, so that a budget below its size is spread over all of it.
MOST_GRID = 100_000
# Of the trials of a search: with fewer in a generation there is nothing to cross, with more no second one.
_GENERATIONS, _LEAST_POPULATION, _MOST_POPULATION = 5, 4, 50


class FixedSampler(BaseSampler):
    """Gives the values that it is made with."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return nothing: each value is given by its name."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing: each value is given by its name."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return the value of that name."""
        return self._values[param_name]


class GeneticSampler(NSGAIISampler):
    """NSGA-II over the whole space: the trials of fixed parameters, which have no genes, would leave it none."""

    def __init__(self, space: SearchSpace, *, seed: int, population_size: int) -> None:
        super().__init__(seed=seed, population_size=population_size)
        self._flat = {name: of for name, of in space.flat().items() if not of.single()}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return all that may be drawn."""
        return self._flat


def make_sampler(search: Search, space: SearchSpace, *, place: int, seed: int) -> BaseSampler:
    """Return the sampler of the trial at a place; one of fixed parameters for the first trial of each family."""
    fixed = space.fixed()
    if place < len(fixed):
        return FixedSampler({FAMILY: fixed[place].family, FEATURES: fixed[place].features})
    return _MAKERS[search.sampler](search, space, place, seed)


def _grid(_: Search, space: SearchSpace, place: int, seed: int) -> BaseSampler:
    return FixedSampler(grid_points(space, seed=seed)[place - len(space.fixed())])


def _genetic(search: Search, space: SearchSpace, place: int, seed: int) -> BaseSampler:
    n_trials = search.trials or _GENERATIONS * _MOST_POPULATION
    size = min(max(n_trials // _GENERATIONS, _LEAST_POPULATION), _MOST_POPULATION)
    return GeneticSampler(space, seed=_mixed(seed, place), population_size=size)


def _mixed(seed: int, place: int) -> int:
    return (seed + place) % 2**32


_MAKERS: Mapping[str, Callable[[Search, SearchSpace, int, int], BaseSampler]] = {
    "tpe": lambda _, __, place, seed: TPESampler(seed=_mixed(seed, place)),
    "random": lambda _, __, place, seed: RandomSampler(seed=_mixed(seed, place)),
    "grid": _grid,
    "cma_es": lambda _, space, place, seed: CmaEsSampler(space, seed=seed, place=place),
    "nsga_ii": _genetic,
    "policy_gradient": lambda _, __, place, seed: PolicyGradientSampler(seed=_mixed(seed, place)),
}


def grid_points(space: SearchSpace, *, seed: int) -> list[dict[str, Any]]:
    """Return the settings of a grid, shuffled by the seed.

    Raises
    ------
    SpecError
        If there are more than 100,000.
    """
    points = list(islice(space.grid(), MOST_GRID + 1))
    if len(points) > MOST_GRID:
        raise SpecError(f"train.search: the grid has more than {MOST_GRID:,} settings. Use fewer points, or tpe.")
    return [points[i] for i in np.random.default_rng(seed).permutation(len(points))]
