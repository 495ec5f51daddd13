"""What a search has tried and what it found: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ratchet.spec.search import ALL_FEATURES, MAIN_FAMILY

if TYPE_CHECKING:
    from ratchet.features.transform import Parameters

TrialState = Literal["running", "complete", "pruned", "fail"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting that was tried; ``auc`` is None unless the state is ``complete``.

    ``place`` counts the trials that were not lost: a trial that is tried again for a killed one takes its place.
    ``worker`` names the process that tried it.
    """

    number: int
    place: int | None = None
    family: str = MAIN_FAMILY
    features: str = ALL_FEATURES
    parameters: Parameters = field(default_factory=dict)
    auc: float | None
    seconds: float | None
    state: TrialState
    worker: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The best setting, as parameters on top of its family's fixed ones, and all that was tried.

    ``stopped`` says in words why no further setting was tried, ``at_edge`` which of the best setting's parameters lie
    at an end of their range, ``importance`` how much of the AUC's variation each parameter explains, by family.
    """

    parameters: Parameters
    auc: float
    trials: tuple[Trial, ...]
    family: str = MAIN_FAMILY
    features: str = ALL_FEATURES
    stopped: str = ""
    at_edge: tuple[str, ...] = ()


def best_of(trials: tuple[Trial, ...]) -> Trial:
    """Return the complete trial with the highest AUC; the first of several."""
    complete = [trial for trial in trials if trial.auc is not None]
    return max(complete, key=lambda trial: (trial.auc, -trial.number))


def contenders_of(trials: tuple[Trial, ...]) -> tuple[Trial, ...]:
    """Return the best trial of each family and set of features, the highest AUC first."""
    pairs = {(trial.family, trial.features) for trial in trials if trial.auc is not None}
    several = [best_of(tuple(t for t in trials if (t.family, t.features) == pair)) for pair in pairs]
    return tuple(sorted(several, key=lambda trial: (-(trial.auc or 0), trial.number)))
