"""Objects by name: read, put once, replace, list. Two stores keep the same promises: a folder, and S3.

``write_once`` is the only lock of the product. Whoever puts a name first has it, and nobody sees half of its bytes.
"""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ratchet.errors import InputError, StoreError

STAGING = ".staging"

_MAX_NAME_BYTES, _MAX_PART_BYTES = 900, 255  # S3 allows keys of 1024 bytes, prefix included; disks parts of 255
_UNSAFE = re.compile(r"[\x00-\x1f\\\ud800-\udfff]")  # control characters, the backslash, halves of a character
_PROBE = "probes/conditional-write.json"


class ObjectMissingError(StoreError, FileNotFoundError):
    """There is no object of that name. A retry reads the same nothing."""

    code = "E-OBJECT"
    is_retryable = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectStat:
    """What is known of an object without reading it; ``mark`` changes with every write."""

    size_bytes: int
    modified_at: datetime
    mark: str


class ObjectStore(Protocol):
    """Where objects are kept. Names are relative, with ``/`` between parts; see ``check_object_name``.

    Every method raises a ``StoreError`` when the store does not answer as it should, within bounded time.
    """

    @property
    def uri(self) -> str:
        """The folder, or ``s3://bucket/prefix``."""

    def read(self, name: str) -> bytes:
        """Return the whole object.

        Raises
        ------
        ObjectMissingError
            If there is none.
        """

    def write_once(self, name: str, data: bytes) -> bool:
        """Put the object unless its name is taken; durable and visible as a whole, or not at all.

        Returns
        -------
        bool
            True: written now. False: something is already there. After a lost reply that something may be this very
            write: a caller who must know reads it and looks for a mark of its own.
        """

    def write(self, name: str, data: bytes) -> None:
        """Replace the object atomically. For reports and caches, never for evidence."""

    def delete(self, name: str) -> None:
        """Remove the object, durably; nothing happens when there is none. For erasure only: evidence stays."""

    def has(self, name: str) -> bool:
        """Say whether there is an object of that name."""

    def stat(self, name: str) -> ObjectStat:
        """Return the object's size, the time of its last write and its mark.

        Raises
        ------
        ObjectMissingError
            If there is none.
        """

    def list(self, prefix: str) -> builtins.list[str]:
        """Return the sorted names below a folder; ``""`` is all, and nothing there is an empty list."""


def open_store(uri: str) -> ObjectStore:
    """Return the store of a folder, or of ``s3://bucket/prefix``; nothing is created or connected yet."""
    if uri.startswith("s3://"):
        from ratchet.storage.s3 import S3Store  # boto3 takes half a second to import

        return S3Store(uri)
    if not uri or "://" in uri:
        raise InputError(f"A store must be a folder or s3://bucket/prefix. Got {uri!r}.")
    from ratchet.storage.local import LocalStore

    return LocalStore(uri)


def check_object_name(name: str) -> str:
    """Return ``name`` if it stays below the store's root, on a disk and on S3 alike.

    Raises
    ------
    InputError
        For a name that is empty, absolute or too long, or holds an empty part, ``.``, ``..``, a backslash or a control
        character; and for ``.staging``, where half-written objects lie.
    """
    parts = name.split("/") if isinstance(name, str) else [""]
    is_below_root = not any(part in ("", ".", "..") for part in parts) and parts[0] != STAGING
    if is_below_root and not _UNSAFE.search(name) and _is_short(name, parts):
        return name
    raise InputError(
        "An object's name must be relative, its parts separated by single '/' and none of them '.', '..' or a leading "
        f"'{STAGING}', without backslash or control characters, of at most {_MAX_NAME_BYTES} bytes. "
        f"Got {str(name)[:120]!r}."
    )


def _is_short(name: str, parts: list[str]) -> bool:
    fits = all(len(part.encode()) <= _MAX_PART_BYTES for part in parts)
    return fits and len(name.encode()) <= _MAX_NAME_BYTES


def probe_conditional_writes(store: ObjectStore) -> None:
    """Refuse a store that overwrites what was put once: on it, two writers would both be champion.

    One caller cannot see whether two puts at the same moment are told apart; that the store must promise.

    Raises
    ------
    StoreError
        If a second put of the same name succeeds, or the name is refused and yet nothing is there.
    """
    data = b'{"schema_version":1}\n'
    store.write_once(_PROBE, data)
    if store.write_once(_PROBE, data):
        raise StoreError(
            f"{store.uri} ignores conditional writes: a second put of {_PROBE} succeeded. The ledger needs a store "
            "that refuses it (S3 with If-None-Match, or a file system with hard links)."
        )
    if not store.has(_PROBE):
        raise StoreError(f"{store.uri} says that {_PROBE} is already there, and does not hold it.")
