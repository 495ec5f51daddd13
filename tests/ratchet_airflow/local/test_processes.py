from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from ratchet_airflow.local.processes import ProcessId, end, identify, is_running, measure_pss, members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLEEP = "import time; print('up', flush=True); time.sleep(120)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
# As Airflow does with its tasks: a child in a process group of its own.
PARENT = """
import os, signal, subprocess, sys, time
code = "import os, time; os.setpgid(0, 0); print(os.getpid(), flush=True); time.sleep(120)"
child = subprocess.Popen([sys.executable, "-c", code])
time.sleep(120)
"""


@pytest.fixture
def start() -> Iterator[Callable[[str], tuple[subprocess.Popen[str], int]]]:
    """Start a leader; return it and the first number that it or its child printed (0: a word)."""
    started: list[subprocess.Popen[str]] = []

    def start_leader(code: str) -> tuple[subprocess.Popen[str], int]:
        leader = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(leader)
        assert leader.stdout is not None
        line = leader.stdout.readline().strip()
        return leader, int(line) if line.isdigit() else 0

    yield start_leader
    for leader in started:
        leader.kill()
        leader.wait()
        assert leader.stdout is not None
        leader.stdout.close()


def is_there(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class TestIsRunning:
    def test_a_running_process_is(self, start: Callable[..., tuple[subprocess.Popen[str], int]]) -> None:
        leader, _ = start(SLEEP)
        assert is_running(identify(leader.pid, word="python"))

    def test_a_zombie_is_not(self, start: Callable[..., tuple[subprocess.Popen[str], int]]) -> None:
        leader, _ = start(SLEEP)
        process = identify(leader.pid, word="python")
        leader.kill()
        os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)  # it has ended, nobody has reaped it
        assert not is_running(process)


class TestEnd:
    def test_the_whole_tree_ends_with_its_other_process_groups(
        self, start: Callable[..., tuple[subprocess.Popen[str], int]]
    ) -> None:
        leader, child = start(PARENT)
        end([identify(leader.pid, word="python")], grace_seconds=0.2)
        assert (is_there(leader.pid), is_there(child)) == (False, False)

    def test_children_of_a_leader_that_was_killed_are_found_by_their_session(
        self, start: Callable[..., tuple[subprocess.Popen[str], int]]
    ) -> None:
        leader, child = start(PARENT)
        process = identify(leader.pid, word="python")
        leader.kill()
        leader.wait()
        assert is_there(child)
        end([process], grace_seconds=5.0)
        assert not is_there(child)

    def test_one_that_ignores_the_request_is_killed(
        self, start: Callable[..., tuple[subprocess.Popen[str], int]]
    ) -> None:
        leader, _ = start(STUBBORN)
        end([identify(leader.pid, word="python")], grace_seconds=0.1)
        assert leader.wait(timeout=60) == -signal.SIGKILL

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"started": "another-boot:1"}, id="started-at-another-time"),
            pytest.param({"word": "airflow"}, id="another-command"),
        ],
    )
    def test_a_stranger_that_was_given_the_number_is_left_alone(
        self, start: Callable[..., tuple[subprocess.Popen[str], int]], change: dict[str, Any]
    ) -> None:
        stranger, child = start(PARENT)
        stale = replace(identify(stranger.pid, word="python"), **change)
        assert members(stale) == []
        end([stale], grace_seconds=0.0)
        assert (is_there(stranger.pid), is_there(child)) == (True, True)

    def test_a_process_that_is_long_gone_is_no_error(self) -> None:
        end([ProcessId(pid=2**22 + 1, started="x", word="python")], grace_seconds=0.0)


class TestMeasurePss:
    def test_a_tree_weighs_more_than_its_leaf(self, start: Callable[..., tuple[subprocess.Popen[str], int]]) -> None:
        leader, child = start(PARENT)
        assert measure_pss([leader.pid]) > measure_pss([child]) > 1_000_000

    def test_a_process_below_two_roots_counts_once(
        self, start: Callable[..., tuple[subprocess.Popen[str], int]]
    ) -> None:
        leader, child = start(PARENT)
        deadline = time.monotonic() + 60
        while measure_pss([leader.pid, child]) != measure_pss([leader.pid]):
            assert time.monotonic() < deadline, "two figures of the same idle tree differ"

    def test_a_process_that_has_ended_weighs_nothing(self) -> None:
        assert measure_pss([2**22 + 1]) == 0
