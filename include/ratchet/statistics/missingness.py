"""Where values are missing: in which periods, together with what, and whether that tells the label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ratchet.statistics.coding import Coded

Whole = np.ndarray[Any, np.dtype[np.int64]]

TOGETHER = 0.8
_Z = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Missingness:
    """Where one column has no value.

    Parameters
    ----------
    share : float
        Of all examples.
    by_period : tuple of float or None
        Of the examples of each period; None for a period without any.
    together : tuple of str
        Columns that are missing in nearly the same examples: a Jaccard index of ``TOGETHER`` or more.
    lift : float or None
        Share of positive examples where it is missing, less that where it is not; None without both.
    is_telling : bool
        Whether that difference is beyond chance, at 95 %.
    """

    column: str
    share: float
    by_period: tuple[float | None, ...]
    together: tuple[str, ...]
    lift: float | None
    is_telling: bool


def measure_missingness(
    columns: Sequence[Coded], label: Whole | None, period: Whole, n_periods: int
) -> list[Missingness]:
    """Return where each column that is missing anywhere is missing; the most missing first."""
    masks = {of.column: of.is_missing for of in columns}
    masks = {column: mask for column, mask in masks.items() if mask.any()}
    known = period >= 0
    sizes = np.bincount(period[known], minlength=n_periods)
    found = [
        Missingness(
            column=column,
            share=float(mask.mean()),
            by_period=_by_period(mask[known], period[known], sizes),
            together=tuple(
                other for other, its in masks.items() if other != column and _jaccard(mask, its) >= TOGETHER
            ),
            **_lift(mask, label),
        )
        for column, mask in masks.items()
    ]
    return sorted(found, key=lambda of: (-of.share, of.column))


def _by_period(mask: np.ndarray[Any, Any], period: Whole, sizes: Whole) -> tuple[float | None, ...]:
    missing = np.bincount(period[mask], minlength=len(sizes))
    return tuple(float(m / n) if n else None for m, n in zip(missing, sizes, strict=True))


def _jaccard(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    either = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / either if either else 0.0


def _lift(mask: np.ndarray[Any, Any], label: Whole | None) -> dict[str, Any]:
    if label is None:
        return {"lift": None, "is_telling": False}
    without, having = label[mask & (label >= 0)], label[~mask & (label >= 0)]
    if not len(without) or not len(having):
        return {"lift": None, "is_telling": False}
    shares = [float(side.mean()) for side in (without, having)]
    variance = sum(p * (1 - p) / len(side) for p, side in zip(shares, (without, having), strict=True))
    lift = shares[0] - shares[1]
    # Below 30 examples the normal approximation says nothing.
    is_telling = min(len(without), len(having)) >= 30 and abs(lift) > max(_Z * math.sqrt(variance), 0.01)
    return {"lift": lift, "is_telling": is_telling}
