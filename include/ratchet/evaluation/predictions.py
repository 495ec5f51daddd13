"""Whether what a model answered are probabilities, or numbers, at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ratchet.errors import PredictionsError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ratchet.evaluation.metrics import Floats

# Probabilities of 32 bits, each rounded by itself, do not add up to 1 exactly.
_SUM_TOLERANCE = 1e-4


def find_fault(scores: Floats, *, may_be_constant: bool = True) -> str | None:
    """Return what is wrong with scores that should be probabilities, in words and with figures; None if nothing is.

    Parameters
    ----------
    scores : array of shape (n_examples,)
        Empty is sound, and so is a single one.
    may_be_constant : bool
        Whether every example may have the same score: the dummy does so by design, a candidate is broken.
    """
    n_not_finite = int((~np.isfinite(scores)).sum())
    n_outside = int(((scores < 0) | (scores > 1)).sum())
    if n_not_finite:
        return f"{n_not_finite} of {len(scores)} scores are NaN or infinite"
    if n_outside:
        return f"{n_outside} of {len(scores)} scores lie outside [0, 1], from {scores.min():g} to {scores.max():g}"
    if not may_be_constant and len(scores) > 1 and scores.min() == scores.max():
        return f"all {len(scores)} scores are {scores[0]:g}"
    return None


def find_fault_of_numbers(answers: Floats, *, may_be_constant: bool = True) -> str | None:
    """Return what is wrong with predicted numbers; None if nothing is."""
    n_not_finite = int((~np.isfinite(answers)).sum())
    if n_not_finite:
        return f"{n_not_finite} of {len(answers)} predicted numbers are NaN or infinite"
    if not may_be_constant and len(answers) > 1 and answers.min() == answers.max():
        return f"all {len(answers)} predicted numbers are {answers[0]:g}"
    return None


def find_fault_of_classes(answers: Floats, *, may_be_constant: bool = True) -> str | None:
    """Return what is wrong with the probabilities of several classes, of shape (n_examples, n_classes)."""
    fault = find_fault(answers.ravel())
    if fault is not None:
        return fault
    n_uneven = int((np.abs(answers.sum(axis=1) - 1) > _SUM_TOLERANCE).sum())
    if n_uneven:
        return f"the probabilities of {n_uneven} of {len(answers)} examples do not add up to 1"
    if not may_be_constant and len(answers) > 1 and (answers == answers[0]).all():
        return f"all {len(answers)} examples have the same probabilities"
    return None


def check_scores(scores: ArrayLike) -> Floats:
    """Return the scores a model answered, if they are probabilities.

    Raises
    ------
    PredictionsError
        If one is NaN, infinite or outside [0, 1].
    """
    column = np.asarray(scores, dtype=np.float64)
    fault = find_fault(column)
    if fault:
        raise PredictionsError(f"{fault}; each must be a number in [0, 1].")
    return column
