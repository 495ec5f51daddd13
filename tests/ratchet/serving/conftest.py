from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from ratchet.project import Project
from ratchet.serving.app import create_app
from tests.faults.moto_server import S3Server, run_s3_server, set_s3_environment
from tests.ratchet.serving.make import AT, SPEC, crown, train, write_functions

if TYPE_CHECKING:
    from pathlib import Path

    from sklearn.pipeline import Pipeline

    from ratchet.packaging.card import PackageCard


def _project(folder: Path) -> Project:
    write_functions(folder / "models")
    return Project.from_environment({"RATCHET_HOME": str(folder / "home"), "RATCHET_MODELS": str(folder / "models")})


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with the model folder, and no champion yet."""
    return _project(tmp_path)


@pytest.fixture(scope="session")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return _project(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def trained(shared_project: Project) -> tuple[Pipeline, PackageCard]:
    return train(shared_project)


@pytest.fixture(scope="session")
def retrained(shared_project: Project) -> tuple[Pipeline, PackageCard]:
    return train(shared_project, seed=1)


@pytest.fixture(scope="session")
def crowned_project(shared_project: Project, trained: tuple[Pipeline, PackageCard]) -> Project:
    """A project with a champion, for tests that change nothing."""
    crown(shared_project, trained)
    return shared_project


@pytest.fixture(scope="session")
def shared_client(crowned_project: Project) -> TestClient:
    return TestClient(create_app(crowned_project, SPEC, clock=lambda: AT), raise_server_exceptions=False)


@pytest.fixture
def client(project: Project, trained: tuple[Pipeline, PackageCard]) -> TestClient:
    """A service of the test's own, with a champion."""
    crown(project, trained)
    return TestClient(create_app(project, SPEC, clock=lambda: AT), raise_server_exceptions=False)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with run_s3_server() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    set_s3_environment(monkeypatch, s3_server.url)
    return s3_server
