"""Two nights of a small model under a real scheduler, driven over Airflow's REST API alone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from ratchet.project import Project
from ratchet_airflow.local.processes import members
from ratchet_airflow.local.stack import LocalStack
from ratchet_airflow.local.state import read_state
from tests.factories.models import Model, day, make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from ratchet_airflow.local.rest import AirflowClient

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
PURPOSES = ("ingest", "score", "watch", "train", "release")
# 3 spans to train on, 1 to tune and 2 to test on, 1 until the labels of the last are known, and 1 to spare.
FIRST, LOADED, NEXT = day(1), day(8), day(9)
NIGHT_SECONDS = 900.0


@dataclass(kw_only=True)
class TwoNights:
    """What Airflow told of the nights while it was up, and what is left of them."""

    model: Model
    runs: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)  # by span and purpose
    results: dict[str, dict[str, Any]] = field(default_factory=dict)  # of some tasks, by span
    events: list[dict[str, Any]] = field(default_factory=list)
    all_runs: list[dict[str, Any]] = field(default_factory=list)
    import_errors: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[str, httpx.Response] = field(default_factory=dict)
    alias: dict[str, Any] = field(default_factory=dict)
    processes: list[psutil.Process] = field(default_factory=list)
    left: list[psutil.Process] = field(default_factory=list)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> TwoNights:
    """Live through the first load and the night after it, and end the servers."""
    folder = tmp_path_factory.mktemp("two-nights")
    (folder / "models").mkdir()
    project = Project(home=str(folder / "home"), models_path=folder / "models", tracking_uri="")
    # A source that has ended: by itself, the scheduler would begin with the night before today.
    changes = {"source.last_span": NEXT, "watch.retrain.every_spans": 1, "watch.retrain.cool_down_spans": 0}
    seen = TwoNights(model=make_model(project, changes=changes))
    with start(folder, project, free_port) as stack, stack.client() as client:
        state = read_state(stack.state_path)
        assert state is not None
        client.wait_for_dags({f"parcels__{purpose}" for purpose in PURPOSES}, timeout_seconds=NIGHT_SECONDS)
        client.trigger("parcels__ingest", partition_key=LOADED, conf={"first_span": FIRST})
        follow(client, LOADED, seen)
        midnight = f"{NEXT}T00:00:00+00:00"  # a clock reading: Airflow takes it for one of the timetable's zone
        client.create_backfill("parcels__ingest", from_date=midnight, to_date=midnight)
        follow(client, NEXT, seen)
        seen.events, seen.all_runs = client.asset_events(), client.list_runs("~")
        seen.import_errors = client.import_errors() + client.plugin_import_errors()
        seen.pages, seen.alias = visit(stack), ask_mlflow(stack)
        seen.processes = [process for leader in state.processes.values() for process in members(leader)]
    seen.left = [process for process in seen.processes if is_there(process)]
    return seen


def start(folder: Path, project: Project, free_port: Callable[[], int]) -> LocalStack:
    # Ports of its own: another test's stack may be starting on the usual ones.
    ports = {name: str(free_port()) for name in ("RATCHET_AIRFLOW_PORT", "RATCHET_MLFLOW_PORT")}
    return LocalStack(
        folder / "state",
        dags_path=ROOT / "dags",
        plugins_path=ROOT / "plugins",
        environ={**os.environ, **ports},
        extra_environment={"RATCHET_HOME": project.home, "RATCHET_MODELS": str(project.models_path)},
    )


def follow(client: AirflowClient, span: str, seen: TwoNights) -> None:
    """Wait for one run after the other; each must succeed, or no next one would come."""
    runs = seen.runs[span] = {}
    for purpose in PURPOSES:
        run = runs[purpose] = client.wait_for_key(f"parcels__{purpose}", span, timeout_seconds=NIGHT_SECONDS)
        assert run["state"] == "success", why(client, run)
        tasks = client.task_instances(run["dag_id"], run["dag_run_id"])
        assert {task["state"] for task in tasks} == {"success"}, why(client, run)
    seen.results[span] = {
        task_id: client.xcom(f"parcels__{purpose}", runs[purpose]["dag_run_id"], task_id)
        for purpose, task_id in [("score", "score_span"), ("watch", "decide_retrain"), ("train", "select_window")]
    }


def why(client: AirflowClient, run: dict[str, Any]) -> str:
    tasks = client.task_instances(run["dag_id"], run["dag_run_id"])
    ended_badly = [task for task in tasks if task["state"] in ("failed", "skipped")]
    logs = [client.logs(run["dag_id"], run["dag_run_id"], task["task_id"])[-3000:] for task in ended_badly]
    return "\n".join([f"{task['task_id']}: {task['state']}" for task in tasks] + logs)


def visit(stack: LocalStack) -> dict[str, httpx.Response]:
    """The model's page, for nobody and for who is logged in."""
    with httpx.Client(base_url=stack.settings.airflow_url, trust_env=False, timeout=60) as web:
        login = {"username": stack.credentials.user, "password": stack.credentials.password}
        token = web.post("/auth/token", json=login).json()["access_token"]
        return {
            "nobody": web.get("/ratchet/models/parcels"),
            "logged in": web.get("/ratchet/models/parcels", headers={"Authorization": f"Bearer {token}"}),
        }


