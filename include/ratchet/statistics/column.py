"""The statistics of one column over some examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from datasketches import hll_sketch, kll_doubles_sketch

if TYPE_CHECKING:
    from ratchet.spec.features import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStatistics:
    """What is known of one column over ``n`` examples.

    Parameters
    ----------
    n : int
        Examples, of whatever value; ``n_null``, ``n_nan`` and ``n_infinite`` of them hold no finite value.
    n_zero : int
        Examples equal to 0.
    minimum, maximum, mean, m2 : float or None
        Over finite values; None when there is none. ``m2`` is the sum of squared deviations from the mean.
    edges, counts : tuple
        Inner edges of the histogram, and the finite values in each of its ``len(edges) + 1`` bins.
    sketch : bytes or None
        KLL sketch of the finite values; None when there is none. It tosses coins: two scans of the same
        examples give different bytes and the same answers within the stated error.
    values : mapping of str to int
        Examples by value, of a categorical column, most frequent first. Exact while ``n_other`` is 0.
    n_other : int
        Examples whose value is not among ``values``.
    count_error : int
        No value occurs more often than ``values`` says (0 for one not named there) plus this.
    distinct_sketch : bytes or None
        HyperLogLog sketch of the values, once ``values`` no longer names all.
    """

    column: str
    role: Role
    n: int
    n_null: int = 0
    n_nan: int = 0
    n_infinite: int = 0
    n_zero: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    m2: float = 0.0
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()
    sketch: bytes | None = field(default=None, repr=False)
    values: Mapping[str, int] = field(default_factory=dict)
    n_other: int = 0
    count_error: int = 0
    distinct_sketch: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        held = sum(self.counts) if self.role == "numeric" else sum(self.values.values()) + self.n_other
        if held != self.n_present:
            raise ValueError(
                f"The counts of {self.column!r} must add up to its {self.n_present} examples with a value. Got {held}."
            )

    @property
    def n_present(self) -> int:
        """Examples with a finite value."""
        return self.n - self.n_null - self.n_nan - self.n_infinite

    @property
    def variance(self) -> float | None:
        """Population variance; None when there is no finite value, or the column is categorical."""
        return None if self.mean is None else self.m2 / self.n_present

    @property
    def edges_digest(self) -> str:
        """Digest of the histogram edges: statistics with different ones cannot be merged."""
        return sha256(",".join(map(repr, self.edges)).encode()).hexdigest()

    @property
    def n_distinct(self) -> int | None:
        """Distinct values of a categorical column: exact while all are named, else to 2.3 % (one standard error)."""
        if self.role == "numeric":
            return None
        if self.distinct_sketch is None:
            return len(self.values)
        estimate: float = hll_sketch.deserialize(self.distinct_sketch).get_estimate()
        return max(len(self.values), round(estimate))

    def quantiles(self, ranks: Sequence[float]) -> list[float] | None:
        """Return the values at these ranks in [0, 1], within the sketch's error; None without a finite value."""
        if self.sketch is None:
            return None
        quantiles: list[float] = kll_doubles_sketch.deserialize(self.sketch).get_quantiles(list(ranks), True)
        return quantiles
