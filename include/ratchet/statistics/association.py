"""How well one column alone tells the label, over all and period by period.

The column's codes are ordered by the share of positive examples that the other half of the examples gives them, so a
column of many values gains nothing by chance, and one whose middle is positive is found as well as one whose end is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.statistics.coding import N_BINS

if TYPE_CHECKING:
    from ratchet.statistics.coding import Coded

Counts = np.ndarray[Any, np.dtype[np.float64]]
Whole = np.ndarray[Any, np.dtype[np.int64]]

_N_CODES = N_BINS + 1
_PRIOR = 5.0  # examples at the overall share that every code is given: a code seen twice says little
_Z = 1.96
_SEED = 0
MIN_PER_CLASS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Auc:
    """An AUC in [0, 1] with its 95 % interval, after Hanley and McNeil (1982)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """What one column says of the label.

    Parameters
    ----------
    auc : Auc or None
        Over all examples; None with fewer than ``MIN_PER_CLASS`` of either class.
    by_period : tuple of Auc or None
        The same within each period: what tells the periods apart does not count.
    information : float
        Mutual information of label and codes as a share of the label's entropy, less what chance gives.
    """

    column: str
    auc: Auc | None
    by_period: tuple[Auc | None, ...]
    information: float


def measure_association(coded: Coded, label: Whole, period: Whole, n_periods: int) -> Association:
    """Return what a column says of the label.

    Parameters
    ----------
    label : ndarray of int
        0 or 1; examples without a label are -1 and are left out.
    period : ndarray of int
        Which of ``n_periods`` an example belongs to; -1 is left out.
    """
    counts = _count(coded.codes, label, period, n_periods)
    halves = counts.sum(axis=0)
    found = [_associate(coded.column, counts, halves, [_score(halves[1 - half]) for half in (0, 1)])]
    if coded.is_ordered:
        # Where a column only rises or falls, its own order loses less than one told from counts.
        order = np.arange(_N_CODES, dtype=np.float64)
        found += [_associate(coded.column, counts, halves, [way, way]) for way in (order, -order)]
    return max(found, key=lambda of: of.auc.value if of.auc else 0.0)


def _associate(column: str, counts: Counts, halves: Counts, scores: list[Counts]) -> Association:
    ordered = np.stack([counts[:, half][:, np.argsort(scores[half], kind="stable")] for half in (0, 1)], axis=1)
    tied = [np.sort(score) for score in scores]
    return Association(
        column=column,
        auc=_mean_auc(ordered.sum(axis=0), tied),
        by_period=tuple(_mean_auc(of, tied) for of in ordered),
        information=_information(halves.sum(axis=0)),
    )


def _count(codes: Whole, label: Whole, period: Whole, n_periods: int) -> Counts:
    """Return counts of shape (period, half, code, class)."""
    # Drawn, not every other one: tables come sorted, and with their classes in turn.
    half = np.random.default_rng(_SEED).integers(0, 2, len(codes))
    cell = ((period * 2 + half) * _N_CODES + codes) * 2 + label
    known = (label >= 0) & (period >= 0)
    if not known.all():
        cell = cell[known]
    counts = np.bincount(cell, minlength=n_periods * 4 * _N_CODES)
    return counts.reshape(n_periods, 2, _N_CODES, 2).astype(np.float64)


def _score(counts: Counts) -> Counts:
    overall = counts[:, 1].sum() / max(counts.sum(), 1.0)
    shares: Counts = (counts[:, 1] + _PRIOR * overall) / (counts.sum(axis=1) + _PRIOR)
    return shares


def _mean_auc(halves: Counts, scores: list[Counts]) -> Auc | None:
    n_negative, n_positive = halves.sum(axis=(0, 1))
    if min(n_negative, n_positive) < MIN_PER_CLASS:
        return None
    values = [_auc(half, score) for half, score in zip(halves, scores, strict=True)]
    weights = [float(half[:, 0].sum() * half[:, 1].sum()) for half in halves]
    if not sum(weights):
        return None
    value = sum(w * v for w, v in zip(weights, values, strict=True) if w) / sum(weights)
    error = _Z * _standard_error(value, n_positive, n_negative)
    return Auc(value=value, low=max(value - error, 0.0), high=min(value + error, 1.0))


def _auc(counts: Counts, scores: Counts) -> float:
    # Codes of one score are ties: half a win each.
    groups = np.unique(scores, return_inverse=True)[1]
    negative = np.bincount(groups, weights=counts[:, 0])
    positive = np.bincount(groups, weights=counts[:, 1])
    pairs = negative.sum() * positive.sum()
    if not pairs:
        return math.nan
    below = np.cumsum(negative) - negative
    return float(((below + negative / 2) * positive).sum() / pairs)


def _standard_error(auc: float, n_positive: float, n_negative: float) -> float:
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    variance = auc * (1 - auc) + (n_positive - 1) * (q1 - auc * auc) + (n_negative - 1) * (q2 - auc * auc)
    return math.sqrt(max(variance, 0.0) / (n_positive * n_negative))


def _information(counts: Counts) -> float:
    n = counts.sum()
    if not n:
        return 0.0
    joint = counts / n
    codes, classes = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    entropy = -float((classes[classes > 0] * np.log(classes[classes > 0])).sum())
    if not entropy:
        return 0.0
    expected = codes * classes
    seen = joint > 0
    information = float((joint[seen] * np.log(joint[seen] / expected[seen])).sum())
    by_chance = max(int((codes > 0).sum()) - 1, 0) / (2 * n)  # Miller and Madow (1955)
    return float(min(max((information - by_chance) / entropy, 0.0), 1.0))
