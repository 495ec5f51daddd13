"""Whether test examples were seen in training: the same example, the same entity, an earlier time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.evaluation.metrics import DIGITS

if TYPE_CHECKING:
    from ratchet.spec.source import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapFigures:
    """How the test examples lie to those a candidate was fitted or tuned on.

    Parameters
    ----------
    n_same : int
        Test examples whose entity and event time are those of an example it was fitted or tuned on.
    n_not_later : int
        Test examples that are not later than all of those.
    entity_share : float or None
        Share of test examples whose entity is among those; None without a test example.
    recurring_share : float or None
        Share of the entities trained on that come in more than one span; None where there is one span only.
    """

    n_test: int
    n_same: int
    n_not_later: int
    entity_share: float | None
    recurring_share: float | None


def read_overlap(seen: pl.DataFrame, test: pl.DataFrame, source: Source) -> OverlapFigures:
    """Return the figures of two frames with span, entity and event time."""
    reading = OverlapReading(test, source)
    reading.add(seen)
    return reading.figures()


class OverlapReading:
    """The figures, from examples that are seen in parts, each of spans of its own.

    Parameters
    ----------
    most_entities : int, optional
        Kept are marks of the test examples, and how many spans an entity comes in: of all entities, or while they are
        more than so many of every second, every fourth, by their hashes. Then all but ``recurring_share`` is exact.
    """

    def __init__(self, test: pl.DataFrame, source: Source, *, most_entities: int | None = None) -> None:
        self._most = most_entities
        self._entity, self._time = source.entity, source.time
        self._test = test.select(self._entity, self._time)
        self._same = self._known = pl.repeat(value=False, n=test.height, dtype=pl.Boolean, eager=True)
        self._latest: Any = None
        self._spans = pl.DataFrame(schema={self._entity: test.schema[self._entity], "n": pl.UInt32})
        self._n_spans, self._one_in = 0, 1

    def add(self, seen: pl.DataFrame) -> None:
        """Look at examples that the candidate was fitted or tuned on."""
        entity, time = self._entity, self._time
        pairs = seen.select(entity, time).unique().with_columns(__there__=pl.lit(value=True))
        marked = self._test.join(pairs, on=[entity, time], how="left", maintain_order="left")
        self._same = self._same | marked["__there__"].fill_null(value=False)
        self._known = self._known | self._test[entity].is_in(seen[entity].unique().to_list())
        newest = seen[time].max()
        if newest is not None:
            self._latest = newest if self._latest is None else max(self._latest, newest)
        self._n_spans += seen["span"].n_unique()
        counted = seen.group_by(entity).agg(n=pl.col("span").n_unique())
        together = pl.concat([self._spans, self._drawn(counted)], how="vertical_relaxed")
        self._spans = together.group_by(entity).agg(pl.col("n").sum())
        while self._most is not None and self._spans.height > self._most:
            self._one_in *= 2
            self._spans = self._drawn(self._spans)

    def figures(self) -> OverlapFigures:
        """Return what was seen."""
        return OverlapFigures(
            n_test=self._test.height,
            n_same=int(self._same.sum()),
            n_not_later=0 if self._latest is None else int((self._test[self._time] <= self._latest).sum()),
            entity_share=_share(self._known) if self._test.height else None,
            recurring_share=_share(self._spans["n"] > 1) if self._n_spans > 1 else None,
        )

    def _drawn(self, counted: pl.DataFrame) -> pl.DataFrame:
        return counted if self._one_in == 1 else counted.filter(pl.col(self._entity).hash(seed=0) % self._one_in == 0)


def _share(are: pl.Series) -> float:
    return round(float(are.mean()), DIGITS)  # type: ignore[arg-type]  # of booleans, and not empty
