"""The row contract: which rows of a delivery are kept, and why the others go to quarantine.

Rows in = rows kept + rows quarantined, always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.records import REASON, UTC_TIME

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.spec.features import Role
    from ratchet.spec.label import Label
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """A delivery, sorted into rows kept and rows quarantined (with their reason)."""

    kept: pl.DataFrame
    quarantined: pl.DataFrame
    columns_withheld: tuple[str, ...] = ()
    columns_unknown: tuple[str, ...] = ()

    def reasons(self) -> dict[str, int]:
        """Return how many rows were quarantined for each reason."""
        counts = self.quarantined.group_by(REASON).len().sort(REASON)
        return {str(reason): int(n) for reason, n in counts.iter_rows()}


def sort_examples(frame: pl.DataFrame, spec: ModelSpec, bounds: tuple[datetime, datetime]) -> Sorted:
    """Apply the contract of a spec's examples.

    Columns that are known only after the event are withheld, columns that the spec does not name are
    left out; both are named in the manifest.

    Raises
    ------
    DataError
        If a column is missing or of the wrong type, or too large a share of rows breaks the contract.
    """
    source = spec.source
    columns = (*spec.delivered_columns(), *spec.governed_columns())
    wanted = (source.entity, source.time, *columns)
    _require(frame, wanted, what=source.function)
    roles: dict[str, Role] = {name: column.role for name, column in (spec.governance.prohibited or {}).items()}
    roles |= {name: column.role for name, column in spec.features.columns.items() if not column.derived}
    typed = frame.select(
        pl.col(source.entity).cast(pl.String),
        _instant(frame, source.time),
        *(_typed(frame, name, roles.get(name, "categorical")) for name in columns),
    )
    time = pl.col(source.time)
    reason = (
        pl.when(pl.col(source.entity).is_null())
        .then(pl.lit(f"{source.entity} is null"))
        .when(time.is_null())
        .then(pl.lit(f"{source.time} is null"))
        .when((time < bounds[0]) | (time >= bounds[1]))
        .then(pl.lit(f"{source.time} is outside the span"))
        .otherwise(_duplicate(source.entity, typed.columns))
    )
    leaks = set(spec.features.leaks)
    result = _split(
        typed,
        reason,
        withheld=tuple(c for c in frame.columns if c in leaks),
        unknown=tuple(c for c in frame.columns if c not in leaks and c not in wanted),
    )
    _refuse_too_many(result, frame.height, source.max_quarantined)
    return result


def sort_ground_truth(frame: pl.DataFrame, entity: str, label: Label, max_quarantined: float) -> Sorted:
    """Apply the contract of ground truth: one true or false outcome an entity."""
    _require(frame, (entity, label.column), what=label.function)
    if frame.schema[label.column] != pl.Boolean:
        raise DataError(f"The label {label.column!r} must be Boolean. Got {frame.schema[label.column]}.")
    typed = frame.select(pl.col(entity).cast(pl.String), pl.col(label.column))
    reason = (
        pl.when(pl.col(entity).is_null())
        .then(pl.lit(f"{entity} is null"))
        .when(pl.col(label.column).is_null())
        .then(pl.lit(f"{label.column} is null"))
        .otherwise(_duplicate(entity, typed.columns))
    )
    result = _split(typed, reason, withheld=(), unknown=tuple(c for c in frame.columns if c not in typed.columns))
    _refuse_too_many(result, frame.height, max_quarantined)
    return result


def _require(frame: pl.DataFrame, wanted: Sequence[str], *, what: str) -> None:
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise DataError(
            f"{what} delivered no column {', '.join(missing)}. Delivered: {', '.join(frame.columns)}. "
            "Deliver it, or take it out of the spec."
        )


def _instant(frame: pl.DataFrame, column: str) -> pl.Expr:
    kind = frame.schema[column]
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise DataError(f"The time column {column!r} must be a timestamp with a time zone. Got {kind}.")
    return pl.col(column).dt.convert_time_zone("UTC").cast(UTC_TIME)


def _typed(frame: pl.DataFrame, column: str, role: Role) -> pl.Expr:
    kind = frame.schema[column]
    if role == "numeric":
        if not (kind.is_numeric() or kind == pl.Boolean or kind == pl.Null):
            raise DataError(f"The numeric feature {column!r} was delivered as {kind}. Deliver a number.")
        return pl.col(column).cast(pl.Float64)
    if kind.is_nested() or kind == pl.Binary:
        raise DataError(f"The categorical column {column!r} was delivered as {kind}. Deliver text.")
    return pl.col(column).cast(pl.String)


def _duplicate(entity: str, columns: Sequence[str]) -> pl.Expr:
    """Of equal rows the first is kept; rows of one entity that differ are all quarantined."""
    row = pl.struct(*columns)
    is_conflict = row.n_unique().over(entity) > 1
    return (
        pl.when(is_conflict)
        .then(pl.lit(f"{entity} stands for rows that differ"))
        .when(pl.int_range(pl.len()).over(entity) > 0)
        .then(pl.lit(f"{entity} is delivered twice"))
    )


def _split(frame: pl.DataFrame, reason: pl.Expr, *, withheld: tuple[str, ...], unknown: tuple[str, ...]) -> Sorted:
    marked = frame.with_columns(reason.cast(pl.String).alias(REASON))
    return Sorted(
        kept=marked.filter(pl.col(REASON).is_null()).drop(REASON),
        quarantined=marked.filter(pl.col(REASON).is_not_null()),
        columns_withheld=withheld,
        columns_unknown=unknown,
    )


def _refuse_too_many(result: Sorted, rows: int, bound: float) -> None:
    share = result.quarantined.height / rows
    if share > bound:
        raise DataError(
            f"{result.quarantined.height} of {rows} rows ({share:.1%}) break the row contract; "
            f"at most {bound:.1%} may: "
            f"{_words(result.reasons())}. Nothing was written; mend the source and deliver the span again."
        )


def _words(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason}: {n}" for reason, n in reasons.items())
