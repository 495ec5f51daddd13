"""The space of a search, and the way between its settings and the names and numbers that a study keeps.

A parameter of ``train`` is kept under its own name, one of a family under ``family.parameter``; what chooses between
families and between sets of features is kept under a name that no parameter can have.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.spec.search import ALL_FEATURES, MAIN_FAMILY, Choice, Layers, Uniform
from ratchet.training.search.families import SearchedFamily, Setting, families_of

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

    from ratchet.spec.model import ModelSpec

FAMILY, FEATURES = ".family", ".features"
# A best value within this share of its range from either end says that the range may be too narrow.
EDGE_SHARE = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpace:
    """All that a search may choose: families, sets of features, and each family's parameters."""

    families: Mapping[str, SearchedFamily]
    feature_sets: tuple[str, ...]

    @classmethod
    def of(cls, spec: ModelSpec) -> SearchSpace:
        """Return the space that a spec asks for."""
        return cls(families=families_of(spec), feature_sets=(ALL_FEATURES, *spec.train.search.feature_sets))

    def fixed(self) -> list[Setting]:
        """Return the settings that are tried first: each family's fixed parameters, on all features."""
        return [Setting(family=name) for name in self.families]

    def choices(self) -> dict[str, BaseDistribution]:
        """Return the choices that come before any parameter; none where there is one family and one set."""
        from optuna.distributions import CategoricalDistribution

        names = {FAMILY: tuple(self.families), FEATURES: self.feature_sets}
        return {name: CategoricalDistribution(of) for name, of in names.items() if len(of) > 1}

    def of_family(self, family: str) -> dict[str, BaseDistribution]:
        """Return the distributions of one family's parameters by name; every layer that there may be."""
        found: dict[str, BaseDistribution] = {}
        for name, space in self.families[family].space.items():
            found |= _distributions(f"{_prefix(family)}{name}", space)
        return found

    def flat(self) -> dict[str, BaseDistribution]:
        """Return all distributions by name."""
        found = self.choices()
        for family in self.families:
            found |= self.of_family(family)
        return found

    def suggest(self, trial: optuna.Trial, *, with_silent: bool = False) -> None:
        """Let a trial draw its setting: the choices first, then what the chosen family needs.

        Parameters
        ----------
        with_silent : bool
            Draw the parameters of all families, as genes that are handed on and do nothing in this trial.
        """
        for name, choice in self.choices().items():
            _suggest(trial, name, choice)
        for family in self.families if with_silent else [trial.params.get(FAMILY, MAIN_FAMILY)]:
            for name, distribution in self.of_family(family).items():
                if with_silent or _is_needed(name, trial.params):
                    _suggest(trial, name, distribution)

    def read(self, params: Mapping[str, Any]) -> Setting:
        """Return the setting that a trial's parameters stand for."""
        family = params.get(FAMILY, MAIN_FAMILY)
        found: dict[str, Any] = {}
        for name, space in self.families[family].space.items():
            key = f"{_prefix(family)}{name}"
            if isinstance(space, Layers) and f"{key}.layers" in params:
                found[name] = tuple(params[f"{key}.{i}"] for i in range(1, params[f"{key}.layers"] + 1))
            elif key in params:
                found[name] = params[key]
        return Setting(family=family, features=params.get(FEATURES, ALL_FEATURES), parameters=found)

    def grid(self) -> Iterator[dict[str, Any]]:
        """Yield every combination of a grid, as the parameters of its trial, in the order of the spec."""
        for family, of in self.families.items():
            several = [list(_grid(f"{_prefix(family)}{name}", space)) for name, space in of.space.items()]
            for features, *parts in itertools.product(self.feature_sets, *several):
                chosen = {FAMILY: family, FEATURES: features}
                point = {name: value for name, value in chosen.items() if name in self.choices()}
                yield point | {k: v for part in parts for k, v in part.items()}

    def edges(self, setting: Setting) -> list[str]:
        """Say of each parameter whether it lies at an end of its range, in words."""
        space = self.families[setting.family].space
        return [
            words
            for name, value in setting.parameters.items()
            if isinstance(of := space[name], Uniform) and (words := _edge(name, of, value))
        ]


