"""Which columns go together, whatever they hold: one measure for pairs of numbers, of values, and of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.statistics.coding import MISSING, N_BINS

if TYPE_CHECKING:
    from ratchet.statistics.coding import Coded, Codes

Matrix = np.ndarray[Any, np.dtype[np.float64]]

_ROWS = 100_000
_COARSE = 8


def correlate(columns: Sequence[Coded]) -> Matrix:
    """Return the matrix of association between columns: in [-1, 1] between ordered ones, in [0, 1] else.

    Two ordered columns have Spearman's rank correlation, told from bins; other pairs have Cramér's V, corrected for
    chance [1]_, numbers in eight bins. Each pair is taken over the examples that hold both. NaN where one of them
    does not vary.

    References
    ----------
    .. [1] Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", J. Korean Stat. Soc. 42 (2013).
    """
    step = max(len(columns[0].codes) // _ROWS, 1) if columns else 1
    taken = [column.codes[::step] for column in columns]
    coarse = [_coarse(codes) if of.is_ordered else codes for of, codes in zip(columns, taken, strict=True)]
    matrix: Matrix = np.full((len(columns), len(columns)), np.nan)
    for i, first in enumerate(columns):
        matrix[i, i] = 1.0
        for j in range(i):
            both = (taken[i] != MISSING) & (taken[j] != MISSING)
            if first.is_ordered and columns[j].is_ordered:
                found = _spearman(taken[i][both], taken[j][both])
            else:
                found = _cramer(coarse[i][both], coarse[j][both])
            matrix[i, j] = matrix[j, i] = found
    return matrix


def _coarse(codes: Codes) -> Codes:
    ranks = _middle_ranks(codes)
    return np.minimum((ranks / max(len(codes), 1) * _COARSE).astype(np.int64), _COARSE - 1)


def _middle_ranks(codes: Codes) -> Matrix:
    counts = np.bincount(codes, minlength=N_BINS + 1)
    ranks: Matrix = (np.cumsum(counts) - counts / 2)[codes]
    return ranks


def _spearman(a: Codes, b: Codes) -> float:
    if len(a) < 3:
        return float("nan")
    x, y = _middle_ranks(a), _middle_ranks(b)
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale else float("nan")


def _cramer(a: Codes, b: Codes) -> float:
    n = len(a)
    table = np.bincount(a * (N_BINS + 1) + b, minlength=(N_BINS + 1) ** 2).reshape(N_BINS + 1, -1).astype(float)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    rows, columns = table.shape
    if n < 3 or min(rows, columns) < 2:
        return float("nan")
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    found = corrected_cramers_v(float(((table - expected) ** 2 / expected).sum()) / n, n, rows, columns)
    return float("nan") if found is None else min(found, 1.0)


def corrected_cramers_v(phi2: float, n: int, rows: int, columns: int) -> float | None:
    """Return Cramér's V less what chance gives it [1]_; None where a table of that size tells nothing.

    Parameters
    ----------
    phi2 : float
        Pearson's chi-squared statistic over ``n``, of a table of ``rows`` by ``columns`` values.

    References
    ----------
    .. [1] Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", J. Korean Stat. Soc. 42 (2013).
    """
    corrected = max(0.0, phi2 - (rows - 1) * (columns - 1) / (n - 1))
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return math.sqrt(corrected / least) if least > 0 else None