def ask_mlflow(stack: LocalStack) -> dict[str, Any]:
    with httpx.Client(base_url=stack.settings.mlflow_url, trust_env=False, timeout=60) as web:
        wanted = {"name": "parcels", "alias": "champion"}
        answer = web.get("/api/2.0/mlflow/registered-models/alias", params=wanted)
        found: dict[str, Any] = answer.json()["model_version"]
        return found


def is_there(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_only_the_two_nights_ran_and_each_run_has_the_key_of_its_night(lived: TwoNights) -> None:
    assert sorted((run["dag_id"], run["partition_key"], run["run_type"]) for run in lived.all_runs) == sorted(
        (f"parcels__{purpose}", span, first_type if purpose == "ingest" else "asset_triggered")
        for span, first_type in ((LOADED, "manual"), (NEXT, "backfill"))
        for purpose in PURPOSES
    )


def test_the_retrain_request_started_training_under_the_same_key(lived: TwoNights) -> None:
    (first, second) = [event for event in lived.events if event["name"] == "parcels/retrain-request"]
    for span, event, reason in ((LOADED, first, "cold_start"), (NEXT, second, "schedule")):
        assert (event["partition_key"], event["extra"]["reasons"]) == (span, [reason])
        assert event["source_run_id"] == lived.runs[span]["watch"]["dag_run_id"]
        assert [run["run_id"] for run in event["created_dagruns"]] == [lived.runs[span]["train"]["dag_run_id"]]
        window = lived.results[span]["select_window"]
        assert (window["span"], window["reasons"]) == (span, [reason])


def test_every_asset_event_carries_the_key(lived: TwoNights) -> None:
    assert sorted((event["name"], event["partition_key"]) for event in lived.events) == sorted(
        (f"parcels/{kind}", span)
        for span in (LOADED, NEXT)
        for kind in ("span", "predictions", "retrain-request", "candidate")
    )


def test_each_night_released_a_champion_and_the_ledger_verifies(lived: TwoNights) -> None:
    ledger = lived.model.ledger
    assert [(entry.kind, entry.author.name) for entry in ledger.entries()] == [
        (kind, f"airflow/parcels__{purpose}")
        for crowning in ("bootstrap", "promotion")
        for kind, purpose in (("gate", "train"), (crowning, "release"))
    ]
    assert ledger.verify() == []
    champion = ledger.read_state().champion
    assert champion is not None
    assert (champion.version, champion.tested_through) == ("2", LOADED)
    assert (lived.alias["version"], lived.alias["run_id"]) == ("2", champion.run_id)


def test_the_second_night_was_scored_by_the_champion_of_the_first(lived: TwoNights) -> None:
    assert [lived.results[span]["score_span"]["version"] for span in (LOADED, NEXT)] == [None, "1"]


def test_no_dag_file_and_no_plugin_failed_to_import(lived: TwoNights) -> None:
    assert lived.import_errors == []


def test_the_models_page_is_for_who_is_logged_in(lived: TwoNights) -> None:
    assert {who: page.status_code for who, page in lived.pages.items()} == {"nobody": 401, "logged in": 200}
    assert "promotion" in lived.pages["logged in"].text
    assert "parcels" not in lived.pages["nobody"].text


def test_no_process_is_left(lived: TwoNights) -> None:
    assert len(lived.processes) >= 5
    assert lived.left == []
