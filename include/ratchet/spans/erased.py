"""Entities that were erased: known by a keyed HMAC of their key only, so that they are not taken in again.

The key is that of the environment variable ``RATCHET_ERASURE_KEY``, or of a file of the home that only its owner may
read. Without it nobody can tell whose erasure an entry of the ledger speaks of; an erased entity that a source delivers
again is then taken in as a new one.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import InputError
from ratchet.spans.cells import Cells
from ratchet.spans.key_files import MIN_CHARACTERS, check_key, make_key_file, read_key_file
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    import polars as pl

    from ratchet.identity import ModelId
    from ratchet.project import Project
    from ratchet.spec.source import Source

VARIABLE = "RATCHET_ERASURE_KEY"
KEY_FILE = "keys/erasure.key"


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
    SecretKeyError
        If it is too short, or others than its owner may read the file.
    """
    given = os.environ.get(VARIABLE)
    if given is not None:
        return check_key(given, VARIABLE)
    path = _key_path(project)
    text = "" if path is None else read_key_file(path)
    return check_key(text, str(path)) if text else None


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
        raise InputError(
            f"Set {VARIABLE} to a secret of {MIN_CHARACTERS} characters or more: a home on S3 keeps no key."
        )
    make_key_file(path)
    return check_key(read_key_file(path), str(path))


def _key_path(project: Project) -> Path | None:
    return None if project.home.startswith("s3://") else Path(project.home) / KEY_FILE
