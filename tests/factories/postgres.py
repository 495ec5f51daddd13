"""A PostgreSQL server of our own on loopback, where its programs are installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Debian keeps them off the PATH.
FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
_TRIES = 200


def find_programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``; None where they are not installed."""
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else next((one for one in FOLDERS if (one / "initdb").exists()), None)


@contextmanager
def run_postgres(programs: Path) -> Iterator[str]:
    """Run a server with an empty database for as long as the block lasts; give its URL."""
    # It refuses to run as root, and needs a folder that its user can reach.
    user = "postgres" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="ratchet-postgres-"))
    port = _free_port()
    server: subprocess.Popen[bytes] | None = None
    try:
        if user:
            shutil.chown(folder, user, user)
        data, log = folder / "data", subprocess.DEVNULL
        make = [programs / "initdb", "-D", data, "-U", "tests", "--auth=trust", "--no-sync"]
        subprocess.run(make, check=True, stdout=log, user=user, cwd=folder)
        settings = ("listen_addresses=127.0.0.1", f"port={port}", f"unix_socket_directories={folder}", "fsync=off")
        options = [part for setting in settings for part in ("-c", setting)]
        server = subprocess.Popen([programs / "postgres", "-D", data, *options], stderr=log, user=user, cwd=folder)
        _wait(programs, port, server)
        yield f"postgresql+psycopg2://tests@127.0.0.1:{port}/postgres"
    finally:
        if server is not None:
            server.terminate()
            server.wait(timeout=60)
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(programs: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(_TRIES):
        asked = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        if subprocess.run(asked, check=False).returncode == 0:
            return
        assert server.poll() is None, "PostgreSQL ended before it answered"
        time.sleep(0.1)
    raise TimeoutError(f"PostgreSQL did not answer within {_TRIES / 10:.0f} s")
