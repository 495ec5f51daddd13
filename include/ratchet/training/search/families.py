"""The families of a search: the estimator of ``train`` and those that compete with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ratchet.spec.estimators import estimator_kind
from ratchet.spec.search import ALL_FEATURES, MAIN_FAMILY, Choice, Layers

if TYPE_CHECKING:
    from ratchet.features.transform import Parameters
    from ratchet.spec.estimators import Encoding, Parameter
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.search import Space, Uniform

# By the module of the estimator: what people would take for simpler first. Anything else is the least simple.
_RANKS = {
    "sklearn.dummy": 0,
    "sklearn.linear_model": 0,
    "sklearn.discriminant_analysis": 0,
    "sklearn.tree": 1,
    "sklearn.neighbors": 1,
    "sklearn.naive_bayes": 1,
    "sklearn.ensemble": 2,
    "lightgbm": 2,
    "xgboost": 2,
    "sklearn.neural_network": 3,
}
_UNKNOWN_RANK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchedFamily:
    """One estimator with its fixed parameters and its space; the lower the rank, the simpler."""

    name: str
    estimator: str
    encoding: Encoding | None
    parameters: Parameters
    space: Space
    rank: int

    def any_parameters(self) -> Parameters:
        """Return some setting of the space: whether the estimator knows the names can be tried with it."""
        return {name: _any_of(space) for name, space in self.space.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one trial tries: a family, a set of features, and parameters on top of the family's fixed ones."""

    family: str = MAIN_FAMILY
    features: str = ALL_FEATURES
    parameters: Parameters = field(default_factory=dict)


def families_of(spec: ModelSpec) -> dict[str, SearchedFamily]:
    """Return the families of a spec by name, that of ``train`` first."""
    train = spec.train
    main = SearchedFamily(
        name=MAIN_FAMILY,
        estimator=train.estimator,
        encoding=train.encoding,
        parameters=train.parameters,
        space=train.search.space,
        rank=rank_of(train.estimator),
    )
    others = {
        name: SearchedFamily(
            name=name,
            estimator=family.estimator,
            encoding=family.encoding,
            parameters=family.parameters,
            space=family.space,
            rank=rank_of(family.estimator) if family.rank is None else family.rank,
        )
        for name, family in train.search.families.items()
    }
    return {MAIN_FAMILY: main, **others}


def _any_of(space: Uniform | Choice | Layers) -> Parameter:
    if isinstance(space, Layers):
        return space.units[:1]
    if isinstance(space, Choice):
        return space.choices[0]
    return int(space.low) if space.integer else space.low


def rank_of(estimator: str) -> int:
    """Return how simple an estimator is, by the library's module it comes from; 0 is the simplest."""
    ranks = [rank for module, rank in _RANKS.items() if estimator.startswith(f"{module}.")]
    return ranks[0] if ranks else _UNKNOWN_RANK


def columns_of(spec: ModelSpec, features: str) -> tuple[str, ...]:
    """Return the features of a named set, in the order of the spec."""
    if features == ALL_FEATURES:
        return spec.features.names()
    chosen = set(spec.train.search.feature_sets[features])
    return tuple(name for name in spec.features.names() if name in chosen)


def settle(spec: ModelSpec, family: str, features: str) -> ModelSpec:
    """Return the spec as it reads when that family and that set of features are chosen.

    A matrix keeps all columns of the spec; the transform inside the model leaves out those that were not chosen.
    """
    if (family, features) == (MAIN_FAMILY, ALL_FEATURES):
        return spec
    kind = estimator_kind(families_of(spec)[family].estimator)
    chosen = families_of(spec)[family]
    return spec.model_copy(
        update={
            "train": spec.train.model_copy(
                update={
                    "estimator": chosen.estimator,
                    "encoding": chosen.encoding,
                    "parameters": dict(chosen.parameters),
                    # A family is fitted as train says where its estimator can be.
                    "checkpoint_rounds": spec.train.checkpoint_rounds if kind.rounds else None,
                    "feed": spec.train.feed if kind.is_fed_by_spans else "whole",
                }
            ),
            "features": spec.features.only(columns_of(spec, features)),
        }
    )
