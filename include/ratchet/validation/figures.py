"""Figures derived from a span that an expectation may name like a column.

No native expectation knows when a span ends: bounds of ``expect_column_max_to_be_between`` on the time column itself
would be fixed instants, wrong on the next day. So freshness is judged on how long before the end of its span an example
happened: its smallest value says how fresh the newest example is, its largest how far back the oldest reaches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import datetime

HOURS_TO_SPAN_END = "hours_to_span_end"


def with_figures(frame: pl.DataFrame, time: str, end: datetime) -> pl.DataFrame:
    """Return the examples of one span with ``hours_to_span_end`` beside their columns."""
    hours = (pl.lit(end) - pl.col(time)).dt.total_microseconds() / 3_600_000_000
    return frame.with_columns(hours.alias(HOURS_TO_SPAN_END))
