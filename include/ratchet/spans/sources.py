"""Asking a model's source for a span."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError, EmptyDataError
from ratchet.spec.functions import load_functions

if TYPE_CHECKING:
    from pathlib import Path

    from ratchet.spans.calendar import Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanWindow:
    """What a source function is asked for: one span and its instants in UTC, the end excluded."""

    key: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a source answered, and the digest of those bytes.

    ``inputs`` are the digests of what was joined to it, by name; the digest covers them too.
    """

    frame: pl.DataFrame
    digest: str
    inputs: Mapping[str, str] = field(default_factory=dict)


def read_source(
    model_path: Path, function: str, calendar: Calendar, key: str, *, bounds: tuple[datetime, datetime] | None = None
) -> Delivery:
    """Return what the model's function delivers for one span; of other instants than the span's with ``bounds``.

    Raises
    ------
    DataError
        If it delivers anything but a Polars frame.
    EmptyDataError
        If it delivers no row.
    """
    (read,) = load_functions(model_path, (function,))
    start, end = bounds or calendar.bounds(key)
    frame = read(SpanWindow(key=key, start=start, end=end))
    if not isinstance(frame, pl.DataFrame):
        raise DataError(f"{function} must return a Polars DataFrame for span {key}. Got {type(frame).__name__}.")
    if frame.is_empty():
        raise EmptyDataError(
            f"{function} delivered no row for span {key}. An empty span is never taken for a good one."
        )
    return Delivery(frame=frame, digest=frame_digest(frame))


def frame_digest(frame: pl.DataFrame) -> str:
    """Return the digest of a frame's columns, types and values, in their order."""
    buffer = io.BytesIO()
    frame.rechunk().write_ipc_stream(buffer)
    return "sha256:" + hashlib.sha256(buffer.getbuffer()).hexdigest()
