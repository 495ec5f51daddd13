"""How far windows of the training spans lie from the rest of them: what two windows differ by without any drift.

Rows of one day are alike, so a week holds fewer independent examples than rows. How many fewer, no formula over rows
can say; the spans themselves can.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratchet.statistics.merging import merge_all

if TYPE_CHECKING:
    from ratchet.drift.distances import Floats
    from ratchet.statistics.column import ColumnStatistics

# From fewer windows than these that do not overlap, no spread can be told.
MIN_WINDOWS = 3
_MIN_FREEDOM, _MAX_FREEDOM = 1.0, 50.0
_LEVEL = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """The Jensen-Shannon divergence of a window of training spans to the others, in bits.

    Parameters
    ----------
    mean : float
        Over all windows of so many consecutive spans, which overlap.
    freedom : float
        Degrees of freedom of the chi-square variable with this ratio of mean and spread, from 1 to 50.
    n_windows : float
        Training spans by spans of a window: how many windows there are that do not overlap.
    """

    mean: float
    freedom: float
    n_windows: float

    def p_value(self, divergence: float, least_mean: float) -> float:
        """Return how often a window without drift lies as far away, or farther.

        A window's divergence is taken as a scaled chi-square variable, and the scale is known from ``n_windows`` others
        only: so the ratio to their mean is an F variable. ``least_mean`` is what chance alone makes of independent
        rows; less than that no window differs by.
        """
        from scipy.special import fdtrc

        mean = max(self.mean, least_mean)
        return float(fdtrc(self.freedom, self._freedom_of_mean, divergence / mean)) if mean > 0 else 1.0

    def bound(self, least_mean: float) -> float:
        """Return the Jensen-Shannon distance that 99 of 100 windows without drift stay below."""
        from scipy.special import fdtri

        ratio = float(fdtri(self.freedom, self._freedom_of_mean, 1 - _LEVEL))
        return round(min(1.0, math.sqrt(ratio * max(self.mean, least_mean))), 12)

    @property
    def _freedom_of_mean(self) -> float:
        return max(1.0, self.n_windows * self.freedom)


def measure_variation(
    spans: Sequence[Mapping[str, ColumnStatistics]], n_spans: int, baseline: Mapping[str, ColumnStatistics]
) -> dict[str, Variation]:
    """Return the variation of each column, without those that it cannot be told of.

    Parameters
    ----------
    spans : sequence of mapping of str to ColumnStatistics
        The statistics of each training span, oldest first.
    n_spans : int
        Spans in a window.
    baseline : mapping of str to ColumnStatistics
        Of all these spans together.
    """
    if len(spans) < MIN_WINDOWS * n_spans:
        return {}
    return {
        column: _measure(_count_cells([of[column] for of in spans], whole), n_spans)
        for column, whole in baseline.items()
        if whole.n_present and all(column in of for of in spans)
    }


def _count_cells(spans: Sequence[ColumnStatistics], whole: ColumnStatistics) -> Floats:
    """Return the counts of each span over the cells of the whole: an array of shape (n_spans, n_cells)."""
    if whole.role == "numeric":
        rows = [(*of.counts, of.n_null, of.n_nan, of.n_infinite) for of in spans]
        return np.array(rows, dtype=np.float64)
    values = [[of.values.get(value, 0) for value in whole.values] for of in spans]
    named = np.array(values, dtype=np.float64).reshape(len(spans), len(whole.values))
    present = np.array([of.n_present for of in spans], dtype=np.float64)
    nulls = np.array([of.n_null for of in spans], dtype=np.float64)
    return np.column_stack([named, present - named.sum(axis=1), nulls])


def _measure(counts: Floats, n_spans: int) -> Variation:
    sums = np.concatenate([np.zeros((1, counts.shape[1])), counts.cumsum(axis=0)])
    windows = sums[n_spans:] - sums[:-n_spans]
    divergences = _divergences(sums[-1] - windows, windows)
    mean, variance = float(divergences.mean()), float(divergences.var(ddof=1))
    freedom = 2 * mean**2 / variance if variance > 0 else _MAX_FREEDOM
    return Variation(
        mean=mean,
        freedom=min(max(freedom, _MIN_FREEDOM), _MAX_FREEDOM),
        n_windows=len(counts) / n_spans,
    )


def _divergences(baseline: Floats, current: Floats) -> Floats:
    n, m = baseline.sum(axis=1, keepdims=True), current.sum(axis=1, keepdims=True)
    is_filled = ((n > 0) & (m > 0)).ravel()
    p, q = baseline[is_filled] / n[is_filled], current[is_filled] / m[is_filled]
    if len(p) < 2:
        return np.zeros(2)
    both = np.maximum(p + q, 1e-300)
    parts = p * np.log2(np.maximum(2 * p / both, 1e-300)) + q * np.log2(np.maximum(2 * q / both, 1e-300))
    divergences: Floats = np.maximum(parts.sum(axis=1) / 2, 0.0)
    return divergences


def merge_spans(spans: Sequence[Mapping[str, ColumnStatistics]]) -> dict[str, ColumnStatistics]:
    """Return the statistics of all these spans together; a column that some of them lack is left out."""
    columns = [column for column in (spans[0] if spans else ()) if all(column in of for of in spans)]
    return {column: merge_all([of[column] for of in spans]) for column in columns}
