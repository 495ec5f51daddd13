"""Named points at which a test may kill the process, to prove that a rerun mends what was half done."""

from __future__ import annotations

import os
import signal

VARIABLE = "RATCHET_CRASH_AT"


def crash_point(name: str) -> None:
    """Die here, as by ``kill -9``, when the environment asks for this point by name; else do nothing."""
    if os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
