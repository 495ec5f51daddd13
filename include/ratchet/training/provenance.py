"""What code and which locked libraries a model was made with."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from ratchet.packaging.card import current_versions

LOCK_FILE = "requirements.lock"
_TIMEOUT_SECONDS = 10


def code_commit(path: Path) -> str | None:
    """Return the commit that is checked out at ``path``, with ``+dirty`` behind it when files differ from it.

    None outside of a git checkout, before its first commit, or where git is not installed.
    """
    commit = _git(path, "rev-parse", "--verify", "HEAD")
    if not commit:
        return None
    changes = _git(path, "status", "--porcelain", "--untracked-files=normal")
    return commit if changes == "" else f"{commit}+dirty"


def lock_digest(path: Path) -> str | None:
    """Return the sha256 of the ``requirements.lock`` in ``path`` or the nearest folder above it; None without one."""
    for folder in (path.resolve(), *path.resolve().parents):
        lock = folder / LOCK_FILE
        if lock.is_file():
            return sha256(lock.read_bytes()).hexdigest()
    return None


@lru_cache(maxsize=1)
def provenance() -> dict[str, str | None]:
    """Return commit, lock digest and versions of the code that runs here; read once a process, as code is.

    Callers must not change the answer.
    """
    here = Path(__file__).parent
    return {"commit": code_commit(here), "lock": lock_digest(here), **current_versions()}


def _git(path: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(path), *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
