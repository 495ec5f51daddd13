"""From a Polars frame to the one shape that scikit-learn sees, in training and in serving alike."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from ratchet.spec.features import Features, Role


def feature_roles(features: Features) -> dict[str, Role]:
    """Return the role of each feature column, in the order of the spec: the columns of every matrix."""
    return {name: column.role for name, column in features.columns.items()}


def to_matrix(frame: pl.DataFrame, roles: Mapping[str, Role]) -> pd.DataFrame:
    """Return the feature columns alone, in the order of ``roles`` and with fixed dtypes.

    Parameters
    ----------
    frame : polars.DataFrame
        Examples with their derived columns; further columns are left out.
    roles : mapping of str to role
        The columns, see `feature_roles`.

    Returns
    -------
    pandas.DataFrame of shape (n_examples, n_features)
        Numeric columns are float64, with NaN for null, NaN and infinities. Categorical columns are objects: str, or
        NaN for null. Python objects on purpose: the ``str`` dtype of pandas 3 would bring its own missing value and
        types that a packaged model would have to trust. NaN on purpose: OrdinalEncoder gives None a code of its own.

    Raises
    ------
    DataError
        If a column is missing, or a numeric one holds no numbers.
    """
    import pandas as pd

    missing = [name for name in roles if name not in frame.columns]
    if missing:
        close = get_close_matches(missing[0], frame.columns, n=1)
        hint = f" Is {close[0]!r} the one meant?" if close else ""
        raise DataError(f"The frame lacks the feature columns {', '.join(missing)}.{hint}")
    columns = {name: _column(frame[name], role) for name, role in roles.items()}
    return pd.DataFrame(columns, columns=pd.Index(list(roles), dtype=object), copy=False)


def _column(series: pl.Series, role: Role) -> pd.Series:
    import numpy as np
    import pandas as pd

    if role == "categorical":
        # Few distinct texts stand for many examples: each becomes a Python object once.
        coded = series.cast(pl.String).to_arrow().dictionary_encode()
        words = np.array([*coded.dictionary.to_pylist(), np.nan], dtype=object)
        return pd.Series(words[coded.indices.fill_null(len(words) - 1).to_numpy()], dtype=object)
    if not (series.dtype.is_numeric() or series.dtype in (pl.Boolean, pl.Null)):
        raise DataError(f"The numeric feature {series.name!r} must hold numbers. It holds {series.dtype}.")
    values = series.cast(pl.Float64).to_numpy(allow_copy=True)
    return pd.Series(np.where(np.isfinite(values), values, np.nan))
