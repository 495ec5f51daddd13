"""Starts and ends a real MLflow server and a real Airflow (SQLite, LocalExecutor) on loopback."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.metadata
import json
import logging
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from ratchet_airflow.local.credentials import Credentials, read_or_create_credentials, write_private
from ratchet_airflow.local.ports import choose_ports
from ratchet_airflow.local.processes import identify, measure_pss
from ratchet_airflow.local.readiness import name_missing
from ratchet_airflow.local.rest import AirflowClient
from ratchet_airflow.local.settings import StackSettings, mlflow_command, process_environment
from ratchet_airflow.local.spawning import describe_death, spawn
from ratchet_airflow.local.state import StackState, stop_from_state, write_state

log = logging.getLogger(__name__)

# The log servers of Airflow would listen on all interfaces; the API server reads the same files from disk.
_AIRFLOW_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
_POLL_SECONDS = 0.2


class LocalStack:
    """One MLflow server and one Airflow, started and ended as one.

    As a context manager it starts, waits until everything answers, and ends every process at exit: at Ctrl-C, at an
    error, and (through a watchdog process) when this process is killed. After :meth:`detach` it stays up.

    Parameters
    ----------
    state_path : Path
        Everything it keeps: databases, logs, artifacts, keys. A later start on the same folder continues with them.
    dags_path, plugins_path : Path
        Airflow's ``dags`` and ``plugins`` folders.
    environ : mapping of str to str, optional
        What to inherit, ``RATCHET_AIRFLOW_PORT`` and ``RATCHET_MLFLOW_PORT`` too; this process's own by default.
    extra_environment : mapping of str to str, optional
        Further variables of every process (``RATCHET_HOME``, ``AIRFLOW_CONN_...``).
    ready_seconds : float
        How long the start may take until everything answers; a component that dies is told of at once.
    grace_seconds : float
        How long a component may take to end by itself.
    parallelism, task_threads, parse_seconds, has_preload
        See :class:`~ratchet_airflow.local.settings.StackSettings`.
    prepare : callable, optional
        Called once the state folder is this process's own, before any component starts.
    """

    def __init__(
        self,
        state_path: Path,
        *,
        dags_path: Path,
        plugins_path: Path,
        environ: Mapping[str, str] | None = None,
        extra_environment: Mapping[str, str] | None = None,
        ready_seconds: float = 900.0,
        grace_seconds: float = 10.0,
        parallelism: int = 4,
        task_threads: int = 1,
        parse_seconds: int = 15,
        has_preload: bool = True,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        self._prepare_further = prepare
        self.state_path = state_path.resolve()
        self.ready_seconds = ready_seconds
        self.grace_seconds = grace_seconds
        self._environ = dict(os.environ if environ is None else environ)
        self._extra = dict(extra_environment or {})
        self._settings = StackSettings(
            state_path=self.state_path,
            dags_path=dags_path.resolve(),
            plugins_path=plugins_path.resolve(),
            airflow_port=0,  # chosen at the start, when a stack left behind has given its ports back
            mlflow_port=0,
            parallelism=parallelism,
            task_threads=task_threads,
            parse_seconds=parse_seconds,
            has_preload=has_preload,
        )
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._state: StackState | None = None
        self._started_at: datetime | None = None
        self._credentials: Credentials | None = None

    @property
    def settings(self) -> StackSettings:
        """What it runs with; the ports are known once it is started."""
        return self._settings

    @property
    def credentials(self) -> Credentials:
        """The login and the keys of this state folder."""
        if self._credentials is None:
            self._credentials = read_or_create_credentials(self.state_path / "credentials.json")
        return self._credentials

    def client(self) -> AirflowClient:
        """Return a client of Airflow's REST API, logged in as administrator."""
        return AirflowClient(self.settings.airflow_url, user=self.credentials.user, password=self.credentials.password)

    def log_path(self, name: str) -> Path:
        """Return the file that holds the output of one component."""
        return self.state_path / "logs" / f"{name}.log"

    def pids(self) -> list[int]:
        """Return the leaders of all components; the rest of the tree descends from them."""
        return [child.pid for child in self._children.values()]

    def pss_bytes(self) -> int:
        """Return the memory of the whole stack, shared pages counted once."""
        return measure_pss(self.pids())

    def start(self) -> None:
        """Start everything; a stack left behind in this state folder by a killed process is ended first.

        Raises
        ------
        RuntimeError
            If another process runs this state folder's stack now.
        InputError
            If a named port is in use.
        ChildProcessError
            If the database cannot be prepared.
        """
        self._take_lock()
        try:
            if stop_from_state(self.state_path, grace_seconds=self.grace_seconds):
                log.info("Ended the processes that an earlier stack in %s had left.", self.state_path)
            self._prepare()
            self._prepare_further()
            self._start_processes()
        except BaseException:
            self.stop()
            raise

    def wait_until_ready(self) -> None:
        """Return when every component answers.

        Raises
        ------
        ChildProcessError
            If one ended; the message names its log file and shows its last lines.
        TimeoutError
            If one does not answer in time; the message names it.
        """
        if self._started_at is None:
            raise RuntimeError("the stack must be started before it can be waited for.")
        deadline = time.monotonic() + self.ready_seconds
        while missing := self._name_missing(self._started_at):
            self.check_alive()
            if time.monotonic() > deadline:
                logs = ", ".join(str(self.log_path(name)) for name in missing)
                raise TimeoutError(f"{', '.join(missing)} did not answer within {self.ready_seconds:g} s. See {logs}.")
            time.sleep(_POLL_SECONDS)

    def check_alive(self) -> None:
        """Raise ``ChildProcessError`` if a component has ended by itself."""
        for name, child in self._children.items():
            if (code := child.poll()) is not None:
                raise ChildProcessError(describe_death(name, code=code, log_path=self.log_path(name)))

    def stop(self) -> None:
        """End every process, gently first; nothing is left. A second Ctrl-C meanwhile skips the gentle part."""
        if self._state is not None:
            try:
                stop_from_state(self.state_path, stack_id=self._state.stack_id, grace_seconds=self.grace_seconds)
            except KeyboardInterrupt:
                stop_from_state(self.state_path, stack_id=self._state.stack_id, grace_seconds=0.0)
        for child in self._children.values():
            child.wait()
        self._forget()

    def detach(self) -> None:
        """Leave everything running when this process ends; ``stop_from_state`` ends it later."""
        self._forget()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _take_lock(self) -> None:
        self.state_path.mkdir(parents=True, exist_ok=True)
        # The system gives the lock back when this process ends, however it ends: it cannot go stale.
        lock = (self.state_path / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise RuntimeError(
                f"another process runs the stack in {self.state_path}. End that one first, or use another folder."
            ) from None
        self._lock = lock

    def _prepare(self) -> None:
        airflow_port, mlflow_port = choose_ports(self.state_path / "ports.json", environ=self._environ)
        self._settings = replace(self._settings, airflow_port=airflow_port, mlflow_port=mlflow_port)
        config_path = self._settings.airflow_home / "config"
        config_path.mkdir(parents=True, exist_ok=True)
        (self.state_path / "mlflow" / "artifacts").mkdir(parents=True, exist_ok=True)
        # $AIRFLOW_HOME/config is on sys.path of every component.
        shutil.copyfile(
            Path(__file__).with_name("airflow_local_settings.py"), config_path / "airflow_local_settings.py"
        )
        write_private(self._settings.passwords_path, json.dumps({self.credentials.user: self.credentials.password}))

    def _start_processes(self) -> None:
        self._started_at = datetime.now(UTC)
        stack_id = uuid.uuid4().hex
        urls = {"airflow_url": self._settings.airflow_url, "mlflow_url": self._settings.mlflow_url}
        self._keep(StackState(stack_id=stack_id, processes={}, **urls))
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", "ratchet_airflow.local.watchdog", str(self.state_path), stack_id],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        environment = process_environment(self._settings, self.credentials, inherited=self._environ, extra=self._extra)
        # MLflow imports for seconds: it does so while Airflow's tables are made.
        self._spawn("mlflow", ["mlflow", *mlflow_command(self._settings)], environment)
        self._migrate(environment)
        for name, arguments in _AIRFLOW_COMMANDS.items():
            self._spawn(name, ["airflow", *arguments], environment)

    def _migrate(self, environment: Mapping[str, str]) -> None:
        version = importlib.metadata.version("apache-airflow-core")
        done_path = self._settings.airflow_home / f"migrated-{version}"
        if done_path.exists():
            return
        child = self._spawn("db-migrate", ["airflow", "db", "migrate"], environment)
        if code := child.wait():
            raise ChildProcessError(describe_death("db-migrate", code=code, log_path=self.log_path("db-migrate")))
        del self._children["db-migrate"]
        self._keep(self._written().without_process("db-migrate"))
        done_path.touch()

    def _spawn(self, name: str, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        child = spawn(arguments, environment=environment, log_path=self.log_path(name), folder=self.state_path)
        self._children[name] = child
        self._keep(self._written().with_process(name, identify(child.pid, word=arguments[0])))
        return child

    def _written(self) -> StackState:
        if self._state is None:
            raise RuntimeError("the stack has not been started.")
        return self._state

    def _keep(self, state: StackState) -> None:
        self._state = state
        write_state(self.state_path, state)

    def _name_missing(self, since: datetime) -> list[str]:
        return name_missing(airflow_url=self._settings.airflow_url, mlflow_url=self._settings.mlflow_url, since=since)

    def _forget(self) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._watchdog.stdin.write(b".")
                self._watchdog.stdin.close()
            self._watchdog.wait()
        if self._lock is not None:
            self._lock.close()
        self._watchdog = self._lock = self._state = self._started_at = None
        self._children = {}
