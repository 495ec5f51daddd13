"""Starts one process as the leader of its own session, its output in a file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_LOG_LINES = 20


def spawn(
    arguments: Sequence[str], *, environment: Mapping[str, str], log_path: Path, folder: Path
) -> subprocess.Popen[bytes]:
    """Start ``python -m <arguments>`` in ``folder``.

    In a session of its own a Ctrl-C in the terminal does not reach it, and its whole tree can be found.
    """
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )


def describe_death(name: str, *, code: int, log_path: Path) -> str:
    """Return a message that names a component that ended, its log file and the last lines of it."""
    lines = log_path.read_text(errors="replace").splitlines()[-_LOG_LINES:]
    shown = "\n".join(f"    {line}" for line in lines) or "    (empty)"
    return f"{name} ended with exit code {code}. Last lines of {log_path}:\n{shown}"
