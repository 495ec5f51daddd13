"""Processes that we started: telling them from others for sure, ending whole trees of them, weighing them.

Each is started as the leader of a session of its own. Airflow moves tasks into process groups of their own, so a group
does not reach them; the session does, also when the leader is gone and its children have another parent.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_POLL_SECONDS = 0.05
_KILL_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessId:
    """A process for good, also after its number was given to another one.

    Parameters
    ----------
    pid : int
    started : str
        When it was started, as exact as the system knows it.
    word : str
        What its command line says in any of its states; a process that lacks it is not ours.
    """

    pid: int
    started: str
    word: str


def identify(pid: int, *, word: str) -> ProcessId:
    """Return the identity of a running process.

    Raises
    ------
    psutil.NoSuchProcess
        If there is none with this number.
    """
    return ProcessId(pid=pid, started=_started(pid), word=word)


def is_running(process: ProcessId) -> bool:
    """Tell whether this very process runs; a zombie does not."""
    try:
        found = psutil.Process(process.pid)
        return (
            _started(process.pid) == process.started
            and found.status() != psutil.STATUS_ZOMBIE
            and _says(found, process.word)
        )
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def members(leader: ProcessId) -> list[psutil.Process]:
    """Return the leader (if it runs), all its descendants and all that is left of its session."""
    is_alive = is_running(leader)
    if not is_alive and psutil.pid_exists(leader.pid) and not _is_zombie(leader):
        return []  # the number was given to a stranger, and with it the session
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if _session(process.pid) == leader.pid and (is_alive or _looks_like_ours(process, leader)):
            found[process.pid] = process
    if is_alive:
        found |= {child.pid: child for child in _descendants(leader.pid)}
    return [process for process in found.values() if not _is_gone(process)]


def end(leaders: Sequence[ProcessId], *, grace_seconds: float) -> None:
    """End whole trees: ask the leaders, wait, then kill what is left.

    Raises
    ------
    TimeoutError
        If a process survives even that; the message names it.
    """
    known = _all_members(leaders)  # before the first signal: a leader that ends at once still names its children
    for leader in leaders:
        for process in [known[leader.pid]] if leader.pid in known else members(leader):
            _signal(process, kill=False)
    deadline = time.monotonic() + grace_seconds
    while known and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        known = _still_there(known, leaders)
    deadline = time.monotonic() + _KILL_SECONDS
    while known and time.monotonic() < deadline:
        for process in known.values():
            _signal(process, kill=True)
        time.sleep(_POLL_SECONDS)
        known = _still_there(known, leaders)
    if known:
        raise TimeoutError(f"processes {sorted(known)} did not end within {_KILL_SECONDS:.0f} s of SIGKILL.")


def measure_pss(pids: Iterable[int]) -> int:
    """Return the memory of these processes and all their descendants, in bytes.

    Memory that several processes share is counted once, in proportional parts (PSS); where the system does not tell
    them (outside Linux) it is the sum of resident sizes, which is larger. A process that ended meanwhile counts 0.
    """
    trees = {pid for root in pids for pid in (root, *(child.pid for child in _descendants(root)))}
    return sum(_pss(pid) for pid in trees)


def _pss(pid: int) -> int:
    try:
        if not sys.platform.startswith("linux"):
            return int(psutil.Process(pid).memory_info().rss)
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, psutil.Error):
        pass
    return 0


def _started(pid: int) -> str:
    # The creation time that psutil tells moves when the clock is set; ticks since this boot do not.
    if _BOOT_ID.exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            raise psutil.NoSuchProcess(pid) from None
        return f"{_BOOT_ID.read_text().strip()}:{fields[19]}"
    return f"{psutil.Process(pid).create_time():.0f}"


def _all_members(leaders: Sequence[ProcessId]) -> dict[int, psutil.Process]:
    return {process.pid: process for leader in leaders for process in members(leader)}


def _still_there(known: dict[int, psutil.Process], leaders: Sequence[ProcessId]) -> dict[int, psutil.Process]:
    # A process that left the session and lost its parent meanwhile is still known from before.
    return {pid: process for pid, process in known.items() if not _is_gone(process)} | _all_members(leaders)


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None


def _looks_like_ours(process: psutil.Process, leader: ProcessId) -> bool:
    try:
        return _says(process, leader.word, sys.prefix)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _says(process: psutil.Process, *words: str) -> bool:
    # One that is just ending has given its memory back, and its command line with it, before it is a zombie.
    command = " ".join(process.cmdline())
    return not command or any(word in command for word in words)


def _is_zombie(leader: ProcessId) -> bool:
    try:
        return _started(leader.pid) == leader.started and psutil.Process(leader.pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_gone(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _signal(process: psutil.Process, *, kill: bool) -> None:
    # psutil makes sure that the number still names the process it once looked at.
    with contextlib.suppress(psutil.NoSuchProcess):
        process.kill() if kill else process.terminate()
