from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ratchet_airflow.local.processes import ProcessId, identify
from ratchet_airflow.local.state import StackState, read_state, stop_from_state, write_state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_state(**processes: ProcessId) -> StackState:
    return StackState(stack_id="one", airflow_url="http://a", mlflow_url="http://m", processes=processes)


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


class TestReadState:
    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        state = make_state().with_process("mlflow", ProcessId(pid=7, started="b:1", word="mlflow"))
        write_state(tmp_path, state)
        assert read_state(tmp_path) == state

    def test_an_empty_folder_has_none(self, tmp_path: Path) -> None:
        assert read_state(tmp_path) is None

    def test_another_schema_version_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "stack.json").write_text('{"schema_version": 99}')
        with pytest.raises(ValueError, match="another schema version"):
            read_state(tmp_path)


class TestStopFromState:
    def test_it_ends_what_is_written_down_and_forgets_it(
        self, tmp_path: Path, sleeper: subprocess.Popen[bytes]
    ) -> None:
        write_state(tmp_path, make_state(scheduler=identify(sleeper.pid, word="python")))
        assert stop_from_state(tmp_path)
        assert sleeper.wait(timeout=60) == -signal.SIGTERM
        assert not stop_from_state(tmp_path)

    def test_another_start_is_left_alone(self, tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
        write_state(tmp_path, make_state(scheduler=identify(sleeper.pid, word="python")))
        assert not stop_from_state(tmp_path, stack_id="two")
        assert sleeper.poll() is None
        assert read_state(tmp_path) is not None

    def test_a_number_that_now_names_a_stranger_is_forgotten_not_killed(
        self, tmp_path: Path, sleeper: subprocess.Popen[bytes]
    ) -> None:
        stale = ProcessId(pid=sleeper.pid, started="another-boot:1", word="python")
        write_state(tmp_path, make_state(scheduler=stale))
        assert stop_from_state(tmp_path)
        assert sleeper.poll() is None
        assert read_state(tmp_path) is None
