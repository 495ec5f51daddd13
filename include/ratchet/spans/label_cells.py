"""The stored type of an outcome, by the kind of label: true or false, text of one of the classes, a finite number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from ratchet.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ratchet.spans.cells import Cells
    from ratchet.spec.label import Label, LabelKind

Fault = tuple[pl.Expr, str]

LABEL_TYPES: Final[Mapping[LabelKind, type[pl.DataType]]] = {
    "binary": pl.Boolean,
    "multiclass": pl.String,
    "regression": pl.Float64,
}


def label_cells(cells: Cells, delivered: pl.DataType, label: Label) -> tuple[pl.Expr, list[Fault]]:
    """Return the outcomes in their stored type, and which of them are none, each with its reason.

    Parameters
    ----------
    delivered : polars.DataType
        What the label's column was delivered as.

    Raises
    ------
    DataError
        If a column of that type holds no outcomes of that kind.
    """
    column = label.column
    is_null: Fault = (pl.col(column).is_null(), f"{column} is null")
    if label.kind == "binary":
        if delivered != pl.Boolean:
            raise DataError(f"The label {column!r} must be Boolean. Got {delivered}.")
        return pl.col(column), [is_null]
    value = cells.number(column) if label.kind == "regression" else cells.category(column)
    if label.kind == "regression":
        told: Fault = (~value.is_finite(), f"{column} is no finite number")
    else:
        told = (~value.is_in(list(label.classes or ())), f"{column} is none of label.classes")
    # A text that stands for a missing number is null once it is read.
    return value, [is_null, (value.is_null(), is_null[1]), told]
