"""What a bootstrap draws with replacement: examples one by one, or all of an entity or a span together.

Examples of one entity, or of one day, resemble each other; drawn one by one they look like more evidence than they
are, and intervals come out too narrow. A resample is kept as a count per row.

References
----------
.. [1] Field and Welsh, "Bootstrapping clustered data", J. R. Statist. Soc. B 69, 2007 (the cluster bootstrap).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Floats

    Counts = NDArray[np.int64]

Seed = int | Sequence[int]

# Counts held at once: 1 MB, which stays in the cache of a core while every figure reads it.
CELLS = 131_072


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """To which unit each row belongs, as a number from 0 to ``n`` - 1, none of them without a row."""

    codes: NDArray[np.int64]
    n: int

    @classmethod
    def of(cls, names: pl.Series) -> Units:
        """Return the units by the name of each row, numbered in the order of the names, not of the rows."""
        import polars as pl

        codes = names.cast(pl.String).rank("dense").to_numpy().astype(np.int64) - 1
        return cls(codes=codes, n=int(codes.max()) + 1 if codes.size else 0)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Units:
        """Return the units of these rows, without those that have none of them."""
        found, codes = np.unique(self.codes[rows], return_inverse=True)
        return Units(codes=codes.astype(np.int64), n=len(found))


class Figures(Protocol):
    """What can be told of rows from how often each was drawn."""

    def resampled(self, counts: Counts) -> Floats:
        """Return the figures, an array of shape (n_figures, len(counts)), for counts as `draws` yields them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawing:
    """How intervals are drawn: so many resamples, of which a share ``confidence`` lies in the interval."""

    resamples: int
    seed: Seed
    confidence: float
    units: Units | None = None

    def counts(self, n_rows: int) -> Iterator[Counts]:
        """Yield how often each row was drawn; the same draws each time."""
        return draws(n_rows, resamples=self.resamples, seed=self.seed, units=self.units)

    def each(self, figures: Mapping[str, Figures], n_rows: int) -> dict[str, Floats]:
        """Return all figures of each resample by name, arrays of shape (n_figures, resamples), from one drawing.

        To draw takes longer than most figures: what is told of the same rows is told from the same draws.
        """
        parts: dict[str, list[Floats]] = {name: [] for name in figures}
        for counts in self.counts(n_rows) if figures else ():
            for name, of in figures.items():
                parts[name].append(of.resampled(counts))
        return {name: np.concatenate(part, axis=1) for name, part in parts.items()}

    def of(self, figures: Figures, n_rows: int) -> Floats:
        """Return the figures of each resample, an array of shape (n_figures, resamples)."""
        return self.each({"": figures}, n_rows)[""]


def draws(n_rows: int, *, resamples: int, seed: Seed, units: Units | None) -> Iterator[Counts]:
    """Yield how often each row was drawn, in arrays of shape (some of the resamples, n_rows).

    The same arguments give the same draws, whatever ``CELLS`` is. With ``units`` as many units are drawn as there are,
    each with all its rows, so the rows of a resample may be more or fewer than there are.
    """
    if not n_rows:
        yield np.zeros((resamples, 0), dtype=np.int64)
        return
    rng = np.random.default_rng(seed)
    chunk = max(1, CELLS // max(n_rows, 1))
    for done in range(0, resamples, chunk):
        size = min(chunk, resamples - done)
        if units is None:
            yield draw(rng, n_rows, size)
        else:
            yield np.take(draw(rng, units.n, size), units.codes, axis=1)


def draw(rng: np.random.Generator, n: int, n_resamples: int) -> Counts:
    """Return how often each of ``n`` was drawn, an array of shape (n_resamples, n)."""
    cells = rng.integers(0, n, size=(n_resamples, n))
    if n_resamples > 1:
        cells += n * np.arange(n_resamples)[:, None]
    return np.bincount(cells.ravel(), minlength=n * n_resamples).reshape(n_resamples, n)


def rates(above: Floats, below: Floats, *, n_examples: int, seed: Seed) -> Floats:
    """Return the resampled shares of examples of one kind; ``above`` counts those, ``below`` all, see `ratio`.

    Where none of the examples are of that kind, or all, every resample says the same, as if it were certain. Then
    shares are drawn from the posterior that Jeffreys' prior gives [1]_: up to about 2.5 / n of them may yet be.

    References
    ----------
    .. [1] Brown, Cai and DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16, 2001.
    """
    found = ratio(above, below)
    if not found.size or found.min() != found.max() or found[0] not in (0, 1):
        return found
    rare = np.random.default_rng(seed).beta(0.5, n_examples + 0.5, size=len(found))
    return rare if found[0] == 0 else 1 - rare


def ratio(above: Floats, below: Floats) -> Floats:
    """Return the ratios of resampled sums, without the resamples that have nothing to divide by."""
    there = below > 0
    found: Floats = above[there] / below[there]
    return found
