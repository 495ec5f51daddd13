from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from ratchet.errors import InputError
from ratchet.serving.app import create_app
from ratchet.serving.server import address, build_server, open_listener, serve
from tests.ratchet.serving.make import PATH, SPEC, make_row

if TYPE_CHECKING:
    from ratchet.project import Project


@contextmanager
def running(project: Project) -> Iterator[socket.socket]:
    """The service on a free port of loopback."""
    with open_listener("127.0.0.1", 0) as listener:
        server = build_server(create_app(project, SPEC))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener
        finally:
            server.should_exit = True
            thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def listener(crowned_project: Project) -> Iterator[socket.socket]:
    with running(crowned_project) as listener:
        yield listener


def send(listener: socket.socket, *parts: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back until the server closes."""
    with socket.create_connection(listener.getsockname(), timeout=30) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:
                break  # the server has closed: its answer may still be read
        answer = b""
        try:
            while chunk := connection.recv(65_536):
                answer += chunk
        except ConnectionResetError:
            pass
        return answer


def head(*lines: str) -> bytes:
    return "\r\n".join((f"POST {PATH} HTTP/1.1", "Host: localhost", *lines, "", "")).encode()


def test_a_request_over_the_wire_is_answered(listener: socket.socket) -> None:
    content = json.dumps({"examples": [make_row()]}).encode()
    request = Request(address(listener) + PATH, data=content, headers={"content-type": "application/json"})
    with urlopen(request, timeout=30) as response:
        assert response.status == 200
        assert "server" not in response.headers
        assert len(json.load(response)["predictions"]) == 1


def test_a_chunked_body_over_the_limit_is_refused_and_its_connection_closed(listener: socket.socket) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = send(listener, head("Content-Type: application/json", "Transfer-Encoding: chunked"), *[chunk] * 320)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert b'"E-SIZE"' in answer


def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(listener: socket.socket) -> None:
    answer = send(listener, head("Content-Type: application/json", "Content-Length: 20000000"))
    assert answer.startswith(b"HTTP/1.1 413 ")


class TestServe:
    @pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
    def test_only_loopback_is_served(self, project: Project, host: str) -> None:
        with pytest.raises(InputError, match="must be a loopback address"):
            serve(project, SPEC, port=0, host=host)

    def test_a_busy_port_is_named(self, project: Project) -> None:
        with open_listener("127.0.0.1", 0) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(InputError, match=f"Port {port} of 127.0.0.1 can not be bound"):
                serve(project, SPEC, port=port)

    @pytest.mark.parametrize("port", [-1, 65_536])
    def test_no_port_is_beyond_65535(self, project: Project, port: int) -> None:
        with pytest.raises(InputError, match=f"from 0 to 65535. Got {port}"):
            serve(project, SPEC, port=port)

    def test_the_address_is_printed(
        self, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
        serve(project, SPEC, port=0)
        assert capsys.readouterr().out.startswith("flights is served at http://127.0.0.1:")
