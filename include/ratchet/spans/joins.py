"""Point-in-time joins: beside each row of the main source, what a joined source could have told at that moment.

Pure: frames in, a frame out. A joined row is seen by a main row when it was true, and recorded, by the main row's event
time less the declared availability delay. Of the rows seen, the one that was true last counts, in the revision that
was recorded last; older than the declared tolerance it counts for nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError
from ratchet.spans.sources.times import read_times

if TYPE_CHECKING:
    from ratchet.spec.joins import Join

# No column of a spec has such a name.
_ROW, _CUTOFF, _RANK, _TIME, _KNOWN_AT = "~row", "~cutoff", "~rank", "~time", "~known at"


def reading_window(join: Join, bounds: tuple[datetime, datetime]) -> tuple[datetime, datetime]:
    """Return the instants of the joined rows that rows of a span may see, the end excluded.

    Reaches back before the span by the delay and the tolerance; ends before the span does, by the delay.
    """
    delay = timedelta(minutes=join.available_after_minutes)
    return bounds[0] - delay - timedelta(minutes=join.stale_after_minutes), bounds[1] - delay


def select_visible(
    frame: pl.DataFrame, join: Join, window: tuple[datetime, datetime], *, name: str, zone: str
) -> pl.DataFrame:
    """Return the joined rows that some row of the span may see, typed and in an order of their own.

    What was recorded after the last moment of the window, or is true outside of it, is left out: so neither a later
    revision nor a source that answers with more than it was asked for changes what a span is made from. Rows without
    key or time are left out too, and of equal rows all but one.

    Raises
    ------
    DataError
        If a column is missing or of the wrong type, or two rows of the same key and times contradict each other.
    """
    times = _times(join)
    wanted = list(dict.fromkeys((*join.keys, *times, *join.columns)))
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        raise DataError(
            f"joins.{name} was delivered without the column {', '.join(missing)}. "
            f"Delivered: {', '.join(frame.columns)}. Deliver it, or take it out of the spec."
        )
    _refuse_nested(frame, join.columns, name=name)
    typed = frame.select(wanted).with_columns(
        _instant(frame, column, zone=zone, what=f"joins.{name}") for column in times
    )
    is_visible = [pl.col(join.time) >= window[0], *(pl.col(column) < window[1] for column in times)]
    seen = typed.filter(*is_visible, *(pl.col(key).is_not_null() for key in join.keys)).unique().sort(wanted)
    n_contradicting = seen.height - seen.select((*join.keys, *times)).unique().height
    if n_contradicting:
        raise DataError(
            f"joins.{name}: {n_contradicting} rows contradict another of the same {', '.join((*join.keys, *times))}. "
            "Deliver one row for each, or name the column of their revision under recorded_time."
        )
    return seen


def join_as_of(
    main: pl.DataFrame, visible: pl.DataFrame, join: Join, *, name: str, time: str, zone: str
) -> pl.DataFrame:
    """Return the main rows, in their order, with the joined columns added; null where nothing was known.

    Parameters
    ----------
    main : polars.DataFrame
        Rows with the key columns and an aware event time; a row without either sees nothing.
    visible : polars.DataFrame
        As ``select_visible`` returns them.
    name : str
        The join's name in the spec, for errors.
    time : str
        Column of the main rows' event time.
    zone : str
        IANA name of the zone of times without one.

    Raises
    ------
    DataError
        If a key or the time is missing or of another type, or a joined column is there already.
    """
    _check_main(main, visible, join, name=name)
    cutoff = _instant(main, time, zone=zone, what="the main source") - pl.duration(minutes=join.available_after_minutes)
    asked = main.select(*_keys(main, join), cutoff.alias(_CUTOFF)).with_row_index(_ROW)
    ranked = _rank(visible, join)
    answered = (
        asked.sort(_CUTOFF)
        .join_asof(
            _best_known(ranked, join),
            left_on=_CUTOFF,
            right_on=_KNOWN_AT,
            by=list(join.keys),
            strategy="backward",
            check_sortedness=False,  # within groups it cannot be checked; both sides were sorted just now
        )
        .join(ranked.drop(*join.keys, _KNOWN_AT), on=_RANK, how="left")
        .sort(_ROW)
    )
    is_fresh = pl.col(_CUTOFF) - pl.col(_TIME) <= pl.duration(minutes=join.stale_after_minutes)
    return main.hstack(answered.select(pl.when(is_fresh).then(pl.col(column)).alias(column) for column in join.adds()))


def _rank(visible: pl.DataFrame, join: Join) -> pl.DataFrame:
    """Number the rows so that of any two seen together the one with the higher number counts."""
    ordered = visible.sort(*_times(join)).select(
        *_keys(visible, join),
        pl.col(join.time).alias(_TIME),
        pl.max_horizontal(*_times(join)).alias(_KNOWN_AT),
        *(pl.col(column).alias(added) for column, added in zip(join.columns, join.adds(), strict=True)),
    )
    return ordered.with_row_index(_RANK)


def _best_known(ranked: pl.DataFrame, join: Join) -> pl.DataFrame:
    """Return, for each moment at which a row became known, the number of the row that counts from then on.

    A row that is true later may have been recorded earlier, so the row known last is not always the one that counts.
    """
    return (
        ranked.select(*join.keys, _KNOWN_AT, _RANK)
        .sort(_KNOWN_AT, _RANK)
        .with_columns(pl.col(_RANK).cum_max().over(join.keys))
        .unique([*join.keys, _KNOWN_AT], keep="last", maintain_order=True)
    )


def _times(join: Join) -> Sequence[str]:
    return (join.time,) if join.recorded_time is None else (join.time, join.recorded_time)


def _check_main(main: pl.DataFrame, visible: pl.DataFrame, join: Join, *, name: str) -> None:
    missing = [key for key in join.keys if key not in main.columns]
    if missing:
        raise DataError(
            f"joins.{name}.keys: the main source delivered no column {', '.join(missing)}. "
            f"Delivered: {', '.join(main.columns)}."
        )
    twice = [column for column in join.adds() if column in main.columns]
    if twice:
        raise DataError(
            f"joins.{name} adds {', '.join(twice)}, which the rows have already. Set joins.{name}.prefix, or deliver "
            "the column once."
        )
    kinds = main.select(_keys(main, join)).schema, visible.select(_keys(visible, join)).schema
    for key in join.keys:
        if kinds[0][key] != kinds[1][key]:
            raise DataError(
                f"joins.{name}.keys: {key!r} is {main.schema[key]} in the main source and {visible.schema[key]} in the "
                "joined one, so no row would ever match. Deliver one type."
            )


def _keys(frame: pl.DataFrame, join: Join) -> list[pl.Expr]:
    """Text as text and whole numbers as whole numbers, however wide each side keeps them."""
    return [pl.col(key).cast(_key_type(frame.schema[key])) for key in join.keys]


def _key_type(kind: pl.DataType) -> pl.DataType | type[pl.DataType]:
    if isinstance(kind, pl.Categorical | pl.Enum):
        return pl.String
    return pl.Int64 if kind.is_integer() and kind != pl.UInt64 else kind


def _instant(frame: pl.DataFrame, column: str, *, zone: str, what: str) -> pl.Expr:
    if column not in frame.columns:
        raise DataError(f"{what} delivered no column {column}. Delivered: {', '.join(frame.columns)}.")
    return read_times(frame.schema[column], column, zone=zone, what=what)


def _refuse_nested(frame: pl.DataFrame, columns: Sequence[str], *, name: str) -> None:
    for column in columns:
        if frame.schema[column].is_nested() or frame.schema[column] == pl.Binary:
            raise DataError(f"joins.{name}: {column!r} was delivered as {frame.schema[column]}. Deliver plain values.")
