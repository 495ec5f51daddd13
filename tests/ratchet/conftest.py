"""Fixtures of more than one room: a store on each kind of place, and an S3 server behind a proxy that breaks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.moto_server import S3Server, run_s3_server, set_s3_environment
from tests.faults.proxy import FaultProxy


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with run_s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    set_s3_environment(monkeypatch, s3_server.url)
    return s3_server


@pytest.fixture(params=["local", "s3"])
def store_uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh place on each kind of store; every promise of the room is tried on both."""
    if request.param == "local":
        return str(tmp_path / "home")
    server: S3Server = request.getfixturevalue("s3")
    return server.fresh_uri()


@pytest.fixture
def proxy(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy before the S3 server; stores opened from here on go through it."""
    with FaultProxy(s3.host, s3.port) as fault_proxy:
        set_s3_environment(monkeypatch, fault_proxy.url)
        yield fault_proxy
