"""Secret keys in files that only their owner may read, made once and whole."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from ratchet.errors import InputError, StoreError

MIN_CHARACTERS = 32
_KEY_BYTES = 32


class SecretKeyError(InputError):
    """A key is not there, may be read by others, is too short, or is not the one used so far."""

    code = "E-KEY"


def check_key(text: str, place: str) -> bytes:
    """Return the key; what it protects could be guessed from a short one.

    Raises
    ------
    SecretKeyError
        If it has fewer than 32 characters; it is never shown.
    """
    if len(text) < MIN_CHARACTERS:
        raise SecretKeyError(f"The key in {place} must have {MIN_CHARACTERS} characters or more. It has {len(text)}.")
    return text.encode()


def read_key_file(path: Path) -> str:
    """Return what the file holds, without the end of its line; empty where there is none. A link is not followed.

    Raises
    ------
    SecretKeyError
        If others may read it.
    StoreError
        If it cannot be read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    with os.fdopen(descriptor, encoding="utf-8") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise SecretKeyError(
                f"{path} may be read by others (mode {mode:04o}). Run: chmod 600 {path}. If others had access, what "
                "it protects is no longer safe."
            )
        return file.read().strip()


def make_key_file(path: Path) -> None:
    """Make the file with a random key; one that is there stays, and of two makers at once one wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f".{os.getpid()}-{secrets.token_hex(8)}")
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(staged)
    except FileExistsError:
        pass  # it is there, or was made at the same moment
    finally:
        staged.unlink()
