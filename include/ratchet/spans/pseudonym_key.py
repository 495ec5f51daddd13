"""The key of a model's pseudonyms: from the environment, or from a file of the home that only its owner may read.

A key that changed would give every id a second pseudonym, and ground truth would join nothing. So the first use leaves
a check value of the key beside the manifests, and another key is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.spans.key_files import MIN_CHARACTERS, SecretKeyError, check_key, make_key_file, read_key_file
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

_CHECK = b"ratchet: check value of a pseudonym key"


def read_key(project: Project, spec: ModelSpec) -> bytes:
    """Return the key, the same one that was used before.

    Raises
    ------
    SecretKeyError
        If there is none, it is too short, others may read its file, or the model's pseudonyms were made with another.
    """
    key = find_key(project, spec)
    name, value = f"keys/{ModelId(spec.name)}/pseudonyms.check", _check_value(key)
    store = open_store(project.home)
    if not store.write_once(name, value) and not hmac.compare_digest(store.read(name), value):
        raise SecretKeyError(
            f"{spec.name}: the key in {_place(project, spec)} is not the one that made the pseudonyms kept so far. "
            "With another key no id would be found again. Give back the first key."
        )
    return key


def find_key(project: Project, spec: ModelSpec) -> bytes:
    """Return the key where the spec says it is, without comparing it with the one used before; writes nothing."""
    variable = spec.governance.key_variable
    text = os.environ.get(variable, "") if variable else read_key_file(_path(project, spec))
    if not text:
        raise SecretKeyError(
            f"{spec.name}: governance.pseudonymise needs a key, and {_place(project, spec)} holds none. "
            + (
                f"Set the variable to {MIN_CHARACTERS} random characters or more."
                if variable
                else f"Make one with `ratchet pseudonym-key {spec.name}`, or name a variable under key_variable."
            )
        )
    return check_key(text, _place(project, spec))


def make_key(project: Project, spec: ModelSpec) -> Path:
    """Make the key file of a model and return its path; one that is there stays as it is.

    Raises
    ------
    SecretKeyError
        If the spec names a variable instead, or the home is no folder of this machine.
    """
    if spec.governance.key_variable:
        raise SecretKeyError(
            f"{spec.name}: governance.key_variable says that the key is in {spec.governance.key_variable}. Set that."
        )
    path = _path(project, spec)
    make_key_file(path)
    return path


def _path(project: Project, spec: ModelSpec) -> Path:
    if "://" in project.home:
        raise SecretKeyError(
            f"{spec.name}: a key is never kept in an object store. Name the environment variable that holds it under "
            "governance.key_variable."
        )
    return Path(project.home) / "keys" / str(ModelId(spec.name)) / "pseudonyms.key"


def _place(project: Project, spec: ModelSpec) -> str:
    return spec.governance.key_variable or str(_path(project, spec))


def _check_value(key: bytes) -> bytes:
    return hmac.new(key, _CHECK, hashlib.sha256).hexdigest().encode()
