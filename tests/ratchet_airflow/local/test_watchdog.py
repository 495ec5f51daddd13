from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from pathlib import Path

# What LocalStack does, with a sleeper in the place of Airflow.
STARTER = """
import subprocess, sys, time
from pathlib import Path
from ratchet_airflow.local.processes import identify
from ratchet_airflow.local.state import StackState, write_state
folder = Path(sys.argv[1])
sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"], start_new_session=True)
state = StackState(stack_id="one", airflow_url="", mlflow_url="", processes={})
write_state(folder, state.with_process("scheduler", identify(sleeper.pid, word="python")))
watchdog = subprocess.Popen(
    [sys.executable, "-m", "ratchet_airflow.local.watchdog", str(folder), "one"],
    stdin=subprocess.PIPE, start_new_session=True,
)
if sys.argv[2] == "release":
    watchdog.stdin.write(b"."); watchdog.stdin.close(); watchdog.wait()
print(sleeper.pid, watchdog.pid, flush=True)
time.sleep(120)
"""


def start_and_kill(folder: Path, how: str) -> tuple[int, int]:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(folder), how], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert starter.stdout is not None
    with starter.stdout:
        sleeper, watchdog = (int(word) for word in starter.stdout.readline().split())
    starter.kill()
    starter.wait()
    return sleeper, watchdog


def is_there(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 120
    while is_there(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


class TestWatchdog:
    def test_a_killed_starter_leaves_nothing_behind(self, tmp_path: Path) -> None:
        sleeper, watchdog = start_and_kill(tmp_path, "watch")
        wait_until_gone(sleeper)
        wait_until_gone(watchdog)

    def test_a_released_watchdog_leaves_the_stack_up(self, tmp_path: Path) -> None:
        sleeper, watchdog = start_and_kill(tmp_path, "release")
        assert not is_there(watchdog)
        with pytest.raises(psutil.TimeoutExpired):
            psutil.Process(sleeper).wait(timeout=0.2)
        psutil.Process(sleeper).kill()
