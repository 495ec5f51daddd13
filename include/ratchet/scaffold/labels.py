"""The label of a table as the spec will say it: true or false, one of a few classes, or a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ratchet.scaffold.request import NewModel

# Texts of so many values are classes; numbers of more are numbers.
FEWEST_CLASSES, MOST_CLASSES = 3, 20
_TRUE = ("yes", "true", "y", "t", "1", "1.0", "positive", "churned")


def read_label(frame: pl.DataFrame, asked: NewModel) -> tuple[pl.Series, dict[str, Any]]:
    """Return the outcome of each row as true or false, and the keys by which a spec makes it.

    A label of classes is true where the most frequent one is, one of numbers where it lies above their median: that is
    what columns are looked at by; the spec says the kind.

    Raises
    ------
    InputError
        If the label is not there, or does not part the rows in two.
    """
    outcome = asked.outcome_keys()
    if outcome is not None:
        label, keys = _compared(frame, outcome), {"outcome": outcome}
    elif asked.label not in frame.columns:
        raise InputError(f"The table has no column {asked.label!r}. It has: {', '.join(frame.columns)}.")
    else:
        found = None if asked.positive is not None else _of_another_kind(frame[asked.label])
        label, keys = found or _matched(frame[asked.label], asked.positive)
    n_true, n = int(label.sum() or 0), label.len() - label.null_count()
    if not 0 < n_true < n:
        raise InputError(f"The label {asked.label!r} is {'true' if n_true else 'false'} in all {n} rows.")
    return label, keys


def _of_another_kind(column: pl.Series) -> tuple[pl.Series, dict[str, Any]] | None:
    values = column.drop_nulls()
    if column.dtype.is_numeric():
        if values.n_unique() <= MOST_CLASSES:
            return None
        return column > values.cast(pl.Float64).median(), {"kind": "regression"}
    if column.dtype != pl.String or not FEWEST_CLASSES <= values.n_unique() <= MOST_CLASSES:
        return None
    counts = values.value_counts(name="n").sort("n", column.name, descending=[True, False])
    classes = values.unique().sort().to_list()
    return column == counts[column.name][0], {"kind": "multiclass", "classes": classes}


def _compared(frame: pl.DataFrame, outcome: Mapping[str, Any]) -> pl.Series:
    columns = [outcome["column"], *([outcome["times"]] if "times" in outcome else [])]
    missing = [name for name in columns if name not in frame.columns or not frame.schema[name].is_numeric()]
    if missing:
        raise InputError(f"The outcome needs a column of numbers {', '.join(missing)}.")
    name = next(key for key in outcome if key not in ("column", "times"))
    value, limit = frame[outcome["column"]], outcome[name] * (frame[outcome["times"]] if "times" in outcome else 1)
    compared = {"above": value > limit, "at_least": value >= limit, "below": value < limit, "at_most": value <= limit}
    result: pl.Series = compared[name]
    return result


def _matched(column: pl.Series, positive: str | None) -> tuple[pl.Series, dict[str, Any]]:
    if column.dtype == pl.Boolean:
        return column, {}
    # A number of a CSV stands there as it was written.
    texts = column.cast(pl.Int64).cast(pl.String) if _is_whole(column) else column.cast(pl.String)
    values = texts.drop_nulls().unique().sort().to_list()
    if positive is None:
        if len(values) != 2:
            raise InputError(
                f"The label {column.name!r} has {len(values)} values. Say which one stands for true: --positive, or "
                "what is compared: --outcome."
            )
        positive = next((value for value in values if value.lower() in _TRUE), None)
    if positive is None or positive not in values:
        raise InputError(f"Say which value of the label {column.name!r} stands for true: --positive.")
    return texts == positive, {"positive": positive}


def _is_whole(column: pl.Series) -> bool:
    return bool(column.dtype.is_float()) and bool((column.drop_nulls() % 1 == 0).all())
