"""How many distinct values a column holds, from parts that are seen once each, in bounded memory.

The least of the values' hashes are kept: were they spread evenly over all hashes, the k-th least of d lies at k/d. So
the count is exact up to ``MOST`` distinct values, and beyond that its relative error is about 1 % [1]_.

References
----------
.. [1] Bar-Yossef et al., "Counting Distinct Elements in a Data Stream", RANDOM 2002.
"""

from __future__ import annotations

import numpy as np
import polars as pl

MOST = 8192
_HASHES = 2.0**64


class DistinctCount:
    """A count of distinct values; nulls are none."""

    def __init__(self) -> None:
        self._least = np.empty(0, dtype=np.uint64)
        self.n_present = 0

    def add(self, column: pl.Series) -> None:
        """Count the values of a part; numbers alike whatever they are stored as, and everything else as text."""
        present = column.drop_nulls()
        self.n_present += len(present)
        values = present.cast(pl.Float64) if present.dtype.is_numeric() else present.cast(pl.String)
        hashes = values.unique().hash(seed=0).to_numpy()
        self._least = np.unique(np.concatenate([self._least, hashes]))[:MOST]

    def estimate(self) -> float:
        """Return how many there are."""
        if len(self._least) < MOST:
            return float(len(self._least))
        return (MOST - 1) / (float(self._least[-1]) / _HASHES)

    def share(self) -> float:
        """Return distinct values by values that are there, in [0, 1]; 0 where there is none."""
        return min(1.0, round(self.estimate() / self.n_present, 12)) if self.n_present else 0.0
