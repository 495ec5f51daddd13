"""AUC and average precision of resampled rows, whose scores are sorted once.

A resample is a count per row. Put in the order of the scores, negatives and positives apart, an AUC under counts is one
cumulative sum and one product, and an average precision another: no score is ever sorted again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranking:
    """Where each positive's score falls among the sorted negatives of one contender.

    ``order`` holds the rows of the negatives, lowest score first, then those of the positives. Of each positive,
    ``below`` and ``not_above`` count the negatives that score less, and those that score less or the same; ``last`` is
    the first of the positives that score the same, which the highest scores reach last. Without a tie all is told by
    ``below``, and the others are None.
    """

    order: NDArray[np.intp]
    n_negative: int
    below: NDArray[np.intp]
    not_above: NDArray[np.intp] | None
    last: NDArray[np.intp] | None

    @classmethod
    def of(cls, truth: Bools, scores: Floats) -> Ranking:
        """Return the ranking of scores of shape (n_examples,)."""
        order = np.argsort(scores, kind="stable")
        positives, negatives = order[truth[order]], order[~truth[order]]
        sorted_positives, sorted_negatives = scores[positives], scores[negatives]
        below = np.searchsorted(sorted_negatives, sorted_positives, side="left")
        not_above = np.searchsorted(sorted_negatives, sorted_positives, side="right")
        last = np.searchsorted(sorted_positives, sorted_positives, side="left")
        return cls(
            order=np.concatenate([negatives, positives]),
            n_negative=len(negatives),
            below=below,
            not_above=None if np.array_equal(below, not_above) else not_above,
            last=None if np.array_equal(last, np.arange(len(last))) else last,
        )

    def ordered(self, counts: Counts) -> Counts:
        """Return counts of shape (n_resamples, n_examples) in the order of the ranking."""
        return np.take(counts, self.order, axis=1)

    def passed(self, ordered: Counts) -> Counts:
        """Return how many negatives of each resample are passed by a score that lies above none, one, ... of them."""
        passed = np.zeros((len(ordered), self.n_negative + 1), dtype=np.int64)
        np.cumsum(ordered[:, : self.n_negative], axis=1, out=passed[:, 1:])
        return passed

    def auc(self, ordered: Counts, passed: Counts) -> Floats:
        """Return one AUC a resample, NaN in one without both classes."""
        drawn = ordered[:, self.n_negative :]
        won = np.take(passed, self.below, axis=1)
        if self.not_above is None:
            won *= 2
        else:
            won += np.take(passed, self.not_above, axis=1)
        # Counts and their products are whole numbers, exact below 2**53: equal rankings give equal AUCs.
        won *= drawn
        n_pairs = drawn.sum(axis=1) * passed[:, -1]
        return _divided(won.sum(axis=1), 2 * n_pairs)

    def average_precision(self, ordered: Counts, passed: Counts) -> Floats:
        """Return one average precision a resample, NaN in one without a positive."""
        drawn = ordered[:, self.n_negative :]
        through = np.cumsum(drawn, axis=1)
        n_positive = through[:, -1:].copy() if through.shape[1] else np.zeros((len(drawn), 1), dtype=np.int64)
        # Positives that score at least as much as each, equal scores together.
        hits = n_positive - through
        hits += drawn
        if self.last is not None:
            hits = np.take(hits, self.last, axis=1)
        seen = passed[:, -1:] - np.take(passed, self.below, axis=1)
        seen += hits
        # A positive that was not drawn may have seen nobody.
        precision = np.divide(hits, seen, out=np.zeros(np.shape(hits)), where=seen > 0)
        precision *= drawn
        return _divided(precision.sum(axis=1), n_positive[:, 0])


def _divided(above: NDArray[np.int64] | Floats, below: NDArray[np.int64]) -> Floats:
    found: Floats = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return found
