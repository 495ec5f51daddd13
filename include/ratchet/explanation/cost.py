"""What each feature costs: the time its function takes, the share of examples that lack it, the memory it takes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.features.derived import FeatureFunction, derive_features

if TYPE_CHECKING:
    import polars as pl

    from ratchet.spec.features import Role

_TIMES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureCost:
    """One feature over the examples looked at.

    ``cpu_microseconds`` an example are those of the function that adds it, shared among the features that it adds; None
    for a delivered feature. ``null_share`` counts NaN and infinities as missing, as the model does.
    """

    feature: str
    null_share: float
    bytes_per_example: float
    cpu_microseconds: float | None = None


def feature_costs(
    examples: pl.DataFrame,
    roles: Mapping[str, Role],
    derived: Sequence[str],
    functions: Sequence[FeatureFunction],
    *,
    entity: str,
    hidden: Sequence[str],
) -> tuple[FeatureCost, ...]:
    """Return the cost of each feature; none without examples.

    Parameters
    ----------
    examples : polars.DataFrame
        With the derived columns, which are made again here and timed.
    """
    if examples.is_empty():
        return ()
    seconds = _function_seconds(examples, functions, derived=derived, entity=entity, hidden=hidden)
    n = examples.height
    return tuple(
        FeatureCost(
            feature=name,
            null_share=_missing(examples[name]) / n,
            bytes_per_example=round(examples[name].estimated_size() / n, 3),
            cpu_microseconds=round(1e6 * seconds[name] / n, 3) if name in seconds else None,
        )
        for name in roles
    )


def _function_seconds(
    examples: pl.DataFrame,
    functions: Sequence[FeatureFunction],
    *,
    derived: Sequence[str],
    entity: str,
    hidden: Sequence[str],
) -> dict[str, float]:
    frame = examples.drop(name for name in derived if name in examples.columns)
    seconds: dict[str, float] = {}
    for function in functions:
        taken = []
        after = frame
        for _ in range(_TIMES):
            started = time.process_time()
            after = derive_features(frame, [function], entity=entity, hidden=hidden)
            taken.append(time.process_time() - started)
        added = [name for name in after.columns if name not in frame.columns]
        seconds |= {name: min(taken) / len(added) for name in added}
        frame = after
    return seconds


def _missing(column: pl.Series) -> int:
    if not column.dtype.is_float():
        return column.null_count()
    return int((~column.is_finite()).fill_null(True).sum())
