"""What a piece of work took of the machine, and what that is estimated to cost."""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Linux counts in kilobytes, macOS in bytes.
_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerUsage:
    """What another process that worked on a fit has taken, since it began.

    Parameters
    ----------
    pid : int
        Its number; a worker that was started anew has another.
    """

    pid: int
    cpu_seconds: float
    peak_bytes: int


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
    workers : list of WorkerUsage
        Other processes that shared the work.
    elsewhere_cpu_seconds : float
        Of those that are no children of this process; counted in.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    workers: list[WorkerUsage] = field(default_factory=list)
    elsewhere_cpu_seconds: float = 0.0

    def metrics(self, cpu_hour_rate: float | None) -> dict[str, float]:
        """Return the figures by name; without a rate no cost is made up."""
        found = {
            "duration_seconds": round(self.seconds, 3),
            "cpu_seconds": round(self.cpu_seconds, 3),
            "peak_memory_mb": round(self.peak_bytes / 1e6, 1),
            **{f"worker_{n}_peak_memory_mb": round(w.peak_bytes / 1e6, 1) for n, w in enumerate(self.workers)},
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
        usage.cpu_seconds += usage.elsewhere_cpu_seconds
        usage.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def worker_usage() -> WorkerUsage:
    """Return what this process has taken since it began, its imports included."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    return WorkerUsage(pid=os.getpid(), cpu_seconds=own.ru_utime + own.ru_stime, peak_bytes=own_peak_bytes())


def own_peak_bytes() -> int:
    """Return the most memory that this program held.

    Not what ``getrusage`` says where Linux says it better: that counts what a parent held when it started this one.
    """
    try:
        words = Path("/proc/self/status").read_text().split()
        return int(words[words.index("VmHWM:") + 1]) * 1024
    except (OSError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT


def _cpu_seconds() -> float:
    parts = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)
