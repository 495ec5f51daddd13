"""A searcher that learns by reinforcement: a policy-gradient controller over the space, as a sampler of Optuna.

The controller has a policy for each parameter: a softmax over a list, a normal distribution over a range, squashed into
it. A trial is an episode whose reward is its AUC. After each, REINFORCE [1]_ moves the policies along the
gradient of the log-probability of what was drawn, times the reward's advantage over a moving baseline.
Parameters that a trial did not draw (of other families, of further layers) are not moved by it.

A sampler is made for one trial: it learns from the study's finished trials, in order, and then draws.

References
----------
.. [1] Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", 1992.
.. [2] Zoph and Le, "Neural architecture search with reinforcement learning", ICLR 2017.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from optuna.distributions import CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from ratchet.training.search.space import from_unit, to_unit

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

_RATE = 0.15
# A normal distribution of this width, squashed, is close to an even one: the first draws are near random.
_WIDEST, _NARROWEST = 1.6, 0.2
# Rewards this many deviations from the baseline count no more: one failed setting must not throw a policy away.
_LARGEST_ADVANTAGE = 2.0
_MEMORY = 0.9


@dataclass(slots=True)
class _ListPolicy:
    logits: NDArray[np.float64]

    def draw(self, rng: np.random.Generator) -> int:
        return int(rng.choice(len(self.logits), p=self._shares()))

    def learn(self, drawn: int, advantage: float) -> None:
        self.logits += _RATE * 2 * advantage * (np.eye(len(self.logits))[drawn] - self._shares())

    def _shares(self) -> NDArray[np.float64]:
        odds = np.exp(self.logits - self.logits.max())
        shares: NDArray[np.float64] = odds / odds.sum()
        return shares


@dataclass(slots=True)
class _RangePolicy:
    mean: float = 0.0
    width: float = _WIDEST

    def draw(self, rng: np.random.Generator) -> float:
        return float(1 / (1 + np.exp(-(self.mean + self.width * rng.standard_normal()))))

    def learn(self, drawn: float, advantage: float) -> None:
        inside = min(max(drawn, 1e-3), 1 - 1e-3)
        away = float(np.log(inside / (1 - inside))) - self.mean
        # The natural gradient: that of the log-probability, measured in the policy's own width.
        self.mean += _RATE * advantage * away
        grown = self.width * np.exp(_RATE / 2 * advantage * (away**2 / self.width**2 - 1) / 2)
        self.width = float(min(max(grown, _NARROWEST), _WIDEST))


@dataclass(slots=True)
class Controller:
    """The policies, and the baseline that a reward is held against."""

    policies: dict[str, _ListPolicy | _RangePolicy] = field(default_factory=dict)
    baseline: float | None = None
    spread: float = 0.0

    def learn(self, trial: FrozenTrial) -> None:
        """Move the policies of the parameters that a finished trial drew."""
        advantage = self._advantage(float(trial.value or 0))
        for name, distribution in trial.distributions.items():
            policy, value = self._policy(name, distribution), trial.params[name]
            if isinstance(policy, _ListPolicy):
                policy.learn(distribution.choices.index(value), advantage)  # type: ignore[attr-defined]
            else:
                policy.learn(to_unit(distribution, value), advantage)

    def draw(self, name: str, distribution: BaseDistribution, rng: np.random.Generator) -> Any:
        """Return a value of a parameter, as its policy has it."""
        policy = self._policy(name, distribution)
        if isinstance(policy, _ListPolicy):
            return distribution.choices[policy.draw(rng)]  # type: ignore[attr-defined]  # a list's distribution
        return from_unit(distribution, policy.draw(rng))

    def _policy(self, name: str, distribution: BaseDistribution) -> _ListPolicy | _RangePolicy:
        if name not in self.policies:
            listed = distribution.choices if isinstance(distribution, CategoricalDistribution) else ()
            self.policies[name] = _ListPolicy(np.zeros(len(listed))) if listed else _RangePolicy()
        return self.policies[name]

    def _advantage(self, reward: float) -> float:
        """Return how many typical deviations a reward lies above the baseline, and move both towards it."""
        if self.baseline is None:
            self.baseline = reward
            return 0.0
        above = reward - self.baseline
        self.baseline += (1 - _MEMORY) * above
        self.spread = abs(above) if self.spread == 0 else _MEMORY * self.spread + (1 - _MEMORY) * abs(above)
        if self.spread == 0:
            return 0.0
        return float(np.clip(above / self.spread, -_LARGEST_ADVANTAGE, _LARGEST_ADVANTAGE))


class PolicyGradientSampler(BaseSampler):
    """Draws each parameter from a policy that has learnt from the study's finished trials."""

    def __init__(self, *, seed: int) -> None:
        self._rng, self._controller = np.random.default_rng(seed), Controller()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Learn; nothing is drawn jointly."""
        self._controller = Controller()
        for finished in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
            if finished.value is not None:
                self._controller.learn(finished)
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return nothing: each parameter is drawn by its own policy."""
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Return a value of a parameter, as its policy has it."""
        return self._controller.draw(param_name, param_distribution, self._rng)
