"""The log of what the service answered: written before an answer is sent, read by whoever ingests it.

::

    predictions-log/<model>/<hour>/<writer>.jsonl     hour: 2013-02-10T04Z, of scored_at

A line is one record of ``ratchet.spans.records.PREDICTION``. On disk a process appends to one file an hour, with one
``write`` a request: a killed process loses nothing that was answered. Files are synced when the hour changes and when
the service stops, so a machine that loses power may lose the records of the last half a minute or so, not more than
the kernel keeps back. On S3 nothing can be appended, so each request is one object, durable before its answer.

A record may be there whose answer was never received; never the other way round.
"""

from __future__ import annotations

import errno
import os
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import orjson
import polars as pl

from ratchet.errors import DataError, DiskFullError, InputError, StoreError
from ratchet.identity import ModelId
from ratchet.project import Project
from ratchet.spans.records import PREDICTION, SCHEMA_VERSION
from ratchet.storage.objects import open_store

FOLDER = "predictions-log"
_NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})

Record = Mapping[str, Any]
_OF_BINARY = {"threshold", "is_expected"}


class PredictionLog(Protocol):
    """Where answers are put on record."""

    def append(self, records: Sequence[Record], *, at: datetime) -> None:
        """Write all records of one request, or none.

        Raises
        ------
        DiskFullError, StoreError
            If they could not be written: the answer must not be sent.
        """

    def close(self) -> None:
        """Make durable what was written; the log may be appended to again."""


def open_log(project: Project, model: ModelId) -> PredictionLog:
    """Return the log of a model; nothing is created yet."""
    return ObjectLog(project, model) if project.home.startswith("s3://") else FileLog(project, model)


