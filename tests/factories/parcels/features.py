"""Row-level features of a parcel."""

from __future__ import annotations

import polars as pl


def add_hour(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``hour``, the hour of the day in UTC."""
    return frame.with_columns(hour=pl.col("sent_at").dt.hour().cast(pl.Float64))
