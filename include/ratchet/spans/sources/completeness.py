"""When the files of a span are whole: a marker says so, or two looks see the same.

A look costs no read: it sees each file's size and the mark that its store changes with every write.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ratchet.errors import IncompleteError, MissingSpanError
from ratchet.spans.sources.patterns import fill_in, find_files, open_place

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spans.sources.delivered import SpanWindow
    from ratchet.spec.delivery import FilesDelivery
    from ratchet.storage.objects import ObjectStat, ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen of a span's files, and whether the marker was there."""

    files: tuple[tuple[str, ObjectStat], ...]
    has_marker: bool

    def seconds_unchanged(self, now: datetime) -> float:
        """Return for how long no file has been written to."""
        return min((now - stat.modified_at).total_seconds() for _, stat in self.files)


def look_at(project: Project, delivery: FilesDelivery, window: SpanWindow) -> tuple[ObjectStore, Look]:
    """Return the store of a span's files, and what is seen of them."""
    store, pattern = open_place(project, fill_in(delivery.path, window))
    files = tuple((name, store.stat(name)) for name in find_files(store, pattern))
    return store, Look(files=files, has_marker=_has_marker(project, delivery, window))


def is_complete(project: Project, delivery: FilesDelivery, window: SpanWindow, now: datetime) -> bool:
    """Say whether a span's files are whole; never waits."""
    _, look = look_at(project, delivery, window)
    if not look.files:
        return False
    if delivery.complete_marker is not None:
        return look.has_marker
    return look.seconds_unchanged(now) >= delivery.settle_seconds


def await_complete(project: Project, delivery: FilesDelivery, window: SpanWindow) -> tuple[ObjectStore, Look]:
    """Return the store and the look of a span's whole files; waits ``settle_seconds`` for those just written.

    Raises
    ------
    MissingSpanError
        If there is no file.
    IncompleteError
        If a file still changes, or the marker is not there.
    """
    store, look = look_at(project, delivery, window)
    path = fill_in(delivery.path, window)
    if not look.files:
        raise MissingSpanError(f"There is no file {path} for span {window.key}. A missing span is never an empty one.")
    if delivery.complete_marker is not None:
        if look.has_marker:
            return store, look
        marker = fill_in(delivery.complete_marker, window)
        raise IncompleteError(f"{path} is there, its marker {marker} is not: the files are still being written.")
    # The age of a file is no input of what is computed: it only tells whether a second look is due.
    age = look.seconds_unchanged(datetime.now(UTC))  # noqa: TID251
    if age < delivery.settle_seconds:
        time.sleep(delivery.settle_seconds)
        check_unchanged(project, delivery, window, look)
    return store, look


def check_unchanged(project: Project, delivery: FilesDelivery, window: SpanWindow, before: Look) -> None:
    """Look again.

    Raises
    ------
    IncompleteError
        If a file has changed since that look, or one has come or gone.
    """
    _, now = look_at(project, delivery, window)
    if now.files == before.files:
        return
    changed = sorted({name for name, _ in set(now.files) ^ set(before.files)})
    raise IncompleteError(
        f"{changed[0]} changed between two looks: it is still being written. "
        "0 rows were used; try again when it is whole."
    )


def _has_marker(project: Project, delivery: FilesDelivery, window: SpanWindow) -> bool:
    if delivery.complete_marker is None:
        return False
    store, name = open_place(project, fill_in(delivery.complete_marker, window))
    return store.has(name)
