"""The scoring service as a process: one worker, on loopback."""

from __future__ import annotations

import socket
import sys
from ipaddress import ip_address

import uvicorn
from starlette.types import ASGIApp

from ratchet.errors import InputError
from ratchet.project import Project
from ratchet.serving.app import create_app
from ratchet.spec.model import ModelSpec

_GRACE_SECONDS = 10


def serve(project: Project, spec: ModelSpec, *, port: int, host: str = "127.0.0.1") -> None:
    """Serve a model until SIGINT or SIGTERM; requests that are being answered are answered first.

    Parameters
    ----------
    port : int
        0 takes a free one. The address is printed.
    host : str
        A loopback address: without a key check the service may not be reached from elsewhere.

    Raises
    ------
    InputError
        If the host is not loopback, or the port is taken.
    """
    listener = open_listener(host, port)
    with listener:
        server = build_server(create_app(project, spec))
        sys.stdout.write(f"{spec.name} is served at {address(listener)}\n")
        sys.stdout.flush()
        server.run(sockets=[listener])


def open_listener(host: str, port: int) -> socket.socket:
    """Return a socket bound to a loopback address."""
    if not _is_loopback(host):
        raise InputError(f"The host must be a loopback address such as 127.0.0.1: there is no key check. Got {host!r}.")
    if not 0 <= port < 2**16:
        raise InputError(f"The port must be from 0 to 65535. Got {port}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(f"Port {port} of {host} can not be bound: {error}. Name another port, or 0.") from error


def address(listener: socket.socket) -> str:
    """Return the URL of a listening socket."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def build_server(app: ASGIApp) -> uvicorn.Server:
    """Return the server, not yet running. Logging is left as the process has set it up."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return uvicorn.Server(config)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
