from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import pytest

from ratchet.errors import InputError
from ratchet_airflow.local.spawning import describe_death
from ratchet_airflow.local.stack import LocalStack
from ratchet_airflow.local.state import read_state


def make_stack(folder: Path, environ: dict[str, str] | None = None) -> LocalStack:
    dags_path, plugins_path = folder / "dags", folder / "plugins"
    for path in (dags_path, plugins_path):
        path.mkdir(exist_ok=True)
    return LocalStack(
        folder / "state", dags_path=dags_path, plugins_path=plugins_path, environ=environ or dict(os.environ)
    )


class TestStart:
    def test_a_second_stack_in_the_same_folder_is_refused(self, tmp_path: Path) -> None:
        stack = make_stack(tmp_path)
        stack.state_path.mkdir()
        with (stack.state_path / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(RuntimeError, match=f"another process runs the stack in {stack.state_path}"):
                stack.start()

    def test_a_busy_port_is_named_and_nothing_is_left(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            stack = make_stack(tmp_path, {"RATCHET_MLFLOW_PORT": str(port)})
            for _ in range(2):  # the second start finds the folder free again
                with pytest.raises(InputError, match=f"port {port} .*RATCHET_MLFLOW_PORT="):
                    stack.start()
        assert read_state(stack.state_path) is None

    def test_waiting_for_a_stack_that_was_not_started_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(RuntimeError, match="must be started"):
            make_stack(tmp_path).wait_until_ready()


class TestDescribeDeath:
    def test_it_names_the_log_and_shows_its_last_lines(self, tmp_path: Path) -> None:
        log_path = tmp_path / "scheduler.log"
        log_path.write_text("\n".join(f"line {i}." for i in range(1, 31)))
        message = describe_death("scheduler", code=3, log_path=log_path)
        assert f"scheduler ended with exit code 3. Last lines of {log_path}:" in message
        assert "line 30." in message
        assert ("line 11." in message, "line 10." in message) == (True, False)
