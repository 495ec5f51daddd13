"""Slices that nobody declared: among the values of every feature, those on which the candidate does worst.

Each feature is cut into slices: a categorical one by its values, a numeric one by the quartiles of the test examples,
missing values by themselves. On each that is large enough, the candidate's AUC is held against that of the champion on
the same examples, and against its own AUC on all other examples.

Whoever looks at many slices finds a bad one by chance. So interval and p-value of each are those of a normal deviate
at the level of all slices together: 1 - confidence is divided by their number (Bonferroni, after Dunn [1]_), which
holds however slices overlap. To look for weak slices in this way, with a minimum of size and a correction, is Slice
Finder [2]_; its effect size of a loss is an AUC here, as base rates of slices differ and move a loss.

References
----------
.. [1] Dunn, "Multiple comparisons among means", JASA 56, 1961.
.. [2] Chung et al., "Automated data slicing for model validation", ICDE 2019 and IEEE TKDE 32, 2020.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.delong import AucError, standard_error
from ratchet.evaluation.metrics import DIGITS
from ratchet.evaluation.yardstick import BINARY

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Units
    from ratchet.evaluation.yardstick import Yardstick
    from ratchet.spec.features import Role

Against = Literal["champion", "rest"]
# Of those that are worst against the champion, and as many of those that are worst against the rest.
MOST_SHOWN = 5
_PARTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSlice:
    """One slice that was found: the candidate's AUC on it, the other AUC, and the difference.

    ``against`` names the other: the champion on the same examples, or the candidate on the rest of them. ``difference``
    and ``p_value`` are corrected for the number of slices that were looked at.
    """

    feature: str
    value: str
    against: Against
    n_examples: int
    n_positive: int
    candidate_auc: float
    other_auc: float
    difference: Interval
    p_value: float

    @property
    def name(self) -> str:
        """The slice in words."""
        return f"{self.feature} {self.value}"

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FoundSlice:
        """Return the slice that ``Evaluation.to_json`` wrote."""
        return cls(**{**values, "difference": Interval.from_json(values["difference"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSlices:
    """The worst slices, worst first, of so many that were looked at."""

    n_looked_at: int
    rows: tuple[FoundSlice, ...]

    def against(self, other: Against) -> tuple[FoundSlice, ...]:
        """Return the slices that were held against the champion, or against the rest."""
        return tuple(row for row in self.rows if row.against == other)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FoundSlices:
        """Return what ``Evaluation.to_json`` wrote."""
        return cls(n_looked_at=values["n_looked_at"], rows=tuple(FoundSlice.from_json(row) for row in values["rows"]))


def find_slices(
    truth: NDArray[Any],
    scores: Mapping[str, Floats],
    features: pl.DataFrame,
    roles: Mapping[str, Role],
    *,
    min_examples: int,
    confidence: float,
    units: Units | None = None,
    yardstick: Yardstick = BINARY,
) -> FoundSlices:
    """Return the slices on which the candidate does worst; none where it has no sound scores.

    Parameters
    ----------
    scores : mapping of str to array of shape (n_examples,)
        ``candidate``, and ``champion`` where there is one.
    features : DataFrame of n_examples rows
        The columns to look at, of these ``roles``.
    min_examples : int
        What a slice, and the rest of the examples, must hold to be looked at, beside 10 of each class that came.
    """

    def is_enough(member: Bools) -> bool:
        return int(member.sum()) >= min_examples and yardstick.is_varied(truth[member], of_all=False)

    if "candidate" not in scores:
        return FoundSlices(n_looked_at=0, rows=())
    looked_at = [
        (feature, value, member)
        for feature in features.columns
        for value, member in _parts(features[feature], roles[feature])
        if is_enough(member) and is_enough(~member)
    ]
    is_share = yardstick.kind != "regression"
    level = (1 - confidence) / max(len(looked_at), 1)
    rows: list[FoundSlice] = []
    for feature, value, member in looked_at:
        for against, ours, theirs, error in _comparisons(truth, scores, member, units, yardstick):
            found = _found(ours - theirs, error, level=level, n=len(looked_at), is_share=is_share)
            if found is not None:
                rows.append(
                    FoundSlice(
                        feature=feature,
                        value=value,
                        against=against,
                        n_examples=int(member.sum()),
                        n_positive=yardstick.n_positive(truth[member]),
                        candidate_auc=round(ours, DIGITS),
                        other_auc=round(theirs, DIGITS),
                        difference=found[0],
                        p_value=found[1],
                    )
                )
    return FoundSlices(n_looked_at=len(looked_at), rows=tuple(_worst(rows)))


def _worst(rows: list[FoundSlice]) -> Iterator[FoundSlice]:
    ranked = sorted(rows, key=lambda row: (row.difference.high, row.difference.value, row.feature, row.value))
    for against in ("champion", "rest"):
        below = [row for row in ranked if row.against == against and row.difference.value < 0]
        yield from below[:MOST_SHOWN]


def _comparisons(
    truth: NDArray[Any], scores: Mapping[str, Floats], member: Bools, units: Units | None, yardstick: Yardstick
) -> Iterator[tuple[Against, float, float, float]]:
    """Yield against whom, both AUCs, and the standard error of their difference."""
    inside, rest = (_error(truth, scores["candidate"], rows, yardstick) for rows in (member, ~member))
    # Of separate examples; an entity or a span may have some on both sides.
    yield "rest", inside.auc, rest.auc, standard_error(inside.added - rest.added, units)
    if "champion" in scores:
        champion = _error(truth, scores["champion"], member, yardstick)
        yield "champion", inside.auc, champion.auc, standard_error(inside.added - champion.added, units)


def _error(truth: NDArray[Any], scores: Floats, member: Bools, yardstick: Yardstick) -> AucError:
    found, added = yardstick.error(truth[member], scores[member]), np.zeros(len(truth))
    added[member] = found.added
    return AucError(auc=found.auc, added=added)


def _found(difference: float, error: float, *, level: float, n: int, is_share: bool) -> tuple[Interval, float] | None:
    """Return interval and p-value at the level of all slices; None where the difference has no error to go by."""
    if error == 0:
        return None
    reach = NormalDist().inv_cdf(1 - level / 2) * error
    value = round(difference, DIGITS)
    # No difference of AUCs is larger; one of skills may be.
    largest = 1.0 if is_share else float("inf")
    low, high = (max(-largest, min(largest, round(difference + side * reach, DIGITS))) for side in (-1, 1))
    p_value = min(1.0, 2 * n * NormalDist().cdf(-abs(difference) / error))
    return Interval(value=value, low=min(low, value), high=max(high, value)), round(p_value, DIGITS)


def _parts(values: pl.Series, role: Role) -> Iterator[tuple[str, Bools]]:
    """Yield the slices of one feature: what it is there, and its members."""
    import polars as pl

    if role == "numeric":
        numbers = values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        yield from _ranges(numbers)
        return
    texts = values.cast(pl.String)
    for value in sorted(texts.unique().to_list(), key=lambda text: (text is None, text or "")):
        yield "is missing" if value is None else f"= {value}", texts.eq_missing(value).to_numpy()


def _ranges(numbers: Floats) -> Iterator[tuple[str, Bools]]:
    known = numbers[np.isfinite(numbers)]
    if known.size:
        cuts = np.unique(np.quantile(known, [i / _PARTS for i in range(1, _PARTS)], method="inverted_cdf"))
        ends = [-np.inf, *cuts.tolist(), np.inf]
        for low, high in pairwise(ends):
            member = (numbers > low) & (numbers <= high)
            words = f"above {low:g}" if high == np.inf else f"up to {high:g}" if low == -np.inf else ""
            yield words or f"above {low:g} up to {high:g}", member
    yield "is missing", ~np.isfinite(numbers)
