"""Candidate and champion on the slices of the test examples: declared ones, and those of two columns at once."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.evaluation.bootstrap import bootstrap_quality
from ratchet.evaluation.crossing import cross
from ratchet.evaluation.results import SliceRow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Units
    from ratchet.evaluation.yardstick import Yardstick
    from ratchet.spec.evaluation import Evaluate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slicing:
    """The test examples and the sound answers of candidate and champion to them."""

    labels: NDArray[Any]
    answers: Mapping[str, Floats]
    policy: Evaluate
    seed: int
    units: Units | None
    yardstick: Yardstick

    def rows(self, slices: pl.DataFrame) -> tuple[SliceRow, ...]:
        """Return one row a value of each column, one row of ``slices`` an example."""
        return tuple(self._row(column, value, member) for column, value, member in _members(slices))

    def crossed(self, slices: pl.DataFrame) -> tuple[SliceRow, ...]:
        """Return the slices of two columns that are large enough to be judged."""
        if self.policy.crossed_slices == "none" or slices.width < 2:
            return ()
        frame = cross(slices)
        # Cut down before anything is drawn: most pairs of values are rare.
        least = self.policy.min_slice_examples
        common = frame.select(pl.when(pl.len().over(name) >= least).then(name).alias(name) for name in frame.columns)
        return tuple(
            self._row(column, value, member)
            for column, value, member in _members(common)
            if value is not None and self._is_judged(member)
        )

    def _is_judged(self, member: Bools) -> bool:
        labels = self.labels[member]
        return len(labels) >= self.policy.min_slice_examples and self.yardstick.is_varied(labels, of_all=False)

    def _row(self, column: str, value: str | None, member: Bools) -> SliceRow:
        labels = self.labels[member]
        answers = {name: self.answers[name][member] for name in ("candidate", "champion") if name in self.answers}
        qualities = {name: self.yardstick.quality(labels, of) for name, of in answers.items()}
        difference = None
        if len(answers) == 2 and self._is_judged(member):
            resampled = bootstrap_quality(
                self.yardstick,
                labels,
                answers,
                resamples=self.policy.resamples,
                # Seeded by its name: a slice's interval does not depend on which other slices there are.
                seed=(self.seed, zlib.crc32(f"{column}={value}".encode())),
                units=None if self.units is None else self.units.take(member),
            )
            if resampled is not None:
                difference = resampled.difference("candidate", "champion", self.policy.confidence)
        return SliceRow(
            column=column,
            value=value,
            n_examples=len(labels),
            n_positive=self.yardstick.n_positive(labels),
            candidate_auc=qualities.get("candidate"),
            champion_auc=qualities.get("champion"),
            difference=difference,
        )


def _members(slices: pl.DataFrame) -> Iterator[tuple[str, str | None, Bools]]:
    for column in slices.columns:
        values = slices[column].cast(pl.String)
        for value in sorted(values.unique().to_list(), key=lambda text: (text is None, text or "")):
            yield column, value, values.eq_missing(pl.Series([value], dtype=pl.String)).to_numpy()
