"""Sums over resampled rows: of columns, and of the rows that fall together.

Means, shares and rates are ratios of such sums. Columns of 0 and 1 are not multiplied out: rows are put in the order of
their cell once, and a sum over counts in that order is all cells of a resample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """The sum of each column over each resample, in the order of ``names``."""

    names: tuple[str, ...]
    columns: Floats

    @classmethod
    def of(cls, columns: Mapping[str, Floats | Bools]) -> Sums:
        """Return the sums of columns by name, of as many rows each; there must be one."""
        return cls(names=tuple(columns), columns=np.array(list(columns.values()), dtype=np.float64))

    def resampled(self, counts: Counts) -> Floats:
        """Return the sums, an array of shape (n_columns, n_resamples)."""
        found: Floats = self.columns @ counts.astype(np.float64).T
        return found

    def by_name(self, resampled: Floats) -> dict[str, Floats]:
        """Return the resampled sums by the name of their column."""
        return dict(zip(self.names, resampled, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Where the rows of each cell stand, once rows are in the order of their cells."""

    starts: NDArray[np.intp]
    cells: NDArray[np.intp]
    n: int

    @classmethod
    def of(cls, codes: NDArray[np.int64], n: int) -> Runs:
        """Return the runs of codes that only rise, of ``n`` cells."""
        cells, starts = np.unique(codes, return_index=True)
        return cls(starts=starts, cells=cells.astype(np.intp), n=n)

    def sums(self, values: NDArray[np.int64] | Floats) -> Floats:
        """Return the sum of each cell over values of shape (n_resamples, n_rows), of shape (n, n_resamples)."""
        found = np.zeros((self.n, len(values)))
        if self.cells.size:
            found[self.cells] = np.add.reduceat(values, self.starts, axis=1).T
        return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """How many rows of each resample fall into each of ``runs.n`` cells."""

    order: NDArray[np.intp]
    runs: Runs

    @classmethod
    def of(cls, codes: NDArray[np.int64], n: int) -> Cells:
        """Return the cells of rows by their code, from 0 to ``n`` - 1."""
        order = np.argsort(codes, kind="stable")
        return cls(order=order, runs=Runs.of(codes[order], n))

    def resampled(self, counts: Counts) -> Floats:
        """Return how many there are, an array of shape (n_cells, n_resamples)."""
        return self.runs.sums(np.take(counts, self.order, axis=1))
