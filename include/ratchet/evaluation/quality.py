"""How good answers are, by the kind of label, as one number of which more is better; see `ratchet.training.measures`.

The gate and the nights judge by the very measure that a search has ranked by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ratchet.evaluation.metrics import DIGITS, roc_auc
from ratchet.training.measures import MEASURE_NAMES, measure

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ratchet.spec.label import LabelKind

QUALITY_NAMES = MEASURE_NAMES


def quality(kind: LabelKind, labels: ArrayLike, answers: ArrayLike, *, reference: float | None = None) -> float | None:
    """Return how good answers are, rounded to 12 digits; None where it cannot be told.

    Parameters
    ----------
    labels : array of shape (n_examples,)
        Coded as `ratchet.training.fit.code_labels` does: 0 or 1, the place of the class, or numbers.
    answers : array of shape (n_examples,), or (n_examples, n_classes) of a multiclass label
        As a model answers them, finite.
    reference : float
        Of numbers, what the dummy answers: the mean of the training labels.

    Raises
    ------
    ValueError
        If the shapes differ, an answer is not finite, or numbers come without a reference.
    """
    if kind == "binary":
        return roc_auc(labels, answers)
    found = measure(kind, np.asarray(labels), np.asarray(answers, dtype=np.float64), reference=reference)
    return None if found is None else round(found, DIGITS)
