"""What is asked for, and what comes back."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from ratchet.spans.calendar import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanWindow:
    """What is asked for: one span, its instants in UTC (the end excluded), and the zone its days are counted in."""

    key: str
    start: datetime
    end: datetime
    time_zone: str

    @classmethod
    def of(cls, calendar: Calendar, key: str) -> SpanWindow:
        """Return the window of one span."""
        start, end = calendar.bounds(key)
        return cls(key=key, start=start, end=end, time_zone=calendar.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What was delivered, the digest of its rows, and the versions of what they were read from.

    ``inputs`` names files by the digest of their bytes and Delta tables by their version; ``withheld`` the columns
    that were left out as personal.
    """

    frame: pl.DataFrame
    digest: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()


def frame_digest(frame: pl.DataFrame) -> str:
    """Return the digest of a frame's columns, types and values, in their order."""
    buffer = io.BytesIO()
    frame.rechunk().write_ipc_stream(buffer)
    return "sha256:" + hashlib.sha256(buffer.getbuffer()).hexdigest()
