"""Central moments up to the fourth, of parts and of the whole.

Pure. The sums of deviations of parts are moved to the common mean and added, each sum rounded once, so that the order
of the parts does not matter.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Of ``n`` values the mean, and the sums of the second, third and fourth powers of deviations from it."""

    n: int
    mean: float
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0


def measure_moments(values: Floats, total: float | None = None) -> Moments:
    """Return the moments of finite values, at least one; near 1e308 they are infinite or not a number, and say so."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(values.sum() if total is None else total) / len(values)
        if not math.isfinite(mean):  # the sum of finite values left the range of floats; their mean need not
            mean = float((values / len(values)).sum())
        deviation = values - mean
        square = deviation * deviation
        m2 = float(square.sum())
        np.multiply(deviation, square, out=deviation)
        np.multiply(square, square, out=square)
        return Moments(n=len(values), mean=mean, m2=m2, m3=float(deviation.sum()), m4=float(square.sum()))


def merge_moments(parts: Sequence[Moments]) -> Moments:
    """Return the moments of the values of all parts, at least one [1]_.

    References
    ----------
    .. [1] Pébay, "Formulas for robust, one-pass parallel computation of covariances and arbitrary-order statistical
       moments", Sandia report SAND2008-6212 (2008).
    """
    if len(parts) == 1:
        return parts[0]
    n = sum(part.n for part in parts)
    mean = _sum(part.n / n * part.mean for part in parts)
    off = [part.mean - mean for part in parts]
    pairs = list(zip(parts, off, strict=True))
    return Moments(
        n=n,
        mean=mean,
        m2=_sum(term for p, d in pairs for term in (p.m2, p.n * d * d)),
        m3=_sum(term for p, d in pairs for term in (p.m3, 3 * d * p.m2, p.n * d * d * d)),
        m4=_sum(term for p, d in pairs for term in (p.m4, 4 * d * p.m3, 6 * d * d * p.m2, p.n * d * d * d * d)),
    )


def skewness(moments: Moments) -> float | None:
    """Return the third standardised moment; None for values that do not differ, or differ too much for a float."""
    return _standardised(moments, moments.m3, 3)


def kurtosis(moments: Moments) -> float | None:
    """Return the fourth standardised moment minus 3, so 0 for a normal distribution; None as for ``skewness``."""
    fourth = _standardised(moments, moments.m4, 4)
    return None if fourth is None else fourth - 3


def _standardised(moments: Moments, power_sum: float, power: int) -> float | None:
    # Deviations that are rounding alone have no shape.
    noise = sys.float_info.epsilon * abs(moments.mean)
    variance = moments.m2 / moments.n
    if not math.isfinite(variance) or not math.isfinite(power_sum) or variance <= noise * noise:
        return None
    shape = power_sum / moments.n
    for _ in range(power):
        shape /= math.sqrt(variance)
    return shape if math.isfinite(shape) else None


def _sum(terms: Iterable[float]) -> float:
    terms = list(terms)
    try:
        return math.fsum(terms)
    except (OverflowError, ValueError):  # finite values near 1e308: the plain sum says inf or nan, which is what it is
        return float(sum(terms))
