"""Entities that were erased: known by a keyed HMAC of their key only, so that they are not taken in again.

The key is that of the environment variable ``RATCHET_ERASURE_KEY``, or of a file of the home that only its owner may
read. Without it nobody can tell whose erasure an entry of the ledger speaks of; an erased entity that a source delivers
again is then taken in as a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import InputError
from ratchet.spans.cells import Cells
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    import polars as pl

    from ratchet.identity import ModelId
    from ratchet.project import Project
    from ratchet.spec.source import Source

VARIABLE = "RATCHET_ERASURE_KEY"
KEY_FILE = "keys/erasure.key"
_MIN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedEntities:
    """Those of one model; ``key`` is None when it was destroyed, or when there are none."""

    names: frozenset[str]
    key: bytes | None

    def drop(self, frame: pl.DataFrame, source: Source) -> pl.DataFrame:
        """Return a delivery without the rows of erased entities."""
        if not self.names or self.key is None or source.entity not in frame.columns:
            return frame
        keys = frame.select(Cells(frame, source.rows).entity(source.entity)).to_series()
        erased = [one for one in keys.unique().drop_nulls() if name_of(one, self.key) in self.names]
        return frame.filter(~keys.is_in(erased).fill_null(value=False)) if erased else frame


def read_erased(project: Project, model: ModelId) -> ErasedEntities:
    """Return the entities of a model that were erased, or whose erasure has begun."""
    store = open_store(project.home)
    names = frozenset(name.split("/")[2] for name in store.list(f"erasures/{model}"))
    return ErasedEntities(names=names, key=read_key(project) if names else None)


def name_of(entity: str, key: bytes) -> str:
    """Return the keyed HMAC of an entity's key: 64 hex digits."""
    return hmac.new(key, entity.encode(), hashlib.sha256).hexdigest()


def read_key(project: Project) -> bytes | None:
    """Return the key of the HMACs; None when there is none, or no more.

    Raises
    ------
    InputError
        If it is too short, or others than its owner may read the file.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        return _checked(given.encode(), VARIABLE)
    path = _key_path(project)
    if path is None or not path.exists():
        return None
    if path.stat().st_mode & 0o077:
        raise InputError(f"{path} must be readable by its owner only. Run: chmod 600 {path}")
    return _checked(path.read_bytes(), str(path))


def make_key(project: Project) -> bytes:
    """Return the key, made first if the home has none yet.

    Raises
    ------
    InputError
        If the home is on S3, where a key has no place, and the environment names none.
    """
    known = read_key(project)
    if known is not None:
        return known
    path = _key_path(project)
    if path is None:
        raise InputError(f"Set {VARIABLE} to a secret of {_MIN_BYTES} bytes or more: a home on S3 keeps no key.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f".{os.getpid()}-{secrets.token_hex(8)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_hex(_MIN_BYTES).encode())
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(staged)
    except FileExistsError:
        pass  # another erasure made it at the same moment
    finally:
        staged.unlink()
    return path.read_bytes()


def _key_path(project: Project) -> Path | None:
    return None if project.home.startswith("s3://") else Path(project.home) / KEY_FILE


def _checked(key: bytes, where: str) -> bytes:
    if len(key) < _MIN_BYTES:
        raise InputError(f"The erasure key of {where} must be {_MIN_BYTES} bytes or more. Got {len(key)}.")
    return key
