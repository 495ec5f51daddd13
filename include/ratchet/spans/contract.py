"""The row contract: which rows of a delivery are kept, and why the others go to quarantine.

Rows in = rows kept + rows quarantined (+ late rows, which are taken into the span of their event time), always.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.cells import Cells, reason_of
from ratchet.spans.label_cells import label_cells
from ratchet.spans.records import DELIVERED_IN, REASON
from ratchet.spec.contract import Rows

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.spec.label import Label
    from ratchet.spec.model import ModelSpec

Bounds = tuple["datetime", "datetime"]

# The span that a late row belongs to; and, in a span's own rows, how an entity's rows are ordered.
TARGET = "-target"  # no column of a spec may begin with a dash
_ORDER = "-order"
_NUMBER = "-number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """A delivery, sorted into rows kept, rows quarantined (with their reason), and late ones (with their span)."""

    kept: pl.DataFrame
    quarantined: pl.DataFrame
    late: pl.DataFrame = field(default_factory=pl.DataFrame)
    columns_withheld: tuple[str, ...] = ()
    columns_unknown: tuple[str, ...] = ()

    def reasons(self) -> dict[str, int]:
        """Return how many rows were quarantined for each reason."""
        return count_reasons(self.quarantined)


def sort_examples(
    frame: pl.DataFrame, spec: ModelSpec, bounds: Bounds, *, earlier: Mapping[str, Bounds] | None = None
) -> Sorted:
    """Apply the contract of a spec's examples.

    Columns that are known only after the event are withheld, columns that the spec does not name are
    left out; both are named in the manifest.

    Parameters
    ----------
    earlier : mapping of str to (datetime, datetime), optional
        Spans into which late rows may be taken, with their bounds; without any, late rows are quarantined.

    Raises
    ------
    DataError
        If a column is missing or of the wrong type, a rule refuses, or too large a share of rows breaks the contract.
    """
    source, rows = spec.source, spec.source.rows
    delivered = (*spec.delivered_columns(), *spec.governed_columns())
    order = (rows.order_by,) if rows.order_by else ()
    wanted = tuple(dict.fromkeys((source.entity, source.time, *delivered, *order)))
    leaks = set(spec.withheld_columns())
    unknown = tuple(c for c in frame.columns if c not in leaks and c not in wanted)
    _require(frame, wanted, unknown, rows)
    cells = Cells(frame, rows)
    numeric = set(spec.numeric_columns())
    entity, time = cells.entity(source.entity), cells.instant(source.time)
    features = [((cells.number if name in numeric else cells.category)(name)).alias(name) for name in delivered]
    # Told last: a row that is late and otherwise sound is taken into its own span.
    faults = [*cells.faults, (_is_outside(time, bounds), _outside(source.time))]
    typed = frame.select(
        entity.alias(source.entity),
        time.alias(source.time),
        *features,
        *(pl.col(name).alias(_ORDER) for name in order),
        reason_of(faults).alias(REASON),
    )
    typed, late = _part_late(typed, source.time, bounds, earlier or {})
    result = resolve(typed, source.entity, rows)
    kept, quarantined = (part.drop(_ORDER, strict=False) for part in (result.kept, result.quarantined))
    refuse_too_many(quarantined, frame.height, source.max_quarantined)
    return Sorted(
        kept=kept,
        quarantined=quarantined,
        late=late,
        columns_withheld=tuple(c for c in frame.columns if c in leaks),
        columns_unknown=unknown,
    )


def sort_ground_truth(
    frame: pl.DataFrame, entity: str, label: Label, max_quarantined: float, *, rows: Rows | None = None
) -> Sorted:
    """Apply the contract of ground truth: one outcome an entity, of the kind that the label is."""
    rows = rows or Rows()
    unknown = tuple(c for c in frame.columns if c not in (entity, label.column))
    _require(frame, (entity, label.column), unknown, Rows())
    cells = Cells(frame, rows)
    key = cells.entity(entity).alias(entity)
    value, wrong = label_cells(cells, frame.schema[label.column], label)
    faults = [*cells.faults, *((is_bad.fill_null(value=False), reason) for is_bad, reason in wrong)]
    typed = frame.select(key, value.alias(label.column), reason_of(faults).alias(REASON))
    result = resolve(typed, entity, rows)
    refuse_too_many(result.quarantined, frame.height, max_quarantined)
    return Sorted(kept=result.kept, quarantined=result.quarantined, columns_unknown=unknown)


def resolve(typed: pl.DataFrame, entity: str, rows: Rows) -> Sorted:
    """Apply the rules on duplicates and conflicts to rows that are sound by themselves (those without a reason).

    The answer does not depend on the order of the rows: of equal ones it does not matter which is kept.

    Raises
    ------
    DataError
        If there are such rows and the rule refuses them.
    """
    sound = typed.filter(pl.col(REASON).is_null())
    is_repeated = sound[entity].is_duplicated()
    # Whole rows are compared of repeated entities only: they are few.
    repeated = sound.with_row_index(_NUMBER).filter(is_repeated).drop(REASON)
    values = [name for name in repeated.columns if name not in (_NUMBER, _ORDER, DELIVERED_IN)]
    judged = repeated.with_columns(_judge(repeated, entity, values, rows).alias(REASON))
    found = count_reasons(judged)
    for rule, reason in ((rows.duplicates, _twice(entity)), (rows.conflicts, _differs(entity))):
        if rule == "refuse" and reason in found:
            raise DataError(
                f"{found[reason]} rows: {reason}, and the spec refuses such a span. "
                "Nothing was written; mend the source and deliver the span again."
            )
    bad = typed.filter(pl.col(REASON).is_not_null())
    if repeated.is_empty():
        return Sorted(kept=sound.drop(REASON), quarantined=bad)
    lost = judged.filter(pl.col(REASON).is_not_null())
    is_kept = pl.Series([True]).new_from_index(0, sound.height).scatter(lost[_NUMBER], values=False)
    return Sorted(kept=sound.filter(is_kept).drop(REASON), quarantined=pl.concat([bad, lost.select(typed.columns)]))


def forget_resolution(quarantined: pl.DataFrame, entity: str) -> pl.DataFrame:
    """Return quarantined rows, those that were sound by themselves without their reason: to be resolved anew."""
    reason = pl.col(REASON)
    return quarantined.with_columns(
        pl.when(~reason.is_in([_twice(entity), _differs(entity), _earlier(entity)])).then(reason).alias(REASON)
    )


def delivered_twice(rows: pl.DataFrame, entity: str) -> pl.DataFrame:
    """Return rows as quarantined ones that are there already."""
    return rows.with_columns(pl.lit(_twice(entity)).alias(REASON))


def count_reasons(quarantined: pl.DataFrame) -> dict[str, int]:
    """Return how many rows there are for each reason."""
    counts = quarantined.drop_nulls(REASON).group_by(REASON).len().sort(REASON)
    return {str(reason): int(n) for reason, n in counts.iter_rows()}


def refuse_too_many(quarantined: pl.DataFrame, rows: int, bound: float) -> None:
    """Refuse a span of which too large a share is quarantined.

    Raises
    ------
    DataError
        Naming each reason and its count.
    """
    share = quarantined.height / rows if rows else 0.0
    if share > bound:
        raise DataError(
            f"{quarantined.height} of {rows} rows ({share:.1%}) break the row contract; at most {bound:.1%} may: "
            f"{_words(count_reasons(quarantined))}. Nothing was written; mend the source and deliver the span again."
        )


def _judge(sound: pl.DataFrame, entity: str, values: Sequence[str], rows: Rows) -> pl.Expr:
    is_conflict = pl.struct(*values).n_unique().over(entity) > 1
    is_repeated = pl.int_range(pl.len()).over(entity) > 0
    if rows.duplicates == "quarantine":
        is_repeated = pl.len().over(entity) > 1
    differs = pl.lit(_differs(entity))
    if _ORDER in sound.columns:
        order = pl.col(_ORDER)
        best = (order.min() if rows.conflicts == "keep_first" else order.max()).over(entity)
        is_best = (order == best).fill_null(value=False)
        # Equally late rows that differ leave nothing to choose by.
        n_best = pl.struct(*values).filter(is_best).n_unique().over(entity)
        is_first_best = is_best & (is_best.cast(pl.Int64).cum_sum().over(entity) == 1)
        lost = pl.when((n_best != 1) | best.is_null()).then(differs).when(~is_first_best).then(pl.lit(_earlier(entity)))
        return pl.when(is_conflict).then(lost).when(is_repeated).then(pl.lit(_twice(entity)))
    return pl.when(is_conflict).then(differs).when(is_repeated).then(pl.lit(_twice(entity)))


def _is_outside(time: pl.Expr, bounds: Bounds) -> pl.Expr:
    return ((time < bounds[0]) | (time >= bounds[1])).fill_null(value=False)


def _part_late(
    typed: pl.DataFrame, time: str, bounds: Bounds, earlier: Mapping[str, Bounds]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows without the late ones, and the late ones with the span they belong to."""
    known = {span: ends for span, ends in earlier.items() if ends[1] <= bounds[0]}
    is_outside = pl.col(REASON) == _outside(time)
    if not known or typed.filter(is_outside).is_empty():
        return typed, typed.clear().drop(REASON).with_columns(pl.lit("").alias(TARGET))
    spans = pl.DataFrame(
        [(span, *ends) for span, ends in known.items()],
        schema={TARGET: pl.String, "start": typed.schema[time], "end": typed.schema[time]},
        orient="row",
    ).sort("start")
    placed = (
        typed.with_row_index("number")
        .sort(time, nulls_last=True)
        .join_asof(spans, left_on=time, right_on="start", strategy="backward", check_sortedness=False)
    )
    is_late = (is_outside & pl.col(TARGET).is_not_null() & (pl.col(time) < pl.col("end"))).fill_null(value=False)
    placed = placed.with_columns(is_late.alias("is_late")).sort("number").drop("number", "start", "end")
    return (
        placed.filter(~pl.col("is_late")).drop("is_late", TARGET),
        placed.filter("is_late").drop("is_late", REASON, _ORDER, strict=False),
    )


