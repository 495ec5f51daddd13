"""Values far from the rest of their column, and numbers that stand for something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

# Numbers by which people write that nothing is known.
SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0, 1e9)
_LEAST_SENTINEL = 0.001
_RANKS = (0.05, 0.25, 0.5, 0.75, 0.95)
_FENCE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outliers:
    """How far the values of a column reach.

    Parameters
    ----------
    quantiles : tuple of float
        At 5, 25, 50, 75 and 95 %.
    share_far : float
        Of values more than 3 interquartile ranges below the first quartile or above the third.
    largest_z : float or None
        Largest distance from the median, in deviations (the interquartile range over 1.349); None where more than
        half of the values are one.
    sentinel : float or None
        A number that stands for something else, by its size, place and frequency.
    sentinel_share : float
        Of values equal to it.
    """

    column: str
    minimum: float
    maximum: float
    quantiles: tuple[float, ...]
    share_far: float
    largest_z: float | None
    sentinel: float | None = None
    sentinel_share: float = 0.0


def measure_outliers(series: pl.Series) -> Outliers | None:
    """Return how far the values of a numeric column reach; None without a finite value."""
    values = series.cast(pl.Float64).drop_nulls().to_numpy()
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    with np.errstate(over="ignore", invalid="ignore"):  # values near 1e308 have an infinite range, and it says so
        quantiles = tuple(float(q) for q in np.quantile(values, _RANKS))
    low, high, spread = quantiles[1], quantiles[3], quantiles[3] - quantiles[1]
    least, most = float(values.min()), float(values.max())
    far = np.count_nonzero((values < low - _FENCE * spread) | (values > high + _FENCE * spread)) if spread else 0
    furthest = max(most - quantiles[2], quantiles[2] - least)
    sentinel, share = _find_sentinel(values, least, most)
    return Outliers(
        column=series.name,
        minimum=least,
        maximum=most,
        quantiles=quantiles,
        share_far=far / len(values),
        largest_z=furthest / (spread / 1.349) if spread else None,
        sentinel=sentinel,
        sentinel_share=share,
    )


def _find_sentinel(
    values: np.ndarray[Any, np.dtype[np.float64]], least: float, most: float
) -> tuple[float | None, float]:
    for sentinel in SENTINELS:
        if sentinel not in (least, most):
            continue
        rest = values[values != sentinel]
        share = 1 - len(rest) / len(values)
        if share < _LEAST_SENTINEL or not len(rest):
            continue
        # Alone below zero, or far above all the rest: nothing lies between it and them.
        is_apart = (sentinel == least and sentinel < 0 <= rest.min()) or (
            sentinel == most and sentinel > 3 * max(float(rest.max()), 1.0)
        )
        if is_apart:
            return sentinel, share
    return None, 0.0
