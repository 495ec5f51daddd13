"""What a search and a gate rank models by, by the kind of label: one number, of which more is better.

========== ========================== =======================================================================
kind       measure                    range
========== ========================== =======================================================================
binary     AUC                        0 to 1; 0.5 is a guess
multiclass macro one-vs-rest AUC      0 to 1; 0.5 is a guess; the mean over the classes that came and did not
regression skill, 1 - loss / loss of  up to 1; 0 is as good as the best constant of the training labels, negative
           a constant                 worse; has no unit, so that margins and gains mean the same for any label
========== ========================== =======================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ratchet.training.losses import MAE, Loss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.spec.label import LabelKind

MEASURE_NAMES: Final[Mapping[LabelKind, str]] = {"binary": "AUC", "multiclass": "macro AUC", "regression": "skill"}


def measure(
    kind: LabelKind,
    labels: NDArray[Any],
    answers: NDArray[np.float64],
    *,
    reference: float | None = None,
    loss: Loss = MAE,
) -> float | None:
    """Return how good answers are.

    Parameters
    ----------
    labels : ndarray of shape (n_examples,)
        Coded, see `LabelledMatrix`.
    answers : ndarray of shape (n_examples,), or (n_examples, n_classes) of a multiclass label
        As a model answers them, finite.
    reference : float
        Of numbers, what the dummy answers: the constant that has the least loss on the training labels.
    loss : Loss
        Of numbers, what they are judged by.

    Returns
    -------
    float or None
        None where it cannot be told: without both outcomes, without two classes, or where the reference is never
        wrong.

    Raises
    ------
    ValueError
        If the lengths differ, an answer is not finite, or numbers come without a reference.
    """
    if answers.ndim != (2 if kind == "multiclass" else 1) or len(answers) != len(labels):
        raise ValueError(f"answers of a {kind} label must be one row an example. Got {answers.shape}, {labels.shape}.")
    if not np.isfinite(answers).all():
        raise ValueError("each answer must be a finite number.")
    if kind == "regression":
        if reference is None:
            raise ValueError("the skill of predicted numbers needs a reference: what the dummy answers.")
        return skill(labels, answers, reference, loss)
    return _auc(labels == 1, answers) if kind == "binary" else macro_auc(labels, answers)


def macro_auc(labels: NDArray[Any], answers: NDArray[np.float64]) -> float | None:
    """Return the mean over classes of the AUC by which a class is told from the rest; None with one class alone."""
    aucs = [_auc(labels == place, answers[:, place]) for place in range(answers.shape[1])]
    known = [auc for auc in aucs if auc is not None]
    return float(np.mean(known)) if known else None


def skill(
    labels: NDArray[np.float64], answers: NDArray[np.float64], reference: float, loss: Loss = MAE
) -> float | None:
    """Return 1 - loss / loss of a constant; None without an example, or where the constant is never wrong."""
    if not len(labels):
        return None
    constant = loss.of_examples(labels, np.full(len(labels), reference)).mean()
    ours = loss.of_examples(labels, answers).mean()
    return 1 - float(loss.of_mean(ours / constant)) if constant > 0 else None


def _auc(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> float | None:
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(truth, scores)) if truth.any() and not truth.all() else None
