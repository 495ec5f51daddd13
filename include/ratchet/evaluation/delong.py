"""The standard error of an AUC without resampling, so that hundreds of slices can be looked at.

An AUC is a mean over positives of the share of negatives below each, and over negatives of the share of positives
above each. The deviation of each example's share from the AUC, over the number of its class, is what that example adds
to the error; the sum of their squares is DeLong's variance [1]_, but for n instead of n - 1. Where examples are drawn
by entity or span, what those of a unit add is summed before it is squared [2]_.

References
----------
.. [1] DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
   characteristic curves", Biometrics 44, 1988.
.. [2] Obuchowski, "Nonparametric analysis of clustered ROC curve data", Biometrics 53, 1997.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Units


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AucError:
    """An AUC, and what each example adds to its error, an array of shape (n_examples,)."""

    auc: float
    added: Floats


def auc_error(truth: Bools, scores: Floats) -> AucError:
    """Return the AUC of examples of both classes and what each adds to its error."""
    shares = np.empty(len(truth))
    positives, negatives = np.sort(scores[truth]), np.sort(scores[~truth])
    for member, others, sign in ((truth, negatives, 1), (~truth, positives, -1)):
        below = np.searchsorted(others, scores[member], side="left") + np.searchsorted(
            others, scores[member], side="right"
        )
        share = below / (2 * len(others))
        shares[member] = share if sign > 0 else 1 - share
    auc = float(shares[truth].mean())
    return AucError(auc=auc, added=(shares - auc) / np.where(truth, len(positives), len(negatives)))


def standard_error(added: Floats, units: Units | None) -> float:
    """Return the standard error of a figure, or of a difference of figures, from what each example adds to it.

    Parameters
    ----------
    added : array of shape (n_examples,)
        0 for an example that the figure is not made of.
    """
    sums = added if units is None else np.bincount(units.codes, weights=added, minlength=units.n)
    return float(np.sqrt(np.square(sums).sum()))
