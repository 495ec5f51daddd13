"""Whether test examples were seen in training: the same example, the same entity, an earlier time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    entity, time = source.entity, source.time
    latest = seen[time].max()
    known = test[entity].is_in(seen[entity].unique().to_list()) if test.height else None
    spans = seen.group_by(entity).agg(n=pl.col("span").n_unique())["n"]
    return OverlapFigures(
        n_test=test.height,
        n_same=test.join(seen.select(entity, time).unique(), on=[entity, time], how="semi").height,
        n_not_later=0 if latest is None else int((test[time] <= latest).sum()),
        entity_share=None if known is None else _share(known),
        recurring_share=_share(spans > 1) if seen["span"].n_unique() > 1 else None,
    )


def _share(are: pl.Series) -> float:
    return round(float(are.mean()), DIGITS)  # type: ignore[arg-type]  # of booleans, and not empty
