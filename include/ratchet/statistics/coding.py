"""Columns as small whole numbers: bins of equal frequency, frequent values, and one code for what is missing.

What is asked of a new table (does it tell the label, does it go with another column) is then told from counts, which
are cheap, know no unit, and show no value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

Codes = np.ndarray[Any, np.dtype[np.int64]]

N_BINS = 64
MISSING = 0
# Texts by which people write that nothing is known.
MISSING_WORDS = ("", "?", "-", "--", "na", "n/a", "nan", "null", "none", "unknown", "unkn", "missing", "not available")
_SAMPLE = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded:
    """One column: code 0 is missing, the others are bins in order, or values with the rarest counted together."""

    column: str
    codes: Codes
    is_ordered: bool

    @property
    def is_missing(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which examples have no value."""
        missing: np.ndarray[Any, np.dtype[np.bool_]] = self.codes == MISSING
        return missing


def code_column(series: pl.Series) -> Coded:
    """Return the codes of a column, at most ``N_BINS`` and that of missing; NaN and words for nothing are missing."""
    if series.dtype.is_temporal():
        series = series.cast(pl.Int64) if series.dtype != pl.Date else series.cast(pl.Int32)
    if series.dtype.is_numeric() or series.dtype == pl.Boolean:
        return Coded(column=series.name, codes=_code_numbers(series), is_ordered=True)
    return Coded(column=series.name, codes=_code_texts(series), is_ordered=False)


def _code_numbers(series: pl.Series) -> Codes:
    values = series.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.zeros(len(values), np.int64)
    # Evenly spaced rows tell the edges well enough, and sort ten times faster.
    sample = finite[:: max(len(finite) // _SAMPLE, 1)]
    edges = np.unique(np.quantile(sample, np.linspace(0, 1, N_BINS + 1)[1:-1], method="nearest"))
    distinct = np.unique(sample)
    if len(distinct) <= N_BINS:
        edges = distinct[1:]
    codes = np.searchsorted(edges, values, side="right") + 1
    return np.where(np.isnan(values), MISSING, codes)


def _code_texts(series: pl.Series) -> Codes:
    texts = series.cast(pl.String)
    counted = texts.alias("value").drop_nulls().value_counts(sort=True)
    counted = counted.filter(~is_missing_word(counted["value"]))
    # The rarest are one code, since an order told from single examples is none.
    frequent = counted["value"].head(N_BINS - 1).sort()
    coded = texts.to_frame("value").select(
        pl.when(pl.col("value").is_null() | is_missing_word(texts))
        .then(MISSING)
        .otherwise(
            pl.col("value").replace_strict(
                frequent, pl.Series(np.arange(1, len(frequent) + 1)), default=N_BINS, return_dtype=pl.Int64
            )
        )
    )
    return coded.to_series().cast(pl.Int64).to_numpy()


def is_missing_word(texts: pl.Series) -> pl.Series:
    """Return which texts are a word for nothing."""
    return texts.str.strip_chars().str.to_lowercase().is_in(list(MISSING_WORDS)).fill_null(value=False)
