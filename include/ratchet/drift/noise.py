"""How far two samples of one distribution lie apart by chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ratchet.drift.distances import Counts, Floats

# Standard normal quantile of 0.99.
_Z = 2.3263478740408408
# A cell with fewer examples than this expected on the smaller side is reckoned split by split.
_RARE = 20
_SPLITS = np.arange(4 * _RARE + 1, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Mean and variance of the divergence, in bits, that two samples of independent rows of one distribution make."""

    mean: float
    variance: float

    @property
    def floor(self) -> float:
        """The Jensen-Shannon distance that 99 of 100 such pairs stay below."""
        return _quantile(self.mean, self.variance)

    def p_value(self, divergence: float) -> float:
        """Return how often such a pair lies as far apart, or farther."""
        if self.mean <= 0:
            return 1.0
        spread = max(0.0, self.variance) / (9 * self.mean**2)
        if spread <= 0:
            return float(divergence <= self.mean)
        z = ((divergence / self.mean) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
        return math.erfc(z / math.sqrt(2)) / 2


def noise_floor(baseline: Counts, current: Counts) -> float:
    """Return the Jensen-Shannon distance that 99 of 100 pairs of samples of one distribution stay below."""
    return chance_of(baseline, current).floor


def chance_of(baseline: Counts, current: Counts) -> Chance:
    """Return what chance alone makes of two samples of these sizes.

    Were both sides one distribution, the examples of a cell would fall to either side at random. With n and m examples
    the divergence that this makes is (1 - share) (1/n + 1/m) / (8 ln 2) bits a cell on average, and behaves as
    chi-square [1]_; where a cell is rare, its mean and variance are summed over all splits of its examples. The 99 %
    quantile is that of the scaled chi-square variable of the same mean and variance, told by the Wilson-Hilferty cube.

    Examples that resemble each other within a day are fewer in truth than they are counted, so real spans differ by
    more than this: it is a floor, no bound for drift.

    Parameters
    ----------
    baseline, current : sequence or ndarray of int
        Counts over the same cells, each side with an example.

    References
    ----------
    .. [1] Grosse et al., "Analysis of symbolic sequences using the Jensen-Shannon divergence", Phys. Rev. E 65 (2002).
    """
    left, right = np.asarray(baseline, dtype=np.float64), np.asarray(current, dtype=np.float64)
    n, m = sorted((float(left.sum()), float(right.sum())))
    pooled = left + right
    pooled = pooled[pooled > 0]
    if len(pooled) < 2:
        return Chance(mean=0.0, variance=0.0)
    is_rare = pooled * n < _RARE * (n + m)
    # The sizes of the sides are given, so the examples of a large cell are less free than a coin.
    free = 1 - pooled / (n + m)
    means = free * ((1 / n + 1 / m) / (8 * math.log(2)))
    variances = 2 * means**2 / free
    if is_rare.any():
        # Among a thousand rare values there are few different counts.
        rare, which = np.unique(pooled[is_rare], return_inverse=True)
        rare_means, rare_variances = _split_moments(rare, n, m)
        means[is_rare], variances[is_rare] = free[is_rare] * rare_means[which], free[is_rare] * rare_variances[which]
    return Chance(mean=float(means.sum()), variance=float(variances.sum()))


def _split_moments(pooled: Floats, n: float, m: float) -> tuple[Floats, Floats]:
    """Return mean and variance of what a cell of so many examples adds, over their binomial splits (in bits)."""
    k, a = pooled[:, None], _SPLITS[None, :]
    r = n / (n + m)
    # P(a) from P(a - 1); beyond a = k the factor is 0, and so is all that follows.
    steps = np.maximum(k - a[:, 1:] + 1, 0) / a[:, 1:] * (r / (1 - r))
    chances = np.cumprod(np.concatenate([(1 - r) ** k, steps], axis=1), axis=1)
    p, q = a / n, np.maximum(k - a, 0) / m
    parts = _part(p, p + q) + _part(q, p + q)
    means: Floats = (chances * parts).sum(axis=1)
    variances: Floats = (chances * parts**2).sum(axis=1) - means**2
    return means, variances


def _part(p: Floats, both: Floats) -> Floats:
    ratio = np.divide(2 * p, both, out=np.ones_like(both), where=(p > 0) & (both > 0))
    part: Floats = 0.5 * p * np.log2(ratio)
    return part


def _quantile(mean: float, variance: float) -> float:
    if mean <= 0:
        return 0.0
    # 2 / (9 degrees of freedom), of the chi-square variable with this ratio of variance and mean squared.
    spread = max(0.0, variance) / (9 * mean**2)
    divergence = mean * max(0.0, 1 - spread + _Z * math.sqrt(spread)) ** 3
    return round(min(1.0, math.sqrt(divergence)), 12)
