"""Which ports the servers take: those that were asked for, those of the last start, the usual ones, or free ones."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path

from ratchet.errors import InputError
from ratchet_airflow.local.settings import HOST

AIRFLOW_PORT_VARIABLE = "RATCHET_AIRFLOW_PORT"
MLFLOW_PORT_VARIABLE = "RATCHET_MLFLOW_PORT"
_USUAL = {AIRFLOW_PORT_VARIABLE: 8080, MLFLOW_PORT_VARIABLE: 5000}


def choose_ports(path: Path, *, environ: Mapping[str, str]) -> tuple[int, int]:
    """Return the ports of Airflow and MLflow, and write them to the file ``path`` for the next start.

    A restart keeps its ports when it can: addresses of runs that Airflow has stored would lead nowhere otherwise.
    """
    preferred = _USUAL | (json.loads(path.read_text()) if path.exists() else {})
    airflow = choose_port(AIRFLOW_PORT_VARIABLE, preferred=preferred[AIRFLOW_PORT_VARIABLE], environ=environ)
    mlflow = choose_port(
        MLFLOW_PORT_VARIABLE, preferred=preferred[MLFLOW_PORT_VARIABLE], environ=environ, taken=frozenset({airflow})
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({AIRFLOW_PORT_VARIABLE: airflow, MLFLOW_PORT_VARIABLE: mlflow}))
    return airflow, mlflow


def choose_port(
    variable: str, *, preferred: int, environ: Mapping[str, str], taken: frozenset[int] = frozenset()
) -> int:
    """Return a free port on loopback.

    The port that ``variable`` names in ``environ``; when it names none, ``preferred``, or any free one if that is busy.

    Parameters
    ----------
    variable : str
    preferred : int
    environ : mapping of str to str
    taken : frozenset of int
        Ports that are given away already, though nothing listens there yet.

    Raises
    ------
    InputError
        If the named port is not a port, or is in use.
    """
    asked = environ.get(variable)
    if not asked:
        return preferred if preferred not in taken and is_free(preferred) else _any_free_port()
    if not (asked.isascii() and asked.isdigit() and 1 <= int(asked) <= 65535):
        raise InputError(f"{variable} must be a port from 1 to 65535. Got {asked!r}.")
    if int(asked) in taken or not is_free(int(asked)):
        raise InputError(
            f"port {asked} of {HOST} is in use. Name another one, such as {variable}={_any_free_port()}, "
            f"or leave {variable} unset to take any free one."
        )
    return int(asked)


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of loopback now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As a server does: a port whose last connections are only being wound up is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _any_free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
