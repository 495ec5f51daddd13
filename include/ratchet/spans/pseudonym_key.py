"""The key of a model's pseudonyms: from the environment, or from a file of the home that only its owner may read.

A key that changed would give every id a second pseudonym, and ground truth would join nothing. So the first use leaves
a check value of the key beside the manifests, and another key is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import InputError, StoreError
from ratchet.identity import ModelId
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

MIN_CHARACTERS = 32
_KEY_BYTES = 32
_CHECK = b"ratchet: check value of a pseudonym key"


class PseudonymKeyError(InputError):
    """The key of the pseudonyms is not there, or is not the one used so far; nothing was read or written."""

    code = "E-KEY"


def read_key(project: Project, spec: ModelSpec) -> bytes:
    """Return the key, the same one that was used before.

    Raises
    ------
    PseudonymKeyError
        If there is none, it is too short, others may read its file, or the model's pseudonyms were made with another.
    """
    key = find_key(project, spec)
    name, value = f"keys/{ModelId(spec.name)}/pseudonyms.check", _check_value(key)
    store = open_store(project.home)
    if not store.write_once(name, value) and not hmac.compare_digest(store.read(name), value):
        raise PseudonymKeyError(
            f"{spec.name}: the key in {_place(project, spec)} is not the one that made the pseudonyms kept so far. "
            "With another key no id would be found again. Give back the first key."
        )
    return key


def find_key(project: Project, spec: ModelSpec) -> bytes:
    """Return the key where the spec says it is, without comparing it with the one used before; writes nothing."""
    variable = spec.governance.key_variable
    text = os.environ.get(variable, "") if variable else _read_file(project, spec)
    if not text:
        raise PseudonymKeyError(
            f"{spec.name}: governance.pseudonymise needs a key, and {_place(project, spec)} holds none. "
            + (
                f"Set the variable to {MIN_CHARACTERS} random characters or more."
                if variable
                else f"Make one with `ratchet pseudonym-key {spec.name}`, or name a variable under key_variable."
            )
        )
    if len(text) < MIN_CHARACTERS:
        raise PseudonymKeyError(
            f"{spec.name}: the key in {_place(project, spec)} must have {MIN_CHARACTERS} characters or more. "
            f"It has {len(text)}: ids could be guessed from their pseudonyms."
        )
    return text.encode()


def make_key(project: Project, spec: ModelSpec) -> Path:
    """Make the key file of a model and return its path; one that is there stays as it is.

    Raises
    ------
    PseudonymKeyError
        If the spec names a variable instead, or the home is no folder of this machine.
    """
    if spec.governance.key_variable:
        raise PseudonymKeyError(
            f"{spec.name}: governance.key_variable says that the key is in {spec.governance.key_variable}. Set that."
        )
    path = _path(project, spec)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def _read_file(project: Project, spec: ModelSpec) -> str:
    path = _path(project, spec)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, encoding="utf-8") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise PseudonymKeyError(
                f"{path} may be read by others (mode {mode:04o}). Make it 0600; if others had access, the pseudonyms "
                "are no longer safe."
            )
        return file.read().strip()


def _path(project: Project, spec: ModelSpec) -> Path:
    if "://" in project.home:
        raise PseudonymKeyError(
            f"{spec.name}: a key is never kept in an object store. Name the environment variable that holds it under "
            "governance.key_variable."
        )
    return Path(project.home) / "keys" / str(ModelId(spec.name)) / "pseudonyms.key"


def _place(project: Project, spec: ModelSpec) -> str:
    return spec.governance.key_variable or str(_path(project, spec))


def _check_value(key: bytes) -> bytes:
    return hmac.new(key, _CHECK, hashlib.sha256).hexdigest().encode()
