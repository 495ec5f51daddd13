"""The score from which on the outcome is expected, chosen by what decisions are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ratchet.errors import TrainingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.spec.label import LabelKind
    from ratchet.spec.values import Values

THRESHOLD_OBJECTIVE = "youden_j"
# No choice may turn on float noise; sums of values are taken relative to the largest of them.
_DIGITS = 12


def choose(
    scores: NDArray[np.float64], labels: NDArray[np.int64], values: Values | None, *, kind: LabelKind = "binary"
) -> tuple[float | None, str | None]:
    """Return the threshold and what chose it: the values of the objective, or balanced accuracy without them.

    Call it on validation spans only: chosen on the test spans, it would make them part of the training. Without an
    outcome that is true or false there is none to choose.

    Raises
    ------
    TrainingError
        Unless both outcomes are there.
    """
    if kind != "binary":
        return None, None
    if values is None:
        return choose_threshold(scores, labels), THRESHOLD_OBJECTIVE
    return choose_by_value(scores, labels, values), values.words


def choose_threshold(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the score from which on the outcome is expected: it maximises Youden's J (balanced accuracy).

    Youden's J is the true positive rate minus the false positive rate [1]_. Call it on validation spans only: chosen
    on the test spans, it would make them part of the training. Among equal maxima the highest score is returned.

    Parameters
    ----------
    scores : ndarray of shape (n_examples,)
        Scores in [0, 1].
    labels : ndarray of shape (n_examples,)
        Outcomes, 0 or 1.

    Raises
    ------
    TrainingError
        Unless both outcomes are there.

    References
    ----------
    .. [1] Youden, "Index for rating diagnostic tests", Cancer 3(1), 1950.

    Examples
    --------
    >>> choose_threshold(np.array([0.1, 0.4, 0.6, 0.9]), np.array([0, 0, 1, 1]))
    0.6
    """
    ranked, outcomes, last = _ranked(scores, labels)
    true_rate = np.cumsum(outcomes) / outcomes.sum()
    false_rate = np.cumsum(1 - outcomes) / (1 - outcomes).sum()
    gains = np.round(true_rate - false_rate, _DIGITS)[last]
    return float(ranked[last[int(np.argmax(gains))]])


def choose_by_value(scores: NDArray[np.float64], labels: NDArray[np.int64], values: Values) -> float:
    """Return the score from which on it is worth most, in all, to expect the outcome.

    The thresholds tried are the scores themselves, and 1, above which nothing is expected unless a score is 1. Among
    equals the highest is returned: the fewest actions. For calibrated scores and many examples it comes close to
    Elkan's ratio of costs [1]_, and needs no calibration.

    Parameters
    ----------
    scores : ndarray of shape (n_examples,)
        Scores in [0, 1].
    labels : ndarray of shape (n_examples,)
        Outcomes, 0 or 1.

    Raises
    ------
    TrainingError
        Unless both outcomes are there.

    References
    ----------
    .. [1] Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.
    """
    ranked, outcomes, last = _ranked(scores, labels)
    came = outcomes.astype(bool)
    # What each example adds when the outcome is expected of it, over when it is not.
    gain = np.where(came, values.true_positive - values.false_negative, values.false_positive - values.true_negative)
    totals = np.cumsum(gain)[last]
    scale = float(np.abs(gain).max()) * len(gain)
    totals = np.round(totals / scale, _DIGITS)
    if totals.max() <= 0 and ranked[0] < 1:
        return 1.0
    return float(ranked[last[int(np.argmax(totals))]])


def _ranked(
    scores: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.intp]]:
    """Return scores from the highest, their outcomes, and the places that can be a threshold: both outcomes needed."""
    n_positive = int(labels.sum())
    n_negative = len(labels) - n_positive
    if not n_positive or not n_negative:
        raise TrainingError(f"A threshold needs both outcomes. Got {n_positive} true and {n_negative} false examples.")
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # Equal scores fall on the same side, so only the last of each run of equals can be one.
    return ranked, labels[order], np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))


def decision_values(came: NDArray[np.bool_], expected: NDArray[np.bool_], values: Values) -> NDArray[np.float64]:
    """Return what each decision was worth, an array of shape (n_examples,)."""
    if_expected = np.where(came, values.true_positive, values.false_positive)
    if_not = np.where(came, values.false_negative, values.true_negative)
    return np.where(expected, if_expected, if_not).astype(np.float64)
