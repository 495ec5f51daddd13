"""Airflow for tests: its database, runs with a partition key, and its REST API with a chosen identity.

Nothing here imports Airflow before a test asks: the environment that Airflow reads on import is set in
``tests/conftest.py``.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from ratchet.project import Project
from tests.ratchet_airflow.make import make_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fastapi.testclient import TestClient


@pytest.fixture(scope="session")
def airflow_db() -> None:
    """Airflow's tables, in the database of this test process (4 to 5 seconds, once)."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.utils.db import initdb

    initdb()
    DagBundlesManager().sync_bundles_to_db()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of its own that operators and DAG files find, without any model folder."""
    models_path = tmp_path / "models"
    models_path.mkdir()
    monkeypatch.setenv("RATCHET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("RATCHET_MODELS", str(models_path))
    monkeypatch.setenv("RATCHET_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return Project.from_environment()


@pytest.fixture
def parcels(environment: Project) -> Project:
    """The project with one model, ``parcels``."""
    make_model(environment.models_path)
    return environment


@pytest.fixture
def partition(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Give every following ``dag.test()`` a partition key, for which it has no argument."""
    from airflow.models import dagrun

    create = dagrun.get_or_create_dagrun

    def use(key: str) -> None:
        def with_key(*, session: Any, dag: Any, **kwargs: Any) -> Any:
            run = create(session=session, dag=dag, **kwargs)
            run.partition_key = key
            run.partition_date = dag.timetable.resolve_partition_date(key)
            session.commit()
            return run

        monkeypatch.setattr(dagrun, "get_or_create_dagrun", with_key)

    return use


@pytest.fixture(scope="session")
def api(airflow_db: None) -> Iterator[Any]:
    """Airflow's own web application, with the plugins of this project."""
    from airflow.api_fastapi.app import create_app, purge_cached_app

    with pytest.MonkeyPatch.context() as patch:
        # The one that Airflow makes up by itself is too short for its signatures.
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", secrets.token_hex(64))
        yield create_app(apps="core")
    purge_cached_app()


@pytest.fixture(scope="session")
def client(api: Any) -> Callable[..., TestClient]:
    """Return a client of the REST API and of our pages: ``client("alice", role="viewer")``, or ``client(None)``."""
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from fastapi.testclient import TestClient

    def as_user(name: str | None, role: str = "op") -> TestClient:
        one = TestClient(api, raise_server_exceptions=False)
        if name is not None:
            manager = api.state.auth_manager
            signer = manager._get_token_signer(expiration_time_in_seconds=3600)
            user = SimpleAuthManagerUser(username=name, role=role)
            one.headers["Authorization"] = "Bearer " + signer.generate(manager.serialize_user(user))
        return one

    return as_user
