"""How far one model leads another in quality on the same examples, with its interval, without resampling.

What each example adds to the difference is known: to an AUC by DeLong's placements (see `delong`), and so to their mean
over classes; to a skill, which is a ratio of means, by the delta method. The interval is the normal one.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.delong import auc_error, standard_error
from ratchet.evaluation.metrics import DIGITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Floats


def macro_auc_lead(labels: NDArray[Any], best: Floats, other: Floats, confidence: float) -> Interval:
    """Return the macro AUC of one model minus that of another.

    Parameters
    ----------
    labels : array of shape (n_examples,)
        Places of classes, two of them at least.
    best, other : arrays of shape (n_examples, n_classes)
        Their probabilities.
    """
    places = [place for place in np.unique(labels).tolist() if (labels != place).any()]
    value, added = 0.0, np.zeros(len(labels))
    for place in places:
        truth = labels == place
        ours, theirs = auc_error(truth, best[:, place]), auc_error(truth, other[:, place])
        value += (ours.auc - theirs.auc) / len(places)
        added += (ours.added - theirs.added) / len(places)
    return _normal(value, added, confidence)


def skill_lead(labels: NDArray[Any], best: Floats, other: Floats, confidence: float, *, reference: float) -> Interval:
    """Return the skill of one model minus that of another, whose predicted numbers are of shape (n_examples,)."""
    of_reference = np.abs(labels - reference)
    scale = float(of_reference.mean())
    gains = np.abs(labels - other) - np.abs(labels - best)
    value = float(gains.mean()) / scale
    return _normal(value, (gains - value * of_reference) / (scale * len(labels)), confidence)


def _normal(value: float, added: Floats, confidence: float) -> Interval:
    half = NormalDist().inv_cdf((1 + confidence) / 2) * standard_error(added, None)
    return Interval(value=round(value, DIGITS), low=round(value - half, DIGITS), high=round(value + half, DIGITS))
