"""From a path with placeholders to the files of a span."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ratchet.errors import MissingSpanError

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spans.sources.delivered import SpanWindow
    from ratchet.storage.objects import ObjectStore


def fill_in(pattern: str, window: SpanWindow) -> str:
    """Return the pattern with the span's key, and the parts of its first instant as its key counts them."""
    # Hours are keyed in UTC, days and longer by the local date.
    zone = ZoneInfo("UTC" if window.key.endswith("Z") else window.time_zone)
    start = window.start.astimezone(zone)
    parts = {"span": window.key, "year": f"{start:%Y}", "month": f"{start:%m}", "day": f"{start:%d}"}
    for name, text in {**parts, "hour": f"{start:%H}"}.items():
        pattern = pattern.replace(f"{{{name}}}", text)
    return pattern


def open_place(project: Project, pattern: str) -> tuple[ObjectStore, str]:
    """Return the store that a pattern is found in, and the pattern below it."""
    from ratchet.storage.objects import open_store

    if not pattern.startswith("s3://"):
        return open_store(project.data), pattern
    bucket, _, below = pattern.removeprefix("s3://").partition("/")
    return open_store(f"s3://{bucket}"), below


def ask_place(project: Project, pattern: str) -> None:
    """Ask whether the folder or bucket of a pattern can be listed, up to its first placeholder.

    Raises
    ------
    MissingSpanError
        If nothing lies there at all.
    StoreError
        If it does not answer, or refuses.
    """
    store, below = open_place(project, pattern)
    folder = re.split(r"[{*]", below, maxsplit=1)[0].rpartition("/")[0]
    if not store.list(folder):
        raise MissingSpanError(
            f"nothing lies in {store.uri}/{folder}. Deliver a file, or mend the path or RATCHET_DATA."
        )


def find_files(store: ObjectStore, pattern: str) -> list[str]:
    """Return the sorted names that a pattern without placeholders matches.

    ``*`` matches no slash, and no name that begins with a dot or an underscore: those are still being written, or
    markers.
    """
    if "*" not in pattern:
        return [pattern] if store.has(pattern) else []
    folder = pattern[: pattern.index("*")].rpartition("/")[0]
    expression = re.compile("[^/]*".join(re.escape(part) for part in pattern.split("*")))
    names = (name for name in store.list(folder) if expression.fullmatch(name))
    return sorted(name for name in names if name.rpartition("/")[2][0] not in "._")
