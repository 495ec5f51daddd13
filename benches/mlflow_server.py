"""A local MLflow server, as the local stack starts it, and a store that a process of its own has initialised."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType

import psutil

from ratchet_airflow.local.settings import HOST, StackSettings, mlflow_command

STARTS_WITHIN_SECONDS = 90
_INITIALISE = (
    "import sys; from ratchet.training.registry import open_client; open_client(sys.argv[1]).search_experiments()"
)
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def initialise(tracking_uri: str) -> None:
    """Make the tables of a SQLite store in another process: this one has not opened it yet."""
    subprocess.run([sys.executable, "-c", _INITIALISE, tracking_uri], check=True, capture_output=True, timeout=300)


class MlflowServer:
    """A server in a process group of its own, which is ended with the ``with`` block."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port: int = probe.getsockname()[1]
        self._settings = StackSettings(
            state_path=folder, dags_path=folder, plugins_path=folder, airflow_port=0, mlflow_port=port
        )
        self.uri = self._settings.mlflow_url

    def __enter__(self) -> MlflowServer:
        (self._settings.state_path / "mlflow" / "artifacts").mkdir(parents=True)
        # Also for this process, whose requests must not go through a proxy.
        os.environ |= {"NO_PROXY": HOST, "no_proxy": HOST, "MLFLOW_DISABLE_TELEMETRY": "true"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *mlflow_command(self._settings)],
            env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(timeout=10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def answers(self) -> bool:
        """Wait until the server answers; False when it does not in time, or has ended."""
        give_up = time.monotonic() + STARTS_WITHIN_SECONDS
        while time.monotonic() < give_up and self._process.poll() is None:
            try:
                with _OPENER.open(f"{self.uri}/health", timeout=2):
                    return True
            except OSError:
                time.sleep(0.2)
        return False

    def cpu_seconds(self) -> float:
        """Return the CPU time that the server has taken so far, its workers included."""
        server = psutil.Process(self._process.pid)
        times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
        return float(sum(one.user + one.system for one in times))