class FileLog:
    """Lines of a local file."""

    def __init__(self, project: Project, model: ModelId) -> None:
        self._root = Path(project.home) / FOLDER / str(model)
        self._lock = threading.Lock()
        self._hour = ""
        self._descriptor: int | None = None

    def append(self, records: Sequence[Record], *, at: datetime) -> None:
        data = _to_lines(records)
        with self._lock, self._told(f"Writing {len(data)} bytes"):
            self._write(data, _hour(at))

    def close(self) -> None:
        with self._lock, self._told("Syncing the newest file"):
            self._finish()

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._abandon()
            kind = DiskFullError if error.errno in _NO_ROOM else StoreError
            raise kind(f"{doing} below {self._root} failed: {error.strerror}.") from error

    def _write(self, data: bytes, hour: str) -> None:
        if self._descriptor is None or hour != self._hour:
            self._finish()
            self._descriptor, self._hour = self._open(hour), hour
        size = os.fstat(self._descriptor).st_size
        try:
            _write_all(self._descriptor, data)
        except OSError:
            # What was refused must not look answered.
            with suppress(OSError):
                os.ftruncate(self._descriptor, size)
            raise

    def _open(self, hour: str) -> int:
        folder = self._root / hour
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{os.getpid()}-{secrets.token_hex(8)}.jsonl"
        return os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o640)

    def _finish(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _abandon(self) -> None:
        """Leave the file: if it ends in half a line, nothing may be appended to that."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)


class ObjectLog:
    """One object a request, in an object store."""

    def __init__(self, project: Project, model: ModelId) -> None:
        self._store = open_store(project.home)
        self._folder = f"{FOLDER}/{model}"

    def append(self, records: Sequence[Record], *, at: datetime) -> None:
        # The name is random, so an object that is there already is this one: the reply of the first try was lost.
        self._store.write_once(f"{self._folder}/{_hour(at)}/{secrets.token_hex(16)}.jsonl", _to_lines(records))

    def close(self) -> None:
        """Nothing is kept back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedPredictions:
    """Records of the log as a frame of ``PREDICTION``; ``n_torn`` lines were cut short by a killed process."""

    frame: pl.DataFrame
    n_torn: int


def read_log(project: Project, model: ModelId, start: datetime, end: datetime) -> LoggedPredictions:
    """Return the records with ``start <= scored_at < end``, sorted by ``scored_at``; none is an empty frame.

    A last line without its end is skipped and counted: it is being written, or its process was killed before the
    answer was sent.

    Parameters
    ----------
    start, end : datetime
        Aware instants, such as ``Calendar.bounds`` gives for a span.

    Raises
    ------
    DataError
        If a whole line is no record; the file is named.
    """
    if start.tzinfo is None or end.tzinfo is None:
        raise InputError(f"The instants must be aware. Got {start!r} and {end!r}.")
    store, frames, n_torn = open_store(project.home), [pl.DataFrame(schema=PREDICTION)], 0
    for hour in _hours(start, end):
        for name in store.list(f"{FOLDER}/{model}/{hour}"):
            data = store.read(name)
            whole, end_of_line, torn = data.rpartition(b"\n")
            n_torn += bool(torn)
            frames.append(_to_frame(whole + end_of_line, name))
    scored_at = pl.col("scored_at")
    frame = pl.concat(frames).filter(scored_at >= start, scored_at < end).sort("scored_at", maintain_order=True)
    return LoggedPredictions(frame=frame, n_torn=n_torn)


def find_request(project: Project, model: ModelId, request: str) -> pl.DataFrame:
    """Return the records of one request, or the one of a prediction id, in the order of its examples.

    Hours are looked through from the newest; a request was written at once, so the first file that holds it is enough.
    An unknown id gives an empty frame.
    """
    store = open_store(project.home)
    # As JSON, so that an id finds nothing but itself.
    quoted = orjson.dumps(request)[:-1]
    position = pl.col("prediction_id").str.strip_prefix(f"{request}-")
    is_asked = (pl.col("prediction_id") == request) | (
        pl.col("prediction_id").str.starts_with(f"{request}-") & position.str.contains(r"^\d+$")
    )
    for name in sorted(store.list(f"{FOLDER}/{model}"), reverse=True):
        data = store.read(name)
        if quoted not in data:
            continue
        whole, end_of_line, _ = data.rpartition(b"\n")
        found = _to_frame(whole + end_of_line, name).filter(is_asked)
        if not found.is_empty():
            return found
    return pl.DataFrame(schema=PREDICTION)


def _to_lines(records: Sequence[Record]) -> bytes:
    option = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
    return b"".join(orjson.dumps(dict(record), option=option) for record in records)


def _to_frame(lines: bytes, name: str) -> pl.DataFrame:
    # An erased record leaves a blank line of its length.
    if lines.startswith(b" ") or b"\n " in lines:
        lines = b"".join(line for line in lines.splitlines(keepends=True) if not line.isspace())
    try:
        # A key that is missing reads as null.
        frame = pl.read_ndjson(lines, schema={**PREDICTION, "scored_at": pl.String}).with_columns(
            pl.col("scored_at").str.to_datetime("%+", time_unit="us", time_zone="UTC")
        )
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"{name} of the prediction log holds a line that is no record: {type(error).__name__}."
        ) from None
    incomplete = [column for column in frame.columns if frame[column].null_count()]
    if set(incomplete) == _OF_BINARY and frame["threshold"].is_null().equals(frame["is_expected"].is_null()):
        incomplete = []  # a model of another label than true or false has neither
    if incomplete or not frame["schema_version"].eq(SCHEMA_VERSION).all():
        raise DataError(
            f"{name} of the prediction log must hold whole records of schema_version {SCHEMA_VERSION}. "
            f"It lacks {', '.join(incomplete) or 'none of the keys, and is of another version'}."
        )
    return frame


def _hour(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%HZ")


def _hours(start: datetime, end: datetime) -> Iterator[str]:
    hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour < end:
        yield _hour(hour)
        hour += timedelta(hours=1)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
