"""Two nights of one model, a queue that starts another, and two plain DAGs, all on one local stack."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import psutil
import pytest

from ratchet.project import Project
from ratchet_airflow.local.processes import members
from ratchet_airflow.local.stack import LocalStack
from ratchet_airflow.local.state import read_state
from tests.factories.models import QUEUE, Model, day, make_model
from tests.faults.moto_server import S3Server, set_s3_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from ratchet_airflow.local.rest import AirflowClient

ROOT = Path(__file__).parents[2]
PURPOSES = ("ingest", "score", "watch", "train", "release")
ARRIVAL_PURPOSES = ("arrive", "deadline", *PURPOSES)
# 3 spans to train on, 1 to tune and 2 to test on, 1 until the labels of the last are known, and 1 to spare.
FIRST, LOADED, NEXT = day(1), day(8), day(9)
SECONDS = 900.0
MESSAGES = ("garbage", day(1), "../../etc/passwd", day(1))
N_MESSAGES = len(MESSAGES) + 1  # and once more, when the span is there already

KEY = "2026-02-01"
# Two DAGs of one night. The task uses the libraries that the scheduler imported before it forked: with a thread pool
# alive at that fork it would hang.
PLAIN_DAGS = '''
"""Two airflow DAGs joined by a partitioned asset."""
from datetime import datetime, timezone
from airflow.sdk import DAG, Asset, BaseOperator, CronPartitionTimetable, PartitionedAssetTimetable

span = Asset(name="span/local", uri="file:///span/local")

class NoteOperator(BaseOperator):
    def execute(self, context):
        import sys
        is_preloaded = {"great_expectations", "mlflow", "polars", "deltalake"} <= set(sys.modules)
        import tempfile
        import deltalake
        import polars as pl
        frame = pl.DataFrame({"day": [i % 7 for i in range(100_000)]}).group_by("day").len()
        with tempfile.TemporaryDirectory() as folder:
            deltalake.write_deltalake(folder, frame)
            n = pl.read_delta(folder)["len"].sum()
        self.log.info("noted the night of %s", context["partition_key"])
        return {"key": context["partition_key"], "is_preloaded": is_preloaded, "n": n}

every_night = CronPartitionTimetable("0 0 * * *", timezone="UTC", run_offset=-1, key_format="%Y-%m-%d")
start = datetime(2026, 1, 1, tzinfo=timezone.utc)
with DAG("local__ingest", schedule=every_night, start_date=start, catchup=False):
    NoteOperator(task_id="note", outlets=[span])
with DAG("local__score", schedule=PartitionedAssetTimetable(assets=span), catchup=False):
    NoteOperator(task_id="note")
'''


@dataclass(kw_only=True)
class Noted:
    """What a run of a plain DAG left."""

    run: dict[str, Any]
    left: Any
    log: str
    states: list[str]


@dataclass(kw_only=True)
class Lived:
    """What Airflow told while it was up, and what is left of it."""

    model: Model
    stack: LocalStack
    components: set[str] = field(default_factory=set)
    runs: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)  # by span and purpose
    results: dict[str, dict[str, Any]] = field(default_factory=dict)  # of some tasks, by span
    noted: list[Noted] = field(default_factory=list)
    arrivals: list[dict[str, Any]] = field(default_factory=list)  # what each run of letters__arrive returned
    ingested: list[dict[str, Any]] = field(default_factory=list)  # and each of letters__ingest, oldest first
    n_left_in_queue: int = -1
    all_events: list[dict[str, Any]] = field(default_factory=list)
    all_runs: list[dict[str, Any]] = field(default_factory=list)
    import_errors: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[str, httpx.Response] = field(default_factory=dict)
    alias: dict[str, Any] = field(default_factory=dict)
    pss_bytes: float = 0.0
    processes: list[psutil.Process] = field(default_factory=list)
    addresses: set[tuple[str, int]] = field(default_factory=set)
    left: list[psutil.Process] = field(default_factory=list)

    def events(self, model: str) -> list[dict[str, Any]]:
        return [event for event in self.all_events if event["name"].startswith(f"{model}/")]

    def runs_of(self, model: str) -> list[dict[str, Any]]:
        return [run for run in self.all_runs if run["dag_id"].startswith(f"{model}__")]


def live(folder: Path, free_port: Callable[[], int], server: S3Server) -> Lived:
    """Live through everything, and end the servers."""
    (folder / "models").mkdir()
    project = Project(home=str(folder / "home"), models_path=folder / "models", tracking_uri="")
    # A source that has ended: by itself, the scheduler would begin with the night before today.
    changes = {"source.last_span": NEXT, "watch.retrain.every_spans": 1, "watch.retrain.cool_down_spans": 0}
    model = make_model(project, changes=changes)
    make_model(project, "letters", changes={**QUEUE, "source.last_span": NEXT})
    with queue(server) as (sqs, url):
        stack = make_stack(folder, project, free_port, queue_url=url)
        seen = Lived(model=model, stack=stack)
        with stack, stack.client() as client:
            state = read_state(stack.state_path)
            assert state is not None
            seen.components = set(state.processes)
            wait_for_dags(client)
            for body in MESSAGES:
                sqs.send_message(QueueUrl=url, MessageBody=body)
            client.trigger("parcels__ingest", partition_key=LOADED, conf={"first_span": FIRST})
            plain = client.trigger("local__ingest", partition_key=KEY)
            follow(client, LOADED, seen)
            midnight = f"{NEXT}T00:00:00+00:00"  # a clock reading: Airflow takes it for one of the timetable's zone
            client.create_backfill("parcels__ingest", from_date=midnight, to_date=midnight)
            take_messages(client, sqs, url, seen)
            note(client, plain, seen)
            follow(client, NEXT, seen)
            seen.all_events, seen.all_runs = client.asset_events(), client.list_runs("~")
            seen.import_errors = client.import_errors() + client.plugin_import_errors()
            seen.pages, seen.alias = visit(stack), ask_mlflow(stack)
            seen.pss_bytes = stack.pss_bytes()
            seen.processes = [process for leader in state.processes.values() for process in members(leader)]
            seen.addresses = {
                (found.laddr.ip, found.laddr.port) for process in seen.processes for found in listening(process)
            }
        seen.left = [process for process in seen.processes if is_there(process)]
        seen.left += [process for leader in state.processes.values() for process in members(leader)]
    return seen


@contextmanager
def queue(server: S3Server) -> Iterator[tuple[Any, str]]:
    with pytest.MonkeyPatch.context() as patch:
        set_s3_environment(patch, server.url)
        sqs = boto3.session.Session().client("sqs")
        yield sqs, sqs.create_queue(QueueName="letters")["QueueUrl"]


def make_stack(folder: Path, project: Project, free_port: Callable[[], int], *, queue_url: str) -> LocalStack:
    shutil.copytree(ROOT / "dags", folder / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "dags" / "plain.py").write_text(PLAIN_DAGS)
    # Ports of its own: another test's stack may be starting on the usual ones.
    ports = {name: str(free_port()) for name in ("RATCHET_AIRFLOW_PORT", "RATCHET_MLFLOW_PORT")}
    return LocalStack(
        folder / "state",
        dags_path=folder / "dags",
        plugins_path=ROOT / "plugins",
        environ={**os.environ, **ports},
        extra_environment={
            "RATCHET_HOME": project.home,
            "RATCHET_MODELS": str(project.models_path),
            "PARCELS_QUEUE": queue_url,
        },
    )


def wait_for_dags(client: AirflowClient) -> None:
    dag_ids = {f"parcels__{purpose}" for purpose in PURPOSES} | {f"letters__{purpose}" for purpose in ARRIVAL_PURPOSES}
    client.wait_for_dags(dag_ids | {"local__ingest", "local__score"}, timeout_seconds=SECONDS)


def follow(client: AirflowClient, span: str, seen: Lived) -> None:
    """Wait for one run after the other; each must succeed, or no next one would come."""
    runs = seen.runs[span] = {}
    for purpose in PURPOSES:
        run = runs[purpose] = client.wait_for_key(f"parcels__{purpose}", span, timeout_seconds=SECONDS)
        assert run["state"] == "success", why(client, run)
        tasks = client.task_instances(run["dag_id"], run["dag_run_id"])
        assert {task["state"] for task in tasks} == {"success"}, why(client, run)
    seen.results[span] = {
        task_id: client.xcom(f"parcels__{purpose}", runs[purpose]["dag_run_id"], task_id)
        for purpose, task_id in [("score", "score_span"), ("watch", "decide_retrain"), ("train", "select_window")]
    }


def note(client: AirflowClient, ingest: dict[str, Any], seen: Lived) -> None:
    """Wait for the two plain runs and keep what they left."""
    for run in (
        client.wait_for_run("local__ingest", ingest["dag_run_id"], timeout_seconds=SECONDS),
        client.wait_for_key("local__score", KEY, timeout_seconds=SECONDS),
    ):
        name = (run["dag_id"], run["dag_run_id"])
        states = [task["state"] for task in client.task_instances(*name)]
        left, log = client.xcom(*name, "note"), client.logs(*name, "note")
        seen.noted.append(Noted(run=run, left=left, log=log, states=states))


def take_messages(client: AirflowClient, sqs: Any, url: str, seen: Lived) -> None:
    """Wait for the span that messages named, send one more, and wait until the queue is empty."""
    client.wait_for_key("letters__ingest", day(1), timeout_seconds=SECONDS)
    sqs.send_message(QueueUrl=url, MessageBody=day(1))
    wait_until(lambda: len(ended(client, "letters__ingest")) >= 2)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def count() -> int:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def arrivals() -> list[dict[str, Any]]:
        runs = ended(client, "letters__arrive")
        return [client.xcom("letters__arrive", run["dag_run_id"], "publish_arrivals") for run in runs]

    wait_until(lambda: count() == 0)
    # A message leaves the queue when its event is stored; its run ends later.
    wait_until(lambda: sum(told["n_messages"] for told in arrivals()) >= N_MESSAGES)
    seen.n_left_in_queue, seen.arrivals = count(), arrivals()
    for run in ended(client, "letters__ingest"):
        tasks = client.task_instances("letters__ingest", run["dag_run_id"])
        seen.ingested.append(
            {
                "key": run["partition_key"],
                "states": {task["task_id"]: task["state"] for task in tasks},
                "result": client.xcom("letters__ingest", run["dag_run_id"], "ingest_span"),
            }
        )


def ended(client: AirflowClient, dag_id: str) -> list[dict[str, Any]]:
    runs = [run for run in client.list_runs(dag_id) if run["state"] in ("success", "failed")]
    return sorted(runs, key=lambda run: str(run["run_after"]))


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < until, "waited for nothing"
        time.sleep(0.5)


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


def listening(process: psutil.Process) -> list[Any]:
    try:
        return [found for found in process.net_connections("inet") if found.status == psutil.CONN_LISTEN]
    except psutil.NoSuchProcess:
        return []


def is_there(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
