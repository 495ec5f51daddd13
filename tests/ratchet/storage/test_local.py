from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ratchet.errors import DiskFullError, StoreError
from ratchet.storage.local import LocalStore

WRITE = (
    "import sys; from ratchet.storage.local import LocalStore; print(LocalStore(sys.argv[1]).write_once('a/b', b'x'))"
)

TOO_LARGE = """
import resource, sys
from ratchet.errors import DiskFullError
from ratchet.storage.local import LocalStore
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
store = LocalStore(sys.argv[1])
try:
    store.write_once("a", bytes(5000))
except DiskFullError as error:
    print(error)
assert not store.has("a")
assert store.write_once("a", bytes(1000))
"""

ON_A_SMALL_DISK = """
import sys
from pathlib import Path
from ratchet.errors import DiskFullError
from ratchet.storage.local import LocalStore
store = LocalStore(sys.argv[1] + "/home")
ballast = Path(sys.argv[1], "ballast")
ballast.write_bytes(bytes(900_000))
for write in (store.write_once, store.write):
    try:
        write("a", bytes(500_000))
    except DiskFullError as error:
        print(error)
    assert store.list("") == []
ballast.unlink()
assert store.write_once("a", bytes(500_000))
"""


def _python(code: str, *arguments: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "RATCHET_CRASH_AT": crash_at}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("point", "is_there"), [("storage.write_once.before_link", False), ("storage.write_once.after_link", True)]
)
def test_a_killed_write_leaves_all_of_the_object_or_nothing_and_a_rerun_finishes(
    tmp_path: Path, point: str, is_there: bool
):
    killed = _python(WRITE, str(tmp_path), crash_at=point)
    assert killed.returncode == -signal.SIGKILL
    store = LocalStore(str(tmp_path))
    assert store.has("a/b") == is_there
    assert store.list("") == (["a/b"] if is_there else [])
    assert _python(WRITE, str(tmp_path)).stdout.strip() == str(not is_there)
    assert store.read("a/b") == b"x"


def test_nothing_is_left_in_staging(tmp_path: Path):
    store = LocalStore(str(tmp_path))
    store.write_once("a", b"1")
    store.write_once("a", b"2")
    store.write("a", b"3")
    assert list((tmp_path / ".staging").iterdir()) == []


def test_a_file_too_large_says_what_was_needed_and_what_was_free(tmp_path: Path):
    done = _python(TOO_LARGE, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "E-DISK" in done.stdout
    assert "5000 bytes needed" in done.stdout


def test_a_full_disk_leaves_no_name_and_the_same_command_succeeds_when_there_is_room(tmp_path: Path):
    mount = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
    script = 'mount -t tmpfs -o size=1m none "$1"; "$2" -c "$3" "$1"'
    if shutil.which("unshare") is None or subprocess.run([*mount, "mount -t tmpfs none /mnt"], check=False).returncode:
        pytest.skip("a small disk needs unshare and user namespaces")
    done = subprocess.run(
        [*mount, script, "sh", str(tmp_path), sys.executable, ON_A_SMALL_DISK],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("500000 bytes needed") == 2


def test_a_root_that_is_a_file_is_a_store_error(tmp_path: Path):
    (tmp_path / "home").write_bytes(b"")
    with pytest.raises(StoreError, match="Writing a in .* failed") as caught:
        LocalStore(str(tmp_path / "home")).write_once("a", b"")
    assert not isinstance(caught.value, DiskFullError)


def test_a_name_below_an_object_is_a_store_error_on_writing_and_missing_on_reading(tmp_path: Path):
    store = LocalStore(str(tmp_path))
    store.write_once("a", b"")
    with pytest.raises(StoreError, match="Writing a/b in .* failed"):
        store.write_once("a/b", b"")
    assert not store.has("a/b")
