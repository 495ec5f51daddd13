"""Row-level features of a flight. Each function takes a frame and returns it with columns added."""

from __future__ import annotations

import polars as pl

ZONE = "America/New_York"


def add_weekday(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``weekday``: 1 on a local Monday to 7 on a Sunday."""
    local = pl.col("scheduled_at").dt.convert_time_zone(ZONE)
    return frame.with_columns(weekday=local.dt.weekday().cast(pl.Float64))
