"""How far one model leads another in quality on the same examples, with its interval, without resampling.

What each example adds to a quality's error is known (see `Yardstick.error`), and so what it adds to the difference of
two. The interval is the normal one.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.delong import standard_error
from ratchet.evaluation.metrics import DIGITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Floats
    from ratchet.evaluation.resampling import Units
    from ratchet.evaluation.yardstick import Yardstick


def quality_lead(
    yardstick: Yardstick,
    labels: NDArray[Any],
    best: Floats,
    other: Floats,
    confidence: float,
    *,
    units: Units | None = None,
) -> Interval:
    """Return the quality of one model's answers minus that of another's.

    Parameters
    ----------
    labels : array of shape (n_examples,)
        Coded, of two classes at least, or numbers that vary.
    best, other : arrays of shape (n_examples,), or (n_examples, n_classes) of several classes
        What they answered.
    """
    ours, theirs = yardstick.error(labels, best), yardstick.error(labels, other)
    value, half = ours.auc - theirs.auc, standard_error(ours.added - theirs.added, units)
    half *= NormalDist().inv_cdf((1 + confidence) / 2)
    return Interval(value=round(value, DIGITS), low=round(value - half, DIGITS), high=round(value + half, DIGITS))
