"""Ends a stack when the process that started it is gone, however it died.

Run by ``LocalStack`` as ``python -m ratchet_airflow.local.watchdog <state folder> <stack id>``. Its standard input is a
pipe whose other end only the starter holds: the system closes it when the starter dies, also by SIGKILL. One written
byte releases the watchdog, which then leaves the stack alone.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from ratchet_airflow.local.state import stop_from_state


def main(state_path: Path, stack_id: str) -> None:
    """Wait for the end of standard input, then end the stack; return at once when released."""
    # A Ctrl-C or a SIGTERM for the starter's whole group is the very moment to stay.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not sys.stdin.buffer.read(1):
        stop_from_state(state_path, stack_id=stack_id)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
