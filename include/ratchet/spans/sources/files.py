"""Files that hold a span each, or all spans at once."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from ratchet.errors import ChecksumError, DataError
from ratchet.spans.sources.completeness import Look, await_complete, check_unchanged
from ratchet.spans.sources.formats import read_bytes, refuse
from ratchet.spans.sources.numbers import read_numbers
from ratchet.spans.sources.times import read_event_times
from ratchet.spec.delivery import FilesDelivery

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spans.sources.delivered import SpanWindow
    from ratchet.storage.objects import ObjectStore


def read_files(
    project: Project, delivery: FilesDelivery, window: SpanWindow, *, time: str, numeric: Collection[str]
) -> tuple[pl.DataFrame, Mapping[str, str]]:
    """Return a span's rows, and the digest of each file's bytes.

    Rows of a file of all spans that carry no event time belong to none: they come with the file's earliest span, so
    that they are counted once.

    Raises
    ------
    MissingSpanError
        If there is no file.
    IncompleteError
        If one is still being written.
    DataError
        If one cannot be read whole.
    """
    store, look = await_complete(project, delivery, window)
    shape = _Shape(delivery.model_dump_json(), time, window.time_zone, tuple(sorted(numeric)))
    read = _read_once if delivery.holds_all_spans else _read
    frame, digests = read(_Keyed(store), look, shape)
    check_unchanged(project, delivery, window, look)
    if not delivery.holds_all_spans:
        return frame, digests
    if time not in frame.columns:
        raise DataError(
            f"{delivery.path} has no column {time!r}, by which a span's rows are chosen. "
            f"It has: {', '.join(frame.columns)}. Name the span in the path, or rename the column."
        )
    instant = pl.col(time)
    is_within = (instant >= window.start) & (instant < window.end)
    earliest = frame[time].min()
    if earliest is not None and window.start <= earliest < window.end:  # type: ignore[operator]  # a datetime
        is_within |= instant.is_null()
    return frame.filter(is_within), digests


class _Keyed:
    """A store that is the same as another of its URI, so that what was read from it can be kept."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Keyed) and other.store.uri == self.store.uri

    def __hash__(self) -> int:
        return hash(self.store.uri)


class _Shape(NamedTuple):
    """How rows are made of a file, as one value."""

    delivery: str
    time: str
    zone: str
    numeric: tuple[str, ...]


def _read(place: _Keyed, look: Look, shape: _Shape) -> tuple[pl.DataFrame, Mapping[str, str]]:
    delivery = FilesDelivery.model_validate_json(shape.delivery)
    frames: dict[str, pl.DataFrame] = {}
    digests: dict[str, str] = {}
    for name, stat in look.files:
        data = place.store.read(name)
        if len(data) != stat.size_bytes:
            raise ChecksumError(f"{name}: {len(data)} bytes were read, {stat.size_bytes} are there. 0 rows were used.")
        digests[name] = "sha256:" + hashlib.sha256(data).hexdigest()
        frames[name] = _shaped(read_bytes(data, name, delivery), name, delivery, shape)
    return _stacked(frames), digests


@lru_cache(maxsize=2)
def _read_once(place: _Keyed, look: Look, shape: _Shape) -> tuple[pl.DataFrame, Mapping[str, str]]:
    """Read files of all spans once a process, for as long as they are the same files."""
    return _read(place, look, shape)


def _shaped(frame: pl.DataFrame, name: str, delivery: FilesDelivery, shape: _Shape) -> pl.DataFrame:
    missing = sorted(set(delivery.rename) - set(frame.columns))
    taken = sorted(set(delivery.rename.values()) & (set(frame.columns) - set(delivery.rename)))
    if missing or taken:
        what = f"no column {missing[0]!r} to rename" if missing else f"a column {taken[0]!r} already"
        raise refuse(name, f"has {what}; it has {', '.join(frame.columns)}")
    frame = frame.rename(dict(delivery.rename))
    if delivery.null_values:
        is_null = pl.col(pl.String).is_in(list(delivery.null_values))
        frame = frame.with_columns(pl.when(~is_null).then(pl.col(pl.String)).name.keep())
    if delivery.row_key is not None:
        if delivery.row_key in frame.columns:
            raise refuse(name, f"has a column {delivery.row_key!r} already, which row_key would replace")
        number = pl.int_range(1, pl.len() + 1)
        frame = frame.with_columns(pl.format("{}:{}", pl.lit(name), number).alias(delivery.row_key))
    return read_event_times(
        read_numbers(frame, shape.numeric, what=name),
        shape.time,
        zone=shape.zone,
        what=name,
        written=delivery.time_format,
    )


def _stacked(frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    first_name, first = next(iter(frames.items()))
    for name, frame in frames.items():
        differing = sorted(set(frame.columns) ^ set(first.columns))
        if differing:
            raise refuse(name, f"has other columns than {first_name}: {', '.join(differing)}")
    for column in first.columns:
        kinds = {frame.schema[column] for frame in frames.values()} - {pl.Null()}
        if len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds):
            raise refuse(first_name, f"has another type than the files beside it in column {column!r}")
    return pl.concat([frame.select(first.columns) for frame in frames.values()], how="vertical_relaxed")
