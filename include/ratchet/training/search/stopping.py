"""When a search ends: its budget is spent, all of a grid is tried, or it has converged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ratchet.spec.search import MOST_TRIALS

if TYPE_CHECKING:
    from ratchet.spec.search import Search
    from ratchet.training.search.trials import Trial


def has_converged(aucs: Sequence[float | None], *, after: int, min_gain: float) -> bool:
    """Say whether the last ``after`` trials have raised the best AUC by less than ``min_gain``.

    Parameters
    ----------
    aucs : sequence of float or None
        The AUC of each finished trial in order; None for one that was broken off.
    after : int
        At least that many trials, and one before them, are needed.
    min_gain : float
        A gain of exactly this much is a gain.

    Examples
    --------
    >>> has_converged([0.70, 0.71, 0.7, 0.7], after=2, min_gain=0.01)
    True
    >>> has_converged([0.70, 0.71, 0.7, 0.72], after=2, min_gain=0.01)
    False
    """
    before = [auc for auc in aucs[:-after] if auc is not None]
    if not before:
        return False
    since = [auc for auc in aucs[-after:] if auc is not None]
    gain = max(since, default=max(before)) - max(before)
    # 0.72 - 0.71 is 0.010000000000000009: the rule must not turn on float noise.
    return round(gain, 12) < min_gain or round(gain, 12) <= 0


def why_stop(search: Search, trials: Sequence[Trial], *, n_fixed: int, n_grid: int | None) -> str | None:
    """Return why no further trial is to begin, in words; None while one is.

    Parameters
    ----------
    n_fixed : int
        How many trials are the fixed parameters of a family, which are tried whatever the budget.
    n_grid : int or None
        How many settings a grid has.
    """
    counted = [trial for trial in trials if trial.state != "fail"]
    n_drawn = len(counted) - n_fixed
    if n_drawn < 0:
        return None
    if n_grid is not None and n_drawn >= n_grid:
        return f"all {n_grid} settings of the grid were tried"
    if n_drawn >= (search.trials or MOST_TRIALS):
        return f"the budget of {search.trials or MOST_TRIALS} trials is spent"
    seconds = sum(trial.seconds or 0 for trial in trials)
    if search.minutes is not None and seconds >= 60 * search.minutes:
        return f"the budget of {search.minutes:g} minutes is spent, after {n_drawn} trials"
    finished = [trial.auc for trial in counted if trial.state != "running"]
    if search.converged_after and has_converged(finished, after=search.converged_after, min_gain=search.min_gain):
        return (
            f"converged: the last {search.converged_after} trials raised the best AUC by less than {search.min_gain:g}"
        )
    return None
