from __future__ import annotations

import subprocess
from hashlib import sha256
from pathlib import Path

from ratchet.training.provenance import code_commit, lock_digest, provenance


def git(path: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "core.hooksPath=/dev/null")
    done = subprocess.run(["git", "-C", str(path), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_no_checkout_has_no_commit(tmp_path: Path) -> None:
    assert code_commit(tmp_path) is None
    assert code_commit(tmp_path / "nowhere") is None


def test_a_checkout_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    assert code_commit(tmp_path) is None


def test_a_commit_is_dirty_when_files_differ_or_are_new(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "first")
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert code_commit(tmp_path) == commit
    (tmp_path / "a").write_text("2")
    assert code_commit(tmp_path) == f"{commit}+dirty"
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("new")
    assert code_commit(tmp_path) == f"{commit}+dirty"


def test_the_lock_is_found_in_the_nearest_folder_above(tmp_path: Path) -> None:
    below = tmp_path / "include" / "models"
    below.mkdir(parents=True)
    assert lock_digest(below) is None
    (tmp_path / "requirements.lock").write_bytes(b"a==1")
    assert lock_digest(below) == sha256(b"a==1").hexdigest()


def test_provenance_names_the_versions_that_scores_depend_on() -> None:
    assert {"commit", "lock", "python", "scikit-learn", "numpy"} <= set(provenance())
