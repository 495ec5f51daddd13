"""The columns that a model folder's functions add, row by row.

A function gets a frame and returns it with more columns. Anything else that it does to the rows would make training
and serving see different data, so it is checked here and refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from ratchet.errors import SpecError

FeatureFunction = Callable[[pl.DataFrame], pl.DataFrame]

# Mistakes in the function itself; their text names columns and attributes, never values of a row.
_MISTAKES = (AttributeError, NameError, TypeError, pl.exceptions.ColumnNotFoundError, pl.exceptions.DuplicateError)


def derive_features(
    frame: pl.DataFrame,
    functions: Sequence[FeatureFunction],
    *,
    entity: str,
    expected: Sequence[str] = (),
    hidden: Sequence[str] = (),
) -> pl.DataFrame:
    """Return the frame with the columns that the functions add, applied in order.

    Parameters
    ----------
    frame : polars.DataFrame
        Examples; may be empty, so that the added columns are known without data.
    functions : sequence of callable
        Row-level functions, frame to frame.
    entity : str
        The column that names an example; its order must survive.
    expected : sequence of str
        Columns that must be there afterwards.
    hidden : sequence of str
        Columns that the functions do not see; they come back unchanged, after the others.

    Raises
    ------
    SpecError
        If a function drops, adds or reorders rows, or drops or changes a column that was there, or fails.
    """
    kept_back = frame.select(name for name in frame.columns if name in hidden)
    frame = frame.drop(kept_back.columns)
    for function in functions:
        frame = _check(frame, _call(function, frame), name=_name(function), entity=entity)
    missing = [column for column in expected if column not in frame.columns]
    if missing:
        raise SpecError(
            f"features: {', '.join(missing)}: declared as derived, but no function under functions adds it."
        )
    clashing = [name for name in kept_back.columns if name in frame.columns]
    if clashing:
        raise SpecError(f"features: {', '.join(clashing)}: governed columns may not be derived. Use another name.")
    return frame.hstack(kept_back) if kept_back.width else frame


def _call(function: FeatureFunction, frame: pl.DataFrame) -> Any:
    try:
        return function(frame)
    except SpecError:
        raise
    except Exception as error:
        detail = f": {error}" if isinstance(error, _MISTAKES) else " (its message may quote data; it is the cause)"
        raise SpecError(f"{_name(function)} failed with {type(error).__name__}{detail}") from error


def _check(before: pl.DataFrame, after: Any, *, name: str, entity: str) -> pl.DataFrame:
    if not isinstance(after, pl.DataFrame):
        raise SpecError(f"{name} must return a polars.DataFrame. Got {type(after).__name__} instead.")
    if after.height != before.height:
        raise SpecError(f"{name} must keep every row. It got {before.height} rows and returned {after.height}.")
    dropped = [column for column in before.columns if column not in after.columns]
    if dropped:
        raise SpecError(f"{name} must keep every column. It dropped {', '.join(dropped)}.")
    if not after[entity].equals(before[entity]):
        raise SpecError(f"{name} must keep the rows in order. The column {entity!r} came back different.")
    changed = [column for column in before.columns if not _is_same(before[column], after[column])]
    if changed:
        raise SpecError(f"{name} must only add columns. It changed {', '.join(changed)}; use a new name instead.")
    return after


def _is_same(before: pl.Series, after: pl.Series) -> bool:
    return before.dtype == after.dtype and before.equals(after)


def _name(function: FeatureFunction) -> str:
    module = getattr(function, "__module__", "").rpartition(".")[2]
    return f"{module}.{getattr(function, '__name__', repr(function))}".lstrip(".")
