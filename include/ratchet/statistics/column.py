"""The statistics of one column over some examples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

import numpy as np
from datasketches import kll_doubles_sketch

from ratchet.statistics.distinct import estimate_distinct
from ratchet.statistics.moments import Moments, kurtosis, skewness

# What a column is counted as. The roles of a feature, and two more: `time` is an instant, counted in seconds since
# 1970, and `entity` names an example, of which no value is ever kept.
Kind = Literal["numeric", "categorical", "time", "entity"]
FEATURE_KINDS: tuple[Kind, ...] = ("numeric", "categorical")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLengths:
    """How long the texts of a column are, in characters, over all examples that hold one."""

    shortest: int
    longest: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStatistics:
    """What is known of one column over ``n`` examples.

    Parameters
    ----------
    n : int
        Examples, of whatever value; ``n_null``, ``n_nan`` and ``n_infinite`` of them hold no finite value.
    n_zero : int
        Examples equal to 0.
    minimum, maximum, mean, m2, m3, m4 : float or None
        Over finite values; None (0 for the sums) when there is none. ``m2``, ``m3`` and ``m4`` are the sums of the
        second, third and fourth powers of deviations from the mean.
    edges, counts : tuple
        Inner edges of the histogram, and the finite values in each of its ``len(edges) + 1`` bins.
    sketch : bytes or None
        KLL sketch of the finite values; None when there is none. It tosses coins: two scans of the same
        examples give different bytes and the same answers within the stated error.
    values : mapping of str to int
        Examples by value, most frequent first; of a numeric column only while it has few. Exact while ``n_other``
        is 0.
    n_other : int
        Examples whose value is not among ``values``.
    count_error : int
        No value occurs more often than ``values`` says (0 for one not named there) plus this.
    distinct_sketch : bytes or None
        HyperLogLog registers of the values, once ``values`` no longer names all.
    lengths : TextLengths or None
        Of a column of texts that holds one.
    """

    column: str
    role: Kind
    n: int
    n_null: int = 0
    n_nan: int = 0
    n_infinite: int = 0
    n_zero: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    sketch: bytes | None = field(default=None, repr=False)
    values: Mapping[str, int] = field(default_factory=dict)
    n_other: int = 0
    count_error: int = 0
    distinct_sketch: bytes | None = field(default=None, repr=False)
    lengths: TextLengths | None = None

    def __post_init__(self) -> None:
        named = sum(self.values.values()) + self.n_other
        # Numbers need not be counted by value: their histogram already holds them all.
        held = [sum(self.counts), *([named] if named else [])] if self.is_number else [named]
        for total in held:
            if total != self.n_present:
                raise ValueError(
                    f"The counts of {self.column!r} must add up to its {self.n_present} examples with a value. "
                    f"Got {total}."
                )

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers, or instants counted as such."""
        return self.role in ("numeric", "time")

    @property
    def n_present(self) -> int:
        """Examples with a finite value."""
        return self.n - self.n_null - self.n_nan - self.n_infinite

    @property
    def moments(self) -> Moments | None:
        """The moments of the finite values; None without any."""
        if self.mean is None:
            return None
        return Moments(n=self.n_present, mean=self.mean, m2=self.m2, m3=self.m3, m4=self.m4)

    @property
    def variance(self) -> float | None:
        """Population variance; None when there is no finite value, or the column is categorical."""
        return None if self.mean is None else self.m2 / self.n_present

    @property
    def deviation(self) -> float | None:
        """Population standard deviation; None as for ``variance``, and where that is no finite number."""
        variance = self.variance
        return math.sqrt(variance) if variance is not None and math.isfinite(variance) else None

    @property
    def skewness(self) -> float | None:
        """Third standardised moment; None without a finite value, and for values that do not differ."""
        return None if (moments := self.moments) is None else skewness(moments)

    @property
    def kurtosis(self) -> float | None:
        """Fourth standardised moment minus 3; None as for ``skewness``."""
        return None if (moments := self.moments) is None else kurtosis(moments)

    @property
    def edges_digest(self) -> str:
        """Digest of the histogram edges: statistics with different ones cannot be merged."""
        return sha256(",".join(map(repr, self.edges)).encode()).hexdigest()

    @property
    def n_distinct(self) -> int:
        """Distinct values: exact while all are named, else to 2.3 % (one standard error)."""
        if self.distinct_sketch is None:
            return len(self.values)
        estimate = round(estimate_distinct(np.frombuffer(self.distinct_sketch, np.uint8)))
        return min(max(len(self.values), estimate), self.n_present)

    def quantiles(self, ranks: Sequence[float]) -> list[float] | None:
        """Return the values at these ranks in [0, 1], within the sketch's error; None without a finite value."""
        if self.sketch is None:
            return None
        quantiles: list[float] = kll_doubles_sketch.deserialize(self.sketch).get_quantiles(list(ranks), True)
        return quantiles
