"""Distances between two distributions, told from counts or from sketches.

Pure arithmetic. Every distance is rounded to 12 digits: 0.8 - 0.7 is 0.10000000000000009, and a bound must not turn
on float noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from datasketches import kll_doubles_sketch

Floats = np.ndarray[Any, np.dtype[np.float64]]
Counts = Sequence[int] | Floats

# Shares below this count as this in the stability index, which is infinite at an empty bin otherwise.
PSI_FLOOR = 1e-4
_DIGITS = 12
_KS_RANKS = [i / 64 for i in range(65)]


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
    p, q = shares(baseline), shares(current)
    m = (p + q) / 2
    parts = _half(p, m) + _half(q, m)
    return np.maximum(parts, 0.0)


def _half(p: Floats, m: Floats) -> Floats:
    # 0 log 0 is 0, so an empty cell adds nothing.
    ratio = np.divide(p, m, out=np.ones_like(p), where=p > 0)
    half: Floats = 0.5 * p * np.log2(ratio)
    return half


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
    return distance_of(divergence_parts(baseline, current))


def distance_of(parts: Floats) -> float:
    """Return the Jensen-Shannon distance whose square these parts add up to."""
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
    return round(float(np.abs(shares(baseline) - shares(current)).max()), _DIGITS)


def psi(baseline: Counts, current: Counts) -> float:
    """Return the population stability index: sum of (q - p) ln(q / p), each share at least ``PSI_FLOOR`` [1]_.

    References
    ----------
    .. [1] Siddiqi, "Credit Risk Scorecards", Wiley 2006; also known as Jeffreys' divergence.
    """
    p, q = np.maximum(shares(baseline), PSI_FLOOR), np.maximum(shares(current), PSI_FLOOR)
    return round(float(((q - p) * np.log(q / p)).sum()), _DIGITS)


def ks(baseline: bytes, current: bytes) -> float:
    """Return the Kolmogorov-Smirnov statistic of two KLL sketches: the largest gap of their distribution functions.

    The gap is looked for at 65 quantiles of either side, so a larger one between two of them may be missed by at
    most 1/64; the sketches [1]_ add their rank errors (99 % below 1.05 % each at k = 256).

    References
    ----------
    .. [1] Karnin, Lang and Liberty, "Optimal Quantile Approximation in Streams", FOCS 2016.
    """
    a, b = kll_doubles_sketch.deserialize(baseline), kll_doubles_sketch.deserialize(current)
    at = sorted({*a.get_quantiles(_KS_RANKS, True), *b.get_quantiles(_KS_RANKS, True)})
    gaps = np.abs(np.asarray(a.get_cdf(at, True)) - np.asarray(b.get_cdf(at, True)))
    return round(float(gaps.max()), _DIGITS)
