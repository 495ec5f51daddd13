"""CMA-ES, the covariance matrix adaptation evolution strategy, over the ranges of each family.

Optuna's own sampler keeps its state pickled in the study, and unpickling runs code of whoever wrote the file. Here
the state is computed again from the study's finished trials, which takes milliseconds.

References
----------
.. [1] Hansen, "The CMA Evolution Strategy: A Tutorial", arXiv:1604.00772, 2016.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState

from ratchet.training.search.space import from_unit, to_unit

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

    from ratchet.training.search.space import SearchSpace

# Of the unit interval: the middle of it at first, as in Optuna.
_SIGMA = 1 / 6
_LARGEST_SEED = 2**31 - 2


class CmaEsSampler(BaseSampler):
    """Draws the ranges of every family from its own evolution; lists and choices are drawn at random."""

    def __init__(self, space: SearchSpace, *, seed: int, place: int) -> None:
        self._seed, self._place = seed, place
        self._random = RandomSampler(seed=(seed + place) % 2**32)
        self._families = [_ranges(space.of_family(family)) for family in space.families]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the ranges of all families: those of a family that is not chosen are drawn for nothing."""
        return {name: of for ranges in self._families for name, of in ranges.items()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return one draw of each family's evolution."""
        states = (TrialState.COMPLETE,)
        finished = sorted(study.get_trials(deepcopy=False, states=states), key=lambda one: one.number)
        drawn: dict[str, Any] = {}
        for ranges in filter(None, self._families):
            drawn |= self._draw(ranges, [one for one in finished if ranges.keys() <= one.params.keys()])
        return drawn

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a random choice."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _draw(self, ranges: dict[str, BaseDistribution], finished: list[FrozenTrial]) -> dict[str, Any]:
        from cmaes import CMA

        n = len(ranges)
        evolution = CMA(
            mean=np.full(n, 0.5),
            sigma=_SIGMA,
            bounds=np.tile([0.0, 1.0], (n, 1)),
            seed=self._seed % _LARGEST_SEED,
            n_max_resampling=10 * n,
        )
        size = evolution.population_size
        for start in range(0, len(finished) - size + 1, size):
            evolution.tell([(_units(ranges, one), -float(one.value or 0)) for one in finished[start : start + size]])
        evolution.reseed_rng((self._seed + self._place) % _LARGEST_SEED)
        return {name: from_unit(of, unit) for (name, of), unit in zip(ranges.items(), evolution.ask(), strict=True)}


def _ranges(distributions: dict[str, BaseDistribution]) -> dict[str, BaseDistribution]:
    return {
        name: of
        for name, of in distributions.items()
        if not isinstance(of, CategoricalDistribution) and not of.single()
    }


def _units(ranges: dict[str, BaseDistribution], trial: FrozenTrial) -> Any:
    return np.array([to_unit(of, trial.params[name]) for name, of in ranges.items()])
