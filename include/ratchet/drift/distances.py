"""Distances between two rows of counts over the same cells.

Pure arithmetic. Every distance is rounded to 12 digits: 0.8 - 0.7 is 0.10000000000000009, and a bound must not turn
on float noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]
Counts = Sequence[int] | Floats

# Shares below this count as this in the stability index, which is infinite at an empty bin otherwise.
PSI_FLOOR = 1e-4
_DIGITS = 12
_TINY = 1e-300


def shares(counts: Counts) -> Floats:
    """Return counts as shares of their sum.

    Raises
    ------
    ValueError
        If there is no count above 0, or one below.
    """
    numbers = np.asarray(counts, dtype=np.float64)
    total = numbers.sum()
    if not total > 0 or numbers.min() < 0:
        raise ValueError(f"A distance needs counts of at least one example, none negative. Got {list(counts)[:20]}.")
    of: Floats = numbers / total
    return of


def divergence_parts(baseline: Counts, current: Counts) -> Floats:
    """Return what each cell adds to the Jensen-Shannon divergence, in bits; none is negative.

    With shares p and q of a cell and m = (p + q) / 2, its part is p/2 log2(p/m) + q/2 log2(q/m).

    Raises
    ------
    ValueError
        If the sides have different numbers of cells, or one is empty.
    """
    if len(baseline) != len(current):
        raise ValueError(f"Both sides must count the same cells. Got {len(baseline)} and {len(current)}.")
    return _parts(shares(baseline), shares(current))


def _parts(p: Floats, q: Floats) -> Floats:
    sides = np.array((p, q))
    # The smallest numbers stand for 0 in quotient and logarithm: times a share of 0 they are 0, as 0 log 0 is.
    ratios = np.maximum(2 * sides / np.maximum(p + q, _TINY), _TINY)
    parts: Floats = (sides * np.log2(ratios)).sum(axis=0) / 2
    return np.maximum(parts, 0.0)


def jensen_shannon(baseline: Counts, current: Counts) -> float:
    """Return the Jensen-Shannon distance of two rows of counts over the same cells.

    It is the square root of the divergence to base 2, and a metric: 0 for equal shares, 1 for shares without a
    common cell [1]_.

    Raises
    ------
    ValueError
        If the sides have different numbers of cells, or one is empty.

    References
    ----------
    .. [1] Endres and Schindelin, "A new metric for probability distributions", IEEE Trans. Inf. Theory 49 (2003).

    Examples
    --------
    >>> jensen_shannon([5, 5], [5, 5]), jensen_shannon([10, 0], [0, 10])
    (0.0, 1.0)
    """
    return _distance(divergence_parts(baseline, current))


def _distance(parts: Floats) -> float:
    # Float noise of 1e-17 in the divergence would be 3e-9 in its square root.
    return round(math.sqrt(round(float(parts.sum()), 15)), _DIGITS)


def linf(baseline: Counts, current: Counts) -> float:
    """Return the largest change in any one cell's share, in [0, 1]: max |p - q| [1]_.

    References
    ----------
    .. [1] Breck et al., "Data Validation for Machine Learning", MLSys 2019.

    Examples
    --------
    >>> linf([8, 2], [7, 3])
    0.1
    """
    return _linf(shares(baseline), shares(current))


def _linf(p: Floats, q: Floats) -> float:
    return round(float(np.abs(p - q).max()), _DIGITS)


def psi(baseline: Counts, current: Counts) -> float:
    """Return the population stability index: sum of (q - p) ln(q / p), each share at least ``PSI_FLOOR`` [1]_.

    References
    ----------
    .. [1] Siddiqi, "Credit Risk Scorecards", Wiley 2006; also known as Jeffreys' divergence.
    """
    return _psi(shares(baseline), shares(current))


def _psi(p: Floats, q: Floats) -> float:
    p, q = np.maximum(p, PSI_FLOOR), np.maximum(q, PSI_FLOOR)
    return round(float(((q - p) * np.log(q / p)).sum()), _DIGITS)


def chi_squared(baseline: Counts, current: Counts) -> float:
    """Return Pearson's statistic of the table of both rows, without a correction for continuity.

    The sum of (n - e)^2 / e over both sides and all cells that are not empty, e being what the side would count had
    both the same shares [1]_. It grows with the number of examples: `cohen_w` is what compares.

    References
    ----------
    .. [1] Pearson, "On the criterion that a given system of deviations...", Philosophical Magazine 50 (1900).
    """
    n, m = float(np.sum(baseline)), float(np.sum(current))
    w = cohen_w(baseline, current)
    return round(w * w / (1 / n + 1 / m), 9)


def cohen_w(baseline: Counts, current: Counts) -> float:
    """Return the effect size of the chi-squared test: the root of the sum of (p - q)^2 / s, s the pooled share [1]_.

    Times itself, and divided by 1/n + 1/m, it is Pearson's statistic. By convention 0.1 is small, 0.3 medium.

    References
    ----------
    .. [1] Cohen, "Statistical Power Analysis for the Behavioral Sciences", 2nd edition (1988), chapter 7.

    Examples
    --------
    >>> cohen_w([5, 5], [5, 5]), cohen_w([10, 0], [0, 10])
    (0.0, 2.0)
    """
    return _cohen_w(baseline, current, shares(baseline), shares(current))


def _cohen_w(baseline: Counts, current: Counts, p: Floats, q: Floats) -> float:
    pooled = np.asarray(baseline, dtype=np.float64) + np.asarray(current, dtype=np.float64)
    pooled = pooled / pooled.sum()
    return round(math.sqrt(float(((p - q) ** 2 / np.maximum(pooled, _TINY)).sum())), _DIGITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distances:
    """All distances between two rows of counts, and what each cell adds to the Jensen-Shannon divergence."""

    jensen_shannon: float
    l_infinity: float
    psi: float
    cohen_w: float
    parts: Floats


def measure_distances(baseline: Counts, current: Counts) -> Distances:
    """Return what the functions of this module do, the shares being taken once."""
    p, q = shares(baseline), shares(current)
    parts = _parts(p, q)
    return Distances(
        jensen_shannon=_distance(parts),
        l_infinity=_linf(p, q),
        psi=_psi(p, q),
        cohen_w=_cohen_w(baseline, current, p, q),
        parts=parts,
    )
