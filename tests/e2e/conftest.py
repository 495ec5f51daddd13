"""A real MLflow server process, and Airflow as the tests of its adapters have it."""

from __future__ import annotations

import os
import socket
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest

from ratchet_airflow.local.credentials import Credentials
from ratchet_airflow.local.processes import end, identify
from ratchet_airflow.local.settings import HOST, StackSettings, mlflow_command, process_environment
from ratchet_airflow.local.spawning import describe_death, spawn
from tests.ratchet_airflow.conftest import airflow_db, environment, partition

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["airflow_db", "environment", "partition"]

READY_SECONDS = 120.0


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Return a port of loopback that nobody listens on, another one at each call."""

    def find() -> int:
        with socket.create_server((HOST, 0)) as probe:
            return int(probe.getsockname()[1])

    return find


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[str]:
    """The address of an ``mlflow server`` process, started as the local stack starts it."""
    state_path = tmp_path_factory.mktemp("mlflow")
    (state_path / "mlflow").mkdir()
    settings = StackSettings(
        state_path=state_path, dags_path=state_path, plugins_path=state_path, airflow_port=0, mlflow_port=free_port()
    )
    variables = process_environment(settings, Credentials.generate(), inherited=os.environ, extra={})
    log_path = state_path / "server.log"
    child = spawn(["mlflow", *mlflow_command(settings)], environment=variables, log_path=log_path, folder=state_path)
    leader = identify(child.pid, word="mlflow")
    try:
        _wait_until_ready(settings.mlflow_url, child, log_path)
        yield settings.mlflow_url
    finally:
        end([leader], grace_seconds=3.0)
        child.wait()


def _wait_until_ready(url: str, child: subprocess.Popen[bytes], log_path: Path) -> None:
    opener, deadline = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + READY_SECONDS
    while True:
        try:
            with opener.open(f"{url}/health", timeout=5):
                return
        except OSError:
            if (code := child.poll()) is not None:
                raise ChildProcessError(describe_death("mlflow", code=code, log_path=log_path)) from None
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} did not answer within {READY_SECONDS:g} s. See {log_path}.") from None
            time.sleep(0.2)
