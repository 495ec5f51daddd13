"""What is seen of each column: whether it may be a feature, and how well it tells the label all by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

Kind = Literal["numeric", "categorical", "constant", "nearly empty", "identifier", "time", "unreadable"]

# Above the first, a column nearly is the label; above the second, a person should ask when it is known.
LEAK_AUC, SUSPECT_AUC = 0.98, 0.75
_LEAST_PRESENT = 0.01
_MOST_VALUES = 1000
_SAMPLE = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column; ``auc`` is that of its values alone against the label, in [0.5, 1], None where it has no role."""

    name: str
    kind: Kind
    auc: float | None
    n_distinct: int
    null_share: float
    is_after_event: bool = False

    @property
    def is_feature(self) -> bool:
        """Whether it could be one, leak or not."""
        return self.kind in ("numeric", "categorical")

    @property
    def is_leak(self) -> bool:
        """Whether it nearly is the label."""
        return self.auc is not None and self.auc > LEAK_AUC


def profile_columns(frame: pl.DataFrame, label: pl.Series, *, time: str, skip: set[str]) -> list[ColumnProfile]:
    """Return what is seen of every column but the skipped ones."""
    step = max(1, frame.height // _SAMPLE)
    sample, outcome = frame.gather_every(step), label.gather_every(step)
    return [_profile(frame, sample, outcome, name, time) for name in frame.columns if name not in skip]


def _profile(frame: pl.DataFrame, sample: pl.DataFrame, label: pl.Series, name: str, time: str) -> ColumnProfile:
    column = frame[name]
    null_share = column.null_count() / frame.height
    n_distinct = column.drop_nulls().n_unique() if not column.dtype.is_nested() else 0
    kind = _kind(column, n_distinct, null_share)
    auc = single_auc(sample[name], label) if kind in ("numeric", "categorical") else None
    is_after = kind == "time" and _is_after(frame, name, time)
    return ColumnProfile(
        name=name, kind=kind, auc=auc, n_distinct=n_distinct, null_share=null_share, is_after_event=is_after
    )


def _kind(column: pl.Series, n_distinct: int, null_share: float) -> Kind:
    if column.dtype.is_nested() or column.dtype == pl.Binary:
        return "unreadable"
    if 1 - null_share < _LEAST_PRESENT:
        return "nearly empty"
    if n_distinct <= 1:
        return "constant"
    if column.dtype.is_temporal():
        return "time"
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        return "numeric"
    return "identifier" if n_distinct > _MOST_VALUES or n_distinct > len(column) / 2 else "categorical"


def _is_after(frame: pl.DataFrame, name: str, time: str) -> bool:
    other = frame[name].cast(pl.Datetime("us"), strict=False)
    event = frame[time].dt.replace_time_zone(None)
    share = (other > event).mean()
    return isinstance(share, float) and share > 0.5


def single_auc(column: pl.Series, label: pl.Series) -> float:
    """Return the area under the curve of one column against the label, whichever way it points.

    A category scores as its share of positive labels among the other half of the examples, so that many categories do
    not seem to know what they only remember. A missing value counts as a category, or as lower than every number.
    """
    frame = pl.DataFrame({"x": column, "y": label.cast(pl.Float64)}).drop_nulls("y")
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        score = frame.select(pl.col("x").cast(pl.Float64).fill_nan(None).fill_null(float("-inf")), "y")
    else:
        halves = frame.with_row_index("half").with_columns(pl.col("half") % 2)
        rates = (
            halves.group_by("x", "half")
            .agg(rate=pl.col("y").mean())
            .with_columns(half=1 - pl.col("half").cast(pl.Int64))
        )
        halves = halves.with_columns(pl.col("half").cast(pl.Int64))
        joined = halves.join(rates, on=["x", "half"], how="left", nulls_equal=True)
        score = joined.select(pl.col("rate").fill_null(frame["y"].mean()).alias("x"), "y")
    n, n_true = score.height, float(score["y"].sum())
    if not 0 < n_true < n:
        return 0.5
    rank_sum = float((score["x"].rank("average") * score["y"]).sum())
    auc = (rank_sum - n_true * (n_true + 1) / 2) / (n_true * (n - n_true))
    return max(auc, 1 - auc)