def to_unit(distribution: BaseDistribution, value: Any) -> float:
    """Return where in [0, 1] a number of a range lies, on the scale that is searched."""
    low, high, scale = _ends(distribution)
    return float((scale(value) - low) / (high - low))


def from_unit(distribution: BaseDistribution, unit: float) -> Any:
    """Return the number of a range at a place in [0, 1]; whole numbers have equal shares."""
    from optuna.distributions import IntDistribution

    low, high, _ = _ends(distribution)
    at = low + (high - low) * min(max(unit, 0.0), 1.0)
    value = math.exp(at) if distribution.log else at  # type: ignore[attr-defined]  # of ranges only, as is `_ends`
    if isinstance(distribution, IntDistribution):
        return int(min(max(round(value), distribution.low), distribution.high))
    return float(min(max(value, distribution.low), distribution.high))  # type: ignore[attr-defined]


def _ends(distribution: Any) -> tuple[float, float, Any]:
    from optuna.distributions import IntDistribution

    half = 0.5 if isinstance(distribution, IntDistribution) else 0.0
    scale = math.log if distribution.log else float
    return scale(distribution.low - half), scale(distribution.high + half), scale


def _prefix(family: str) -> str:
    return "" if family == MAIN_FAMILY else f"{family}."


def _distributions(name: str, space: Uniform | Choice | Layers) -> dict[str, BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(space, Layers):
        sizes = {f"{name}.{i}": CategoricalDistribution(space.units) for i in range(1, space.max_layers + 1)}
        return {f"{name}.layers": IntDistribution(1, space.max_layers), **sizes}
    if isinstance(space, Choice):
        return {name: CategoricalDistribution(space.choices)}
    if space.integer:
        return {name: IntDistribution(int(space.low), int(space.high), log=space.log)}
    return {name: FloatDistribution(space.low, space.high, log=space.log)}


def _is_needed(name: str, drawn: Mapping[str, Any]) -> bool:
    """Say whether a layer's size is needed: the layers are counted first."""
    base, _, last = name.rpartition(".")
    n_layers = drawn.get(f"{base}.layers")
    return n_layers is None or not last.isdigit() or int(last) <= n_layers


def _suggest(trial: optuna.Trial, name: str, distribution: Any) -> None:
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        trial.suggest_categorical(name, distribution.choices)
    elif isinstance(distribution, IntDistribution):
        trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
    else:
        trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)


def _grid(name: str, space: Uniform | Choice | Layers) -> Iterator[dict[str, Any]]:
    if isinstance(space, Layers):
        for n_layers in range(1, space.max_layers + 1):
            for sizes in itertools.product(space.units, repeat=n_layers):
                yield {f"{name}.layers": n_layers, **{f"{name}.{i}": size for i, size in enumerate(sizes, start=1)}}
    elif isinstance(space, Choice):
        yield from ({name: choice} for choice in space.choices)
    else:
        yield from ({name: value} for value in _points(space))


def _points(space: Uniform) -> list[float | int]:
    if space.points is None:
        return list(range(int(space.low), int(space.high) + 1))
    low, high = (math.log(space.low), math.log(space.high)) if space.log else (space.low, space.high)
    places = [low + (high - low) * i / (space.points - 1) for i in range(space.points)]
    values = [min(max(math.exp(at) if space.log else at, space.low), space.high) for at in places]
    return list(dict.fromkeys(round(value) for value in values)) if space.integer else values


def _edge(name: str, space: Uniform, value: Any) -> str | None:
    scale = math.log if space.log else float
    share = (scale(value) - scale(space.low)) / (scale(space.high) - scale(space.low))
    share = round(share, 12)
    for end, bound, away in (("lower", space.low, share), ("upper", space.high, 1 - share)):
        if round(away, 12) <= EDGE_SHARE:
            return f"{name} = {value:g} lies at the {end} end of its range, {bound:g}: a wider one may hold a better"
    return None
