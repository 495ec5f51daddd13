"""What a piece of work took of the machine, and what that is estimated to cost."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# Linux counts in kilobytes, macOS in bytes.
_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(slots=True, kw_only=True)
class Usage:
    """Filled when the work is done.

    Parameters
    ----------
    seconds : float
        By the clock.
    cpu_seconds : float
        Of all threads of this process, and of its children that ended.
    peak_bytes : int
        The most memory that this process ever held until then, its imports included.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0

    def metrics(self, cpu_hour_rate: float | None) -> dict[str, float]:
        """Return the figures by name; without a rate no cost is made up."""
        found = {
            "duration_seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_memory_mb": round(self.peak_bytes / 1e6, 1),
        }
        return found if cpu_hour_rate is None else found | {"estimated_cost": self.cpu_seconds / 3600 * cpu_hour_rate}


@contextmanager
def measured() -> Iterator[Usage]:
    """Give a usage that is filled when the block ends, however it ends."""
    usage, started, cpu = Usage(), time.monotonic(), _cpu_seconds()
    try:
        yield usage
    finally:
        usage.seconds, usage.cpu_seconds = time.monotonic() - started, _cpu_seconds() - cpu
        usage.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def _cpu_seconds() -> float:
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)
