"""How many outcomes contradict even where a model is surest: an estimate of the noise of labels.

Were each label turned with probability r, no group of examples could be purer than r, however well a model knew the
truth. So the purest tenth at each end bounds it: of the examples scored lowest the share of positives, of those scored
highest the share of negatives; r is at most the smaller of both [1]_. It says nothing about which labels are wrong,
and a model that tells nothing looks like noise too. So a flexible model is asked beside a candidate that does
(``ratchet.steps.noise``): every model's ends are a bound, and the least counts. Where the features themselves tell
little of two outcomes that are about as frequent, no model tells that from noise: either way they are not learnt.

References
----------
.. [1] Liu and Tao, "Classification with Noisy Labels by Importance Reweighting", IEEE TPAMI 38(3), 2016, theorem 3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.metrics import DIGITS, check_pairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.metrics import Bools, Floats

_END = 0.1
# Fewer examples at an end hold no share that would be worth an interval.
MIN_AT_AN_END = 10


def label_noise(labels: ArrayLike, scores: ArrayLike, *, confidence: float = 0.95) -> Interval | None:
    """Return the smaller of both ends' shares of contradicting outcomes, with its Wilson interval.

    Examples of equal score enter an end together, so that their order says nothing.

    Returns
    -------
    Interval or None
        In [0, 1]; None with fewer than 10 examples at an end, or where all scores are the same.
    """
    truth, score = check_pairs(labels, scores)
    n_end = math.ceil(_END * len(truth))
    if n_end < MIN_AT_AN_END or score.min() == score.max():
        return None
    ordered = np.sort(score)
    low, high = truth[score <= ordered[n_end - 1]], ~truth[score >= ordered[-n_end]]
    return min((_wilson(end, confidence) for end in (low, high)), key=lambda of: (of.value, of.high))


def class_noise(labels: NDArray[np.int64], answers: Floats, *, confidence: float = 0.95) -> Interval | None:
    """Return the share of other outcomes among the tenth of examples with the likeliest class, with its interval.

    Were each label turned with probability r, no group could be purer than r, and this one is as pure as the model
    knows any.

    Parameters
    ----------
    answers : array of shape (n_examples, n_classes)
        Probabilities.

    Returns
    -------
    Interval or None
        As `label_noise` does.
    """
    n_end = math.ceil(_END * len(labels))
    if n_end < MIN_AT_AN_END:
        return None
    likeliest = answers.max(axis=1)
    if likeliest.min() == likeliest.max():
        return None
    surest = likeliest >= np.sort(likeliest)[-n_end]
    return _wilson(answers[surest].argmax(axis=1) != labels[surest], confidence)


def _wilson(contradicts: Bools, confidence: float) -> Interval:
    """Return the share of true values with the interval of Wilson, which holds for shares near 0 too."""
    from scipy.special import ndtri

    n, share = len(contradicts), float(contradicts.mean())
    z = float(ndtri((1 + confidence) / 2))
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    value = round(share, DIGITS)
    low, high = round(max(0.0, middle - half), DIGITS), round(min(1.0, middle + half), DIGITS)
    return Interval(value=value, low=min(low, value), high=max(high, value))
