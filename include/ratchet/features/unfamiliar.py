"""What a frame holds that a fitted model has never seen: it gets a score all the same, and is counted.

A category that training did not hold and a number that is none are read as missing by the transform, so they change
no shape and raise nothing; nothing but these counts would tell that a source has begun to send them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from ratchet.spec.features import Role

_KINDS = ("unseen", "infinite", "new_nulls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfamiliar:
    """Cells by column, only columns that have some.

    ``unseen`` are categories that training did not hold, ``infinite`` infinities, ``new_nulls`` nulls and NaN of
    columns that were never without a value in training. Of generated features those are pairs that the model does not
    keep, and divisions by zero. ``untold`` says what could not be counted, and why.
    """

    unseen: Mapping[str, int]
    infinite: Mapping[str, int]
    new_nulls: Mapping[str, int]
    untold: str = ""

    def words(self) -> str:
        """Return the counts in words; an empty text when there are none."""
        parts = [
            f"{column} {count} {kind.replace('_', ' ')}"
            for kind in _KINDS
            for column, count in getattr(self, kind).items()
        ]
        return ", ".join([*parts, *([f"not known: {self.untold}"] if self.untold else [])])

    def by_column(self) -> dict[str, dict[str, int]]:
        """Return the counts of each column by their kind."""
        found: dict[str, dict[str, int]] = {}
        for kind in _KINDS:
            for column, count in getattr(self, kind).items():
                found.setdefault(column, {})[kind] = count
        return found


def complete_columns(matrix: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns of a training matrix in which every row has a value; none of an empty matrix."""
    if matrix.empty:
        return ()
    return tuple(str(name) for name, is_whole in matrix.notna().all().items() if is_whole)


def known_categories(pipeline: Pipeline) -> dict[str, tuple[str, ...]]:
    """Return the categories that the transform of a fitted pipeline has seen, by column."""
    transform = pipeline["transform"]
    columns = next((columns for name, _, columns in transform.transformers_ if name == "categorical"), ())
    if not len(columns):
        return {}
    seen = transform.named_transformers_["categorical"].categories_
    # Missing is NaN there, and no category.
    return {
        name: tuple(value for value in values if isinstance(value, str))
        for name, values in zip(columns, seen, strict=True)
    }


def count_unfamiliar(
    frame: pl.DataFrame,
    roles: Mapping[str, Role],
    *,
    categories: Mapping[str, Collection[str]],
    complete: Collection[str],
) -> Unfamiliar:
    """Return the counts of what is unfamiliar in a frame, in one query; an empty frame has none.

    Parameters
    ----------
    frame : polars.DataFrame
        Examples with their derived columns, as `to_matrix` reads them.
    roles : mapping of str to role
        The columns that the model reads.
    categories : mapping of str to collection of str
        What training held of each categorical column, see `known_categories`.
    complete : collection of str
        Columns that were never without a value in training, see `complete_columns`.
    """
    asked: dict[str, pl.Expr] = {}
    for name, role in roles.items():
        column = pl.col(name)
        is_float = frame.schema[name].is_float()
        if role == "categorical" and name in categories:
            text = column.cast(pl.String)
            asked[f"unseen/{name}"] = (text.is_not_null() & ~text.is_in(list(categories[name]))).sum()
        if role == "numeric" and is_float:
            asked[f"infinite/{name}"] = column.is_infinite().sum()
        if name in complete:
            is_missing = column.is_null() | column.is_nan() if is_float else column.is_null()
            asked[f"new_nulls/{name}"] = is_missing.sum()
    counted = frame.select(value.cast(pl.Int64).alias(key) for key, value in asked.items()).row(0) if asked else ()
    found: dict[str, dict[str, int]] = {"unseen": {}, "infinite": {}, "new_nulls": {}}
    for key, count in zip(asked, counted, strict=True):
        kind, _, name = key.partition("/")
        if count:
            found[kind][name] = int(count)
    return Unfamiliar(unseen=found["unseen"], infinite=found["infinite"], new_nulls=found["new_nulls"])
