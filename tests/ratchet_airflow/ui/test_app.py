from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.ledger.entries import Author
from ratchet.ledger.versions import ModelVersion
from ratchet.storage.objects import open_store
from ratchet_airflow.ui.app import app

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient

    from ratchet.project import Project

REPORT = "runs/parcels/evaluate/2024-03-01-ab/report.html"
PATHS = ["/ratchet/models", "/ratchet/models/parcels", "/ratchet/reports/parcels/evaluate/2024-03-01-ab/report.html"]
VERSION = ModelVersion(version="3", digest="sha256:" + "1" * 64, trained_through="2024-02-28")


@pytest.fixture
def known(parcels: Project, airflow_db: None) -> Project:
    """A project whose model has DAGs, a champion and a report."""
    from airflow import settings
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.utils.session import create_session

    with create_session() as session:
        sync_bag_to_db(DagBag(dag_folder=settings.DAGS_FOLDER), "dags-folder", None, session=session)
    store = open_store(parcels.home)
    store.write(REPORT, b"<h1>Report</h1><script>alert(1)</script>")
    store.write("secret.txt", b"secret")
    store.write("ledger/other.txt", b"secret")
    ledger = Ledger(store, ModelId("parcels"))
    author = Author(kind="person", name="<b>alice</b>")
    at = datetime(2024, 3, 2, 6, 30, tzinfo=UTC)
    body: dict[str, Any] = {
        "candidate": VERSION.to_json(),
        "verdict": "pass",
        "words": "all 7 checks passed",
        "gate_uri": parcels.uri("runs/parcels/decide_gate/x/gate.json"),
    }
    ledger.append("gate", body, decision_id="gate:1", author=author, at=at, after=0)
    ledger.append("bootstrap", {"version": VERSION.to_json()}, decision_id="promote:1", author=author, at=at, after=1)
    return parcels


def test_every_route_asks_who_is_there() -> None:
    # Airflow guards none of a plugin's routes by itself.
    guards = {"get_user", "readable_model"}
    for route in app.routes:
        called = {dependency.call.__name__ for dependency in route.dependant.dependencies}  # type: ignore[attr-defined]
        assert called & guards, route


@pytest.mark.parametrize("path", [*PATHS, "/ratchet/models/unknown", "/ratchet/reports/parcels/none.html"])
@pytest.mark.usefixtures("known")
def test_nothing_is_shown_without_a_login(client: Callable[..., TestClient], path: str) -> None:
    assert client(None).get(path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.usefixtures("known")
def test_whoever_may_read_the_dags_may_read_the_pages(client: Callable[..., TestClient], path: str) -> None:
    answer = client("vera", role="viewer").get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.usefixtures("known")
def test_no_page_runs_a_script(client: Callable[..., TestClient], path: str) -> None:
    headers = client("vera", role="viewer").get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.usefixtures("known")
def test_a_report_cannot_reach_the_session(client: Callable[..., TestClient]) -> None:
    policy = client("vera").get(PATHS[2]).headers["content-security-policy"]
    assert policy.split("; ")[-1] == "sandbox"


@pytest.mark.usefixtures("known")
def test_who_may_not_read_the_dags_sees_nothing(
    client: Callable[..., TestClient], api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = api.state.auth_manager
    monkeypatch.setattr(manager, "is_authorized_dag", lambda **_: False)
    monkeypatch.setattr(manager, "get_authorized_dag_ids", lambda **_: set())
    assert [client("mallory").get(path).status_code for path in PATHS[1:]] == [403, 403]
    assert "parcels" not in client("mallory").get(PATHS[0]).text


@pytest.mark.usefixtures("known")
class TestModels:
    def test_the_list_names_champion_since_when_by_whom_and_the_newest_gate(
        self, client: Callable[..., TestClient]
    ) -> None:
        page = client("vera").get("/ratchet/models").text
        for shown in ("parcels", "version 3", "2024-03-02 06:30", "2024-02-28", "all 7 checks passed"):
            assert shown in page

    def test_what_a_person_wrote_is_escaped(self, client: Callable[..., TestClient]) -> None:
        page = client("vera").get("/ratchet/models/parcels").text
        assert "&lt;b&gt;alice&lt;/b&gt;" in page
        assert "<b>alice" not in page

    def test_a_model_shows_its_ledger_newest_first_with_its_evidence(self, client: Callable[..., TestClient]) -> None:
        page = client("vera").get("/ratchet/models/parcels").text
        assert page.index("bootstrap") < page.index('<span class="verdict pass">')
        assert "/ratchet/reports/parcels/decide_gate/x/gate.json" in page

    def test_a_broken_ledger_is_told_and_takes_no_other_model_down(
        self, client: Callable[..., TestClient], known: Project
    ) -> None:
        open_store(known.home).write("ledger/parcels/000002.json", b"{}")
        page = client("vera").get("/ratchet/models")
        assert page.status_code == 200
        assert "E-LEDGER" in page.text

    @pytest.mark.parametrize("model", ["Parcels", "par%20cels", "a.b.c"])
    def test_what_is_no_name_is_not_found(self, client: Callable[..., TestClient], model: str) -> None:
        assert client("vera").get(f"/ratchet/models/{model}").status_code == 404


@pytest.mark.usefixtures("known")
class TestReports:
    @pytest.mark.parametrize(
        "path",
        [
            "%2e%2e/%2e%2e/secret.txt",
            "evaluate/%2e%2e/%2e%2e/%2e%2e/ledger/other.txt",
            "..%2f..%2fsecret.txt",
            "%2fetc/passwd.txt",
            "evaluate//report.html",
            "evaluate%5c..%5csecret.txt",
            "evaluate/%2e/report.html",
            "evaluate/2024-03-01-ab/study.db",
        ],
    )
    def test_a_path_that_leaves_the_runs_of_the_model_is_refused(
        self, client: Callable[..., TestClient], path: str
    ) -> None:
        answer = client("vera").get(f"/ratchet/reports/parcels/{path}")
        assert answer.status_code == 400, answer.text
        assert "secret" not in answer.text.replace("secret.txt", "")

    def test_the_runs_of_another_model_are_not_reached_by_this_one(
        self, client: Callable[..., TestClient], known: Project
    ) -> None:
        open_store(known.home).write("runs/other/report.html", b"another's")
        answer = client("vera").get("/ratchet/reports/parcels/%2e%2e/other/report.html")
        assert answer.status_code == 400

    def test_a_missing_report_is_not_found(self, client: Callable[..., TestClient]) -> None:
        assert client("vera").get("/ratchet/reports/parcels/none.html").status_code == 404

    def test_a_figure_file_is_shown_as_text(self, client: Callable[..., TestClient], known: Project) -> None:
        open_store(known.home).write("runs/parcels/x/gate.json", b"{}")
        answer = client("vera").get("/ratchet/reports/parcels/x/gate.json")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