def _require(frame: pl.DataFrame, wanted: Sequence[str], unknown: Sequence[str], rows: Rows) -> None:
    if rows.order_by in frame.columns and frame.schema[rows.order_by].is_nested():
        raise DataError(
            f"The column {rows.order_by!r} orders rows, and was delivered as {frame.schema[rows.order_by]}."
        )
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        near = {name: get_close_matches(name, unknown, n=1) for name in missing}
        renamed = "".join(f" Was {name} renamed to {found[0]}?" for name, found in near.items() if found)
        raise DataError(
            f"The source delivered no column {', '.join(missing)}. Delivered: {', '.join(frame.columns)}.{renamed} "
            "Deliver it, or take it out of the spec."
        )
    if unknown and rows.new_columns == "refuse":
        raise DataError(
            f"The source delivered the new column {', '.join(unknown)}, and the spec refuses such a span. "
            "Name it in the spec (under features or leaks), or deliver the span without it."
        )


def _twice(entity: str) -> str:
    return f"{entity} is delivered twice"


def _differs(entity: str) -> str:
    return f"{entity} stands for rows that differ"


def _earlier(entity: str) -> str:
    return f"{entity} has a row that goes before"


def _outside(time: str) -> str:
    return f"{time} is outside the span"


def _words(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{reason}: {n}" for reason, n in reasons.items())
