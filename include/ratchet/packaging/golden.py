"""Synthetic rows to try a model on: made of medians, quantiles and frequent values, never a row of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import pandas as pd

    from ratchet.packaging.card import Row
    from ratchet.spec.features import Role

# Quantile of the numeric columns, and rank of the categorical value, in each row. The last row is all missing.
_ROWS = ((0.5, 0), (0.1, 1), (0.9, 2))


def synthetic_rows(matrix: pd.DataFrame, roles: Mapping[str, Role]) -> tuple[Row, ...]:
    """Return four rows: a middle, a low and a high one, and one in which everything is missing.

    Parameters
    ----------
    matrix : pandas.DataFrame of shape (n_examples, n_features)
        The training matrix, see `to_matrix`; may be empty.
    roles : mapping of str to role
        Its columns.
    """
    rows: list[Row] = [
        {name: _value(matrix[name], role, quantile, rank) for name, role in roles.items()} for quantile, rank in _ROWS
    ]
    return (*rows, dict.fromkeys(roles))


def rows_to_frame(rows: Sequence[Row], roles: Mapping[str, Role]) -> pl.DataFrame:
    """Return the rows as a frame that `to_matrix` reads."""
    schema = {name: pl.Float64 if role == "numeric" else pl.String for name, role in roles.items()}
    return pl.DataFrame(list(rows), schema=schema, orient="row")


def _value(column: pd.Series, role: Role, quantile: float, rank: int) -> float | str | None:
    present = column.dropna()
    if present.empty:
        return None
    if role == "numeric":
        return float(present.quantile(quantile))
    counts = present.value_counts()
    # By count, then by name: equal counts must not be ordered by chance.
    ranked = sorted(counts.index, key=lambda value: (-int(counts[value]), value))
    return str(ranked[min(rank, len(ranked) - 1)])
