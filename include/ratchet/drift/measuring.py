"""All distances of one column, from the stored statistics of both sides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ratchet.drift.cells import align_cells
from ratchet.drift.curves import read_curves
from ratchet.drift.distances import measure_distances
from ratchet.drift.noise import chance_of
from ratchet.drift.results import Contribution, Figures

if TYPE_CHECKING:
    from ratchet.drift.noise import Chance
    from ratchet.spec.watching import Distance
    from ratchet.statistics.column import ColumnStatistics

# How each distance is told, from the cells and curves that a result holds.
FORMULAS: dict[Distance, tuple[str, str]] = {
    "jensen_shannon": (
        "Jensen-Shannon",
        "√ Σ [ p/2 · log2(p/m) + q/2 · log2(q/m) ],  m = (p + q) / 2,  0 · log2 0 = 0",
    ),
    "psi": ("PSI", "Σ (q - p) · ln(q / p), each share at least 0.0001"),
    "l_infinity": ("L-infinity", "max |p - q|"),
    "chi_squared": (
        "chi-squared",
        "Cohen's w = √ Σ (p - q)² / s,  s = (n + m of the cell) / (N + M);  Pearson's statistic = w² / (1/N + 1/M)",
    ),
    "ks": ("KS", "max |F(x) - G(x)|"),
    "wasserstein": ("Wasserstein", "Σ |F(x) - G(x)| · (next x - x), divided by the baseline's standard deviation"),
}


def measure_column(baseline: ColumnStatistics, current: ColumnStatistics) -> tuple[Figures, Chance]:
    """Return all distances of two sides, each with an example, and what chance alone makes of their sizes."""
    cells = align_cells(baseline, current)
    left, right = np.array(cells.baseline, dtype=np.float64), np.array(cells.current, dtype=np.float64)
    found = measure_distances(left, right)
    curves = read_curves(baseline.sketch, current.sketch) if baseline.sketch and current.sketch else None
    unit = _unit(baseline)
    area = curves.wasserstein if curves and unit else None
    figures = Figures(
        values={
            "jensen_shannon": found.jensen_shannon,
            "psi": found.psi,
            "l_infinity": found.l_infinity,
            "chi_squared": found.cohen_w,
            "ks": curves.ks if curves else None,
            "wasserstein": round(area / unit, 12) if area is not None and unit else None,
        },
        cells=tuple(
            Contribution(cell=name, n_baseline=n, n_current=m, bits=round(bits, 12))
            for name, n, m, bits in zip(cells.names, cells.baseline, cells.current, found.parts.tolist(), strict=True)
            if n or m
        ),
        curves=curves,
        unit=unit,
    )
    return figures, chance_of(left, right)


def _unit(baseline: ColumnStatistics) -> float | None:
    variance = baseline.variance
    return math.sqrt(variance) if variance is not None and 0 < variance < math.inf else None
