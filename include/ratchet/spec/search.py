"""What a search tries, how it draws it, and when it stops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ratchet.spec.estimators import Encoding, Estimator, Parameter
from ratchet.spec.section import Column, Name, Section

SamplerName = Literal["tpe", "random", "grid", "cma_es", "nsga_ii", "policy_gradient"]
PrunerName = Literal["none", "median", "hyperband"]
# What a trial is called whose estimator is that of `train`, and the set of all features.
MAIN_FAMILY = "main"
ALL_FEATURES = "all"
MOST_TRIALS = 1000


class Uniform(Section):
    """A range to search."""

    low: float
    high: float
    log: bool = Field(default=False, description="Search the logarithm; low must then be above 0.")
    integer: bool = Field(default=False, description="Whole numbers only.")
    points: int | None = Field(
        default=None, ge=2, le=100, description="How many values a grid takes from the range, its ends included."
    )

    @model_validator(mode="after")
    def _low_below_high(self) -> Uniform:
        if not self.low < self.high:
            raise ValueError(f"low must be below high. Got low={self.low}, high={self.high}.")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range must start above 0. Got low={self.low}.")
        return self


class Choice(Section):
    """A list to choose from."""

    choices: tuple[str | int | float | bool, ...] = Field(min_length=2)


class Layers(Section):
    """Hidden layers of a neural net: how many, and the size of each."""

    max_layers: int = Field(ge=1, le=5, description="From one layer up to this many.")
    units: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        min_length=1, description="The sizes that each layer chooses from, by itself."
    )


Space = dict[str, Uniform | Choice | Layers]


class Family(Section):
    """An estimator that competes with that of ``train``, with a space of its own."""

    estimator: Estimator = Field(description="The estimator, by dotted name.")
    encoding: Encoding | None = Field(
        default=None, description="How the estimator reads its columns; that of its kind when nothing is said."
    )
    parameters: dict[str, Parameter] = Field(default={}, description="Fixed parameters of the estimator.")
    space: Space = Field(default={}, description="Range, list or layers for each parameter searched.")
    rank: int | None = Field(
        default=None,
        ge=0,
        le=100,
        description="How simple it is: the lower rank wins within the interval of the best. By default 0 for linear "
        "models, 1 for one tree, neighbours and naive Bayes, 2 for ensembles, 3 for neural nets, 4 for others.",
    )

    @model_validator(mode="after")
    def _fixed_or_searched(self) -> Family:
        check_fixed_or_searched(self.parameters, self.space)
        return self


class Search(Section):
    """The search for a model: hyperparameters, and where asked for the estimator and the features."""

    sampler: SamplerName = Field(
        default="tpe",
        description="How settings are drawn: tpe (Bayesian, a tree-structured Parzen estimator), random, grid, cma_es "
        "or nsga_ii (evolutionary), policy_gradient (a controller that learns by reinforcement).",
    )
    pruner: PrunerName = Field(
        default="none",
        description="Fit on the newest ninth, then the newest third of the train spans first, and break a setting off "
        "that lags there: median (worse than half of the others) or hyperband.",
    )
    trials: int = Field(
        default=0, ge=0, le=MOST_TRIALS, description="How many settings are tried beside the fixed ones."
    )
    minutes: float | None = Field(
        default=None, gt=0, le=10_080, description="Minutes that trials may take in all, those of all workers together."
    )
    workers: int = Field(
        default=1, ge=1, le=64, description="Tasks that try settings at the same time, on one study in a local home."
    )
    converged_after: int | None = Field(
        default=50, ge=2, le=MOST_TRIALS, description="Stop after so many trials in a row without a gain; null: never."
    )
    min_gain: float = Field(
        default=0.0005, ge=0, lt=1, description="What counts as a gain of the best AUC, macro AUC or skill."
    )
    space: Space = Field(default={}, description="Range, list or layers for each parameter searched.")
    families: dict[Name, Family] = Field(default={}, description="Estimators that compete with that of train, by name.")
    feature_sets: dict[Name, tuple[Column, ...]] = Field(
        default={}, description="Lists of features, derived ones too, that compete with all of them, by name."
    )

    @model_validator(mode="after")
    def _budget_needs_a_space(self) -> Search:
        n_searched = len(self.space) + len(self.families) + len(self.feature_sets)
        if bool(self.trials or self.minutes) != bool(n_searched):
            raise ValueError(
                "trials (or minutes) and space (or families, or feature_sets) go together. "
                f"Got trials={self.trials}, minutes={self.minutes} and {len(self.space)} parameters."
            )
        for taken, section in ((MAIN_FAMILY, self.families), (ALL_FEATURES, self.feature_sets)):
            if taken in section:
                raise ValueError(f"{taken!r} is the name of what train and features say. Use another.")
        for name, columns in self.feature_sets.items():
            if not columns or len(set(columns)) != len(columns):
                raise ValueError(f"feature_sets.{name}: must name features, each once. Got {len(columns)}.")
        return self

    @model_validator(mode="after")
    def _sampler_can_draw(self) -> Search:
        spaces = [self.space, *(family.space for family in self.families.values())]
        ranges = [(name, of) for space in spaces for name, of in space.items() if isinstance(of, Uniform)]
        if self.sampler == "grid":
            endless = sorted({name for name, of in ranges if not of.integer and of.points is None})
            if endless:
                raise ValueError(f"{', '.join(endless)}: a grid needs points for a range of fractions.")
        elif any(of.points is not None for _, of in ranges):
            raise ValueError(f"points are of a grid. Got sampler {self.sampler!r}.")
        if self.sampler == "cma_es" and not ranges:
            raise ValueError("cma_es moves within ranges, and the space has none. Use another sampler.")
        return self


def check_fixed_or_searched(parameters: Mapping[str, Parameter], space: Space) -> None:
    """Raise ``ValueError`` if a parameter is both fixed and searched."""
    both = sorted(set(parameters) & set(space))
    if both:
        raise ValueError(f"{', '.join(both)}: fixed under parameters and searched under space. Keep one.")
