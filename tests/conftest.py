"""What every test stands on: an environment of its own, no network, one thread, the same random examples each time.

The environment is set here, before anything imports Airflow: Airflow reads ``AIRFLOW_HOME`` once, on import.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ratchet.project import Project

ROOT = Path(__file__).parents[1]

_FOREIGN = ("AWS_", "AIRFLOW_", "_AIRFLOW_", "RATCHET_", "MLFLOW_", "OPENLINEAGE_", "GX_", "OTEL_", "OPTUNA_")
_AIRFLOW_HOME = Path(tempfile.mkdtemp(prefix="ratchet-airflow-"))


def _isolate_environment() -> None:
    for name in [name for name in os.environ if name.startswith(_FOREIGN)]:
        del os.environ[name]
    os.environ |= {
        "AIRFLOW_HOME": str(_AIRFLOW_HOME),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        # boto3 looks for credentials in a file and at an address of the cloud unless told not to.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "GX_ANALYTICS_ENABLED": "false",
        "MPLBACKEND": "Agg",
        # Two test processes on two cores: threads of OpenMP would spin against each other.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


_isolate_environment()

# The same examples on every machine; a slow moment of a shared machine is no failure.
settings.register_profile("ratchet", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ratchet")


def pytest_unconfigure() -> None:
    shutil.rmtree(_AIRFLOW_HOME, ignore_errors=True)


class NetworkBlockedError(RuntimeError):
    """A test tried to leave this machine."""


def _is_loopback(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return True
    try:
        return ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """Refuse every connection and look-up that leaves this machine; loopback and Unix sockets stay."""
    real_connect, real_connect_ex, real_lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(own: socket.socket, address: Any) -> None:
        if own.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise NetworkBlockedError(f"a test may connect to loopback only. Got {address!r}.")

    def connect(self: socket.socket, address: Any) -> None:
        check(self, address)
        real_connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        check(self, address)
        return real_connect_ex(self, address)

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        # The machine's own name is looked up by Airflow, and answered without leaving the machine.
        if not _is_loopback(host) and host not in (socket.gethostname(), "0.0.0.0", "::"):
            raise NetworkBlockedError(f"a test may look up loopback names only. Got {host!r}.")
        return real_lookup(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect)
        patch.setattr(socket.socket, "connect_ex", connect_ex)
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project: its own home, no model folder yet, a SQLite tracking store in the home."""
    from ratchet.project import Project

    places = {name: tmp_path / name for name in ("home", "models", "data")}
    places["models"].mkdir()
    places["data"].mkdir()
    return Project.from_environment({f"RATCHET_{name.upper()}": str(path) for name, path in places.items()})
