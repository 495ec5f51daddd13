"""The settings that Ratchet ships for a local Airflow and a local MLflow, as environment variables.

Pure functions of folders, ports and credentials; nothing is read or written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ratchet_airflow.local.credentials import Credentials

HOST = "127.0.0.1"
_DROPPED_PREFIXES = ("AIRFLOW__", "MLFLOW_", "_MLFLOW_")
# Child processes must be able to keep their byte code: without it each start compiles Airflow anew (thrice the CPU).
_DROPPED = frozenset({"AIRFLOW_HOME", "AIRFLOW_CONFIG", "PYTHONDONTWRITEBYTECODE", "RATCHET_PRELOAD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """What one local stack is made of.

    Parameters
    ----------
    state_path : Path
        The folder that holds its databases, logs, artifacts and keys.
    dags_path, plugins_path : Path
        Airflow's ``dags`` and ``plugins`` folders.
    airflow_port, mlflow_port : int
    parallelism : int
        Tasks that run at one time; each is a process.
    task_threads : int
        Threads that a numeric library may start in one task.
    parse_seconds : int
        How often a DAG file is read again.
    has_preload : bool
        Whether the scheduler imports the heavy libraries before it forks (430 MB, shared by its tasks).
    """

    state_path: Path
    dags_path: Path
    plugins_path: Path
    airflow_port: int
    mlflow_port: int
    parallelism: int = 4
    task_threads: int = 1
    parse_seconds: int = 15
    has_preload: bool = True

    @property
    def airflow_home(self) -> Path:
        """The folder that Airflow calls its home."""
        return self.state_path / "airflow"

    @property
    def passwords_path(self) -> Path:
        """The file that Airflow's simple auth manager reads its passwords from."""
        return self.airflow_home / "passwords.json"

    @property
    def airflow_url(self) -> str:
        """The address of Airflow's user interface and REST API."""
        return f"http://{HOST}:{self.airflow_port}"

    @property
    def mlflow_url(self) -> str:
        """The address of the MLflow server."""
        return f"http://{HOST}:{self.mlflow_port}"


def airflow_settings(settings: StackSettings, credentials: Credentials) -> dict[str, str]:
    """Return Airflow's own settings, ``AIRFLOW__SECTION__KEY`` to value."""
    return {
        f"AIRFLOW__{section.upper()}__{key.upper()}": value
        for section, options in {
            **_core(settings, credentials),
            **_api(settings, credentials),
            **_timing(settings),
            **_logging(settings),
        }.items()
        for key, value in options.items()
    }


def _core(settings: StackSettings, credentials: Credentials) -> dict[str, dict[str, str]]:
    return {
        "core": {
            "executor": "LocalExecutor",
            "parallelism": str(settings.parallelism),
            "dags_folder": str(settings.dags_path),
            "plugins_folder": str(settings.plugins_path),
            "load_examples": "False",
            "dags_are_paused_at_creation": "False",
            "min_serialized_dag_update_interval": "5",
            # The default asks DNS for this machine's full name: slow, or refused, without a network.
            "hostname_callable": "socket.gethostname",
            "fernet_key": credentials.fernet_key,
            "execution_api_server_url": f"{settings.airflow_url}/execution/",
            "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "simple_auth_manager_users": f"{credentials.user}:admin",
            "simple_auth_manager_passwords_file": str(settings.passwords_path),
            "simple_auth_manager_all_admins": "False",
        },
        # Airflow opens SQLite in WAL mode; a longer busy timeout made stalls longer, not rarer.
        "database": {"sql_alchemy_conn": f"sqlite:///{settings.airflow_home}/airflow.db"},
    }


def _api(settings: StackSettings, credentials: Credentials) -> dict[str, dict[str, str]]:
    return {
        "api": {
            "host": HOST,
            "port": str(settings.airflow_port),
            "base_url": settings.airflow_url,
            "workers": "1",
            "secret_key": credentials.api_secret_key,
            "expose_config": "False",
        },
        "api_auth": {"jwt_secret": credentials.jwt_secret},
    }


def _timing(settings: StackSettings) -> dict[str, dict[str, str]]:
    return {
        "scheduler": {
            # A trivial task takes 0.23 s instead of 1.05 s, for a fifth of a core while idle.
            "scheduler_idle_sleep_time": "0.1",
            "task_instance_heartbeat_timeout": "120",
            "orphaned_tasks_check_interval": "60",
            "enable_health_check": "False",
        },
        # The heartbeats that may fail must end before the heartbeat timeout, or two copies of a task run.
        "workers": {"min_heartbeat_interval": "1", "max_failed_heartbeats": "8"},
        "dag_processor": {
            "refresh_interval": str(settings.parse_seconds),
            "min_file_process_interval": str(settings.parse_seconds),
            "parsing_processes": "1",
            "print_stats_interval": "300",
            "dag_bundle_storage_path": str(settings.airflow_home / "bundles"),
        },
        "triggerer": {"capacity": "100", "job_heartbeat_sec": "5"},
    }


def _logging(settings: StackSettings) -> dict[str, dict[str, str]]:
    logs = settings.airflow_home / "logs"
    return {
        "logging": {
            "base_log_folder": str(logs),
            "dag_processor_child_process_log_directory": str(logs / "dag_processor"),
            "logging_level": "INFO",
            "uvicorn_logging_level": "WARNING",
            "colored_console_log": "False",
        },
        "openlineage": {"disabled": "True"},
    }


def process_environment(
    settings: StackSettings,
    credentials: Credentials,
    *,
    inherited: Mapping[str, str],
    extra: Mapping[str, str],
) -> dict[str, str]:
    """Return the whole environment of every process of the stack.

    Settings of another Airflow or MLflow in ``inherited`` are left out; ``extra`` (the project's own variables,
    connections) comes last.
    """
    kept = {name: value for name, value in inherited.items() if not _is_dropped(name)}
    threads = str(settings.task_threads)
    no_proxy = ",".join(filter(None, (kept.get("NO_PROXY") or kept.get("no_proxy"), HOST, "localhost")))
    return kept | {
        "AIRFLOW_HOME": str(settings.airflow_home),
        **airflow_settings(settings, credentials),
        "RATCHET_PRELOAD": "1" if settings.has_preload else "0",
        "MLFLOW_TRACKING_URI": settings.mlflow_url,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "PYTHONUNBUFFERED": "1",
        **extra,
    }


def mlflow_command(settings: StackSettings) -> list[str]:
    """Return the arguments of ``mlflow`` that start the server: one worker, artifacts through the server only."""
    folder = settings.state_path / "mlflow"
    return [
        "server",
        *("--host", HOST),
        *("--port", str(settings.mlflow_port)),
        *("--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{folder}/mlflow.db"),
        *("--artifacts-destination", str(folder / "artifacts")),
        *("--allowed-hosts", f"{HOST}:{settings.mlflow_port},localhost:{settings.mlflow_port}"),
    ]


def _is_dropped(name: str) -> bool:
    return name in _DROPPED or name.startswith(_DROPPED_PREFIXES)
