"""Two distribution functions told from sketches at common points, and the distances between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from datasketches import kll_doubles_sketch

_DIGITS = 12
_N_RANKS = 65
_RANKS = [i / (_N_RANKS - 1) for i in range(_N_RANKS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """The share of finite values at or below each point ``at``, on both sides; between points it is as at the lower.

    The points are 65 quantiles of either side, so a curve rises by at most 1/64 between two of them, and the sketches
    add their rank errors (99 % below 1.05 % each at k = 256) [1]_. A side of at most 65 values is told exactly.

    References
    ----------
    .. [1] Karnin, Lang and Liberty, "Optimal Quantile Approximation in Streams", FOCS 2016.
    """

    at: tuple[float, ...]
    baseline: tuple[float, ...]
    current: tuple[float, ...]

    @property
    def ks(self) -> float:
        """The Kolmogorov-Smirnov statistic: max |F - G| over the points.

        It is within the error of the sketches, and 1/64, of that of the values.
        """
        return round(float(np.abs(np.subtract(self.baseline, self.current)).max()), _DIGITS)

    @property
    def wasserstein(self) -> float | None:
        """The Wasserstein-1 distance: the sum of |F - G| (next point - point), in the unit of the values.

        The error is at most, for each side, its range times the error of its curve (1/64 and that of its sketch);
        None where values near 1e308 leave it without a finite figure.
        """
        gaps = np.abs(np.subtract(self.baseline, self.current))[:-1]
        with np.errstate(over="ignore", invalid="ignore"):
            area = float((gaps * np.diff(self.at)).sum())
        return area if np.isfinite(area) else None


def read_curves(baseline: bytes, current: bytes) -> Curves:
    """Return the curves of two KLL sketches, each of at least one value."""
    a, b = kll_doubles_sketch.deserialize(baseline), kll_doubles_sketch.deserialize(current)
    at = sorted({*a.get_quantiles(_RANKS, True), *b.get_quantiles(_RANKS, True)})
    # The last figure of a CDF is that of everything, which is none of the points.
    return Curves(at=tuple(at), baseline=tuple(a.get_cdf(at, True)[:-1]), current=tuple(b.get_cdf(at, True)[:-1]))
