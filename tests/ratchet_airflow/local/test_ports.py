from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from ratchet.errors import InputError
from ratchet_airflow.local.ports import choose_port, choose_ports, is_free

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VARIABLE = "RATCHET_AIRFLOW_PORT"


@pytest.fixture
def busy_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class TestChoosePort:
    def test_a_busy_port_that_was_named_is_refused_with_its_number_and_the_variable(self, busy_port: int) -> None:
        with pytest.raises(InputError, match=rf"port {busy_port} of 127.0.0.1 is in use.*{VARIABLE}=\d+"):
            choose_port(VARIABLE, preferred=1, environ={VARIABLE: str(busy_port)})

    def test_a_free_port_that_was_named_is_taken(self, free_port: int) -> None:
        assert choose_port(VARIABLE, preferred=1, environ={VARIABLE: str(free_port)}) == free_port

    def test_the_preferred_port_is_taken_when_none_was_named(self, free_port: int) -> None:
        assert choose_port(VARIABLE, preferred=free_port, environ={}) == free_port

    def test_a_busy_preferred_port_gives_way_to_a_free_one(self, busy_port: int) -> None:
        chosen = choose_port(VARIABLE, preferred=busy_port, environ={VARIABLE: ""})
        assert chosen != busy_port
        assert is_free(chosen)

    def test_a_port_given_to_another_server_is_not_given_twice(self, free_port: int) -> None:
        taken = frozenset({free_port})
        assert choose_port(VARIABLE, preferred=free_port, environ={}, taken=taken) != free_port
        with pytest.raises(InputError, match="in use"):
            choose_port(VARIABLE, preferred=1, environ={VARIABLE: str(free_port)}, taken=taken)

    @pytest.mark.parametrize("asked", ["0", "65536", "-1", "http", "80.5", "٣"])
    def test_what_is_not_a_port_is_refused(self, asked: str) -> None:
        with pytest.raises(InputError, match="must be a port from 1 to 65535"):
            choose_port(VARIABLE, preferred=1, environ={VARIABLE: asked})


class TestChoosePorts:
    def test_a_restart_keeps_its_ports(self, tmp_path: Path) -> None:
        path = tmp_path / "ports.json"
        assert choose_ports(path, environ={}) == choose_ports(path, environ={})

    def test_the_two_servers_have_different_ports(self, tmp_path: Path) -> None:
        airflow, mlflow = choose_ports(tmp_path / "ports.json", environ={})
        assert airflow != mlflow
