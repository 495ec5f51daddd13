from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest


class TestNoNetwork:
    @pytest.mark.parametrize(
        ("family", "address"),
        [
            pytest.param(socket.AF_INET, ("192.0.2.1", 9), id="IPv4"),
            pytest.param(socket.AF_INET6, ("2001:db8::1", 9), id="IPv6"),
        ],
    )
    @pytest.mark.parametrize("method", ["connect", "connect_ex"])
    def test_an_address_of_another_machine_is_refused(self, family, address, method):
        with socket.socket(family) as client, pytest.raises(RuntimeError, match="loopback only"):
            getattr(client, method)(address)

    def test_a_name_of_another_machine_is_refused(self):
        with pytest.raises(RuntimeError, match="look up loopback names only"):
            socket.create_connection(("example.invalid", 80), timeout=1)

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
    def test_loopback_stays_open(self, host):
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection((host, server.getsockname()[1]), timeout=5).close()

    def test_unix_sockets_stay_open(self, tmp_path):
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(str(tmp_path / "socket"))
            server.listen()
            client.connect(str(tmp_path / "socket"))


class TestEnvironment:
    def test_nothing_of_the_cloud_comes_in_from_outside(self):
        assert [name for name in os.environ if name.startswith("AWS_") and "KEY" in name] == []

    def test_airflow_has_a_home_of_its_own(self):
        home = Path(os.environ["AIRFLOW_HOME"])
        assert home.is_dir()
        assert home != Path.home() / "airflow"

    def test_a_project_is_empty_and_below_the_test_folder(self, project, tmp_path):
        assert project.home == str(tmp_path / "home")
        assert list(project.models_path.iterdir()) == []
