"""Which contender of a search is taken: the simplest of those that the best one is not certainly better than.

A contender is the best trial of one family on one set of features. It lies within the interval of the best when the
paired bootstrap interval of the best's AUC minus its own, on the same validation examples, reaches down to 0: the
data do not tell the two apart. Of these the lowest rank wins, then the fewest features, then the highest AUC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """The best trial of one family on one set of features.

    ``low`` and ``high`` are the ends of the interval of the best contender's AUC minus this one's; 0 for the best.
    """

    family: str
    features: str
    estimator: str
    n_features: int
    rank: int
    number: int
    auc: float
    low: float
    high: float

    @property
    def is_within(self) -> bool:
        """Say whether the best is not certainly better."""
        return self.low <= 0


def choose_simplest(contenders: Sequence[Contender]) -> Contender:
    """Return the simplest contender within the interval of the best."""
    within = [one for one in contenders if one.is_within]
    return min(within, key=lambda one: (one.rank, one.n_features, -one.auc, one.number))


def words_of_choice(chosen: Contender, best: Contender) -> str:
    """Say why a contender was chosen, in one line."""
    if chosen == best:
        return f"{named(best)} is the best, and no simpler one lies within its interval"
    return (
        f"{named(chosen)} is simpler than the best, {named(best)}, and within its interval: "
        f"the best leads by {chosen.low:.4f} to {chosen.high:.4f}"
    )


def named(one: Contender) -> str:
    """Return what a contender is called."""
    return f"{one.family} on {one.features} features"
