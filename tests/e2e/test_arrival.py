"""A queue starts the ingestion under a real scheduler and triggerer: the message's span is the run's key."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from ratchet.project import Project
from ratchet_airflow.local.stack import LocalStack
from tests.factories.models import QUEUE, day, make_model
from tests.faults.moto_server import S3Server, run_s3_server, set_s3_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from ratchet_airflow.local.rest import AirflowClient

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
PURPOSES = ("arrive", "deadline", "ingest", "score", "watch", "train", "release")
SECONDS = 600.0


@dataclass(kw_only=True)
class Seen:
    """What Airflow told while it was up."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    arrivals: list[dict[str, Any]] = field(default_factory=list)  # what each run of __arrive returned
    ingested: list[dict[str, Any]] = field(default_factory=list)  # and each of __ingest, oldest first
    n_left: int = -1  # messages in the queue


N_MESSAGES = 5


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with run_s3_server() as found:
        yield found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int], server: S3Server) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("arrival")
    (folder / "models").mkdir()
    project = Project(home=str(folder / "home"), models_path=folder / "models", tracking_uri="")
    make_model(project, changes={**QUEUE, "source.last_span": day(9)})
    with pytest.MonkeyPatch.context() as patch:
        set_s3_environment(patch, server.url)
        sqs = boto3.session.Session().client("sqs")
        url = sqs.create_queue(QueueName="parcels")["QueueUrl"]
        ports = {name: str(free_port()) for name in ("RATCHET_AIRFLOW_PORT", "RATCHET_MLFLOW_PORT")}
        stack = LocalStack(
            folder / "state",
            dags_path=ROOT / "dags",
            plugins_path=ROOT / "plugins",
            environ={**os.environ, **ports},
            extra_environment={
                "RATCHET_HOME": project.home,
                "RATCHET_MODELS": str(project.models_path),
                "PARCELS_QUEUE": url,
            },
        )
        with stack, stack.client() as client:
            client.wait_for_dags({f"parcels__{purpose}" for purpose in PURPOSES}, timeout_seconds=SECONDS)
            for body in ("garbage", day(1), "../../etc/passwd", day(1)):
                sqs.send_message(QueueUrl=url, MessageBody=body)
            client.wait_for_key("parcels__ingest", day(1), timeout_seconds=SECONDS)
            # And once more, when the span is there already.
            sqs.send_message(QueueUrl=url, MessageBody=day(1))
            wait_until(lambda: len(ended(client, "parcels__ingest")) >= 2)
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

            def count() -> int:
                found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
                return sum(int(found[name]) for name in names)

            def arrivals() -> list[dict[str, Any]]:
                runs = ended(client, "parcels__arrive")
                return [client.xcom("parcels__arrive", run["dag_run_id"], "publish_arrivals") for run in runs]

            wait_until(lambda: count() == 0)
            # A message leaves the queue when its event is stored; its run ends later.
            wait_until(lambda: sum(told["n_messages"] for told in arrivals()) >= N_MESSAGES)
            told = Seen(runs=client.list_runs("~"), n_left=count())
            told.arrivals.extend(arrivals())
            for run in ended(client, "parcels__ingest"):
                states = {
                    task["task_id"]: task["state"]
                    for task in client.task_instances("parcels__ingest", run["dag_run_id"])
                }
                result = client.xcom("parcels__ingest", run["dag_run_id"], "ingest_span")
                told.ingested.append({"key": run["partition_key"], "states": states, "result": result})
        yield told


def ended(client: AirflowClient, dag_id: str) -> list[dict[str, Any]]:
    runs = [run for run in client.list_runs(dag_id) if run["state"] in ("success", "failed")]
    return sorted(runs, key=lambda run: str(run["run_after"]))


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < until, "waited for nothing"
        time.sleep(0.5)


def test_the_span_that_a_message_names_is_taken_in_under_its_key(seen: Seen) -> None:
    first = seen.ingested[0]
    assert first["key"] == day(1)
    assert set(first["states"].values()) == {"success"}
    assert first["result"]["rows_in"] == 150


def test_a_run_that_is_started_again_exits_already_done_with_the_same_digest(seen: Seen) -> None:
    first, *others = seen.ingested
    assert others
    for other in others:
        assert other["key"] == day(1)
        assert other["states"]["ingest_span"] == "skipped"
        assert other["states"]["validate_span"] == "skipped"
        assert other["result"]["deliveries"] == first["result"]["deliveries"]
    assert [run["partition_key"] for run in seen.runs if run["dag_id"] == "parcels__score"] == [day(1)]


def test_poison_is_counted_and_leaves_the_queue(seen: Seen) -> None:
    assert sum(told["n_refused"] for told in seen.arrivals) == 2
    assert sum(told["n_messages"] for told in seen.arrivals) == N_MESSAGES
    assert seen.n_left == 0
