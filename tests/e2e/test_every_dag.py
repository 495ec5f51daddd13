"""Every DAG of flights by ``dag.test()``, on real days of 2013 and with a real MLflow server.

``dag.test()`` starts no consumers and brings no events along: each run is asked for with the key, and with what the
DAG's form offers in place of the event.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.package import MODEL_FILE
from ratchet.project import Project
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_table
from ratchet.storage.objects import open_store
from ratchet_airflow.demo.faults import FAULTS, copy_model
from ratchet_airflow.links import MLFLOW_RUN_KEY, REPORT_KEY
from ratchet_airflow.ui.reports import read_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG
    from mlflow import MlflowClient

ROOT = Path(__file__).parents[2]
MODELS = ROOT / "include" / "models"
FLIGHTS = ModelId("flights")
# 14 spans to train on, 2 to tune and 3 to test on, and one more until the labels of the last are known.
FIRST, LOADED, NEXT = "2013-01-01", "2013-01-20", "2013-01-21"

# Their subject is what the scoring service logged.
OF_SERVED = {"validate_serving_log", "sense_skew"}


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What Airflow keeps of a run."""

    run: DagRun

    @property
    def state(self) -> str:
        return str(self.run.state)

    @property
    def tasks(self) -> dict[str, str]:
        return {task.task_id: str(task.state) for task in self.run.get_task_instances()}

    def xcom(self, task_id: str, key: str = "return_value") -> Any:
        task = self.run.get_task_instance(task_id)
        assert task is not None
        return task.xcom_pull(task_ids=task_id, key=key)

    def events(self) -> list[tuple[str, str | None]]:
        """The assets of which the run has sent an event, and the key that each carries."""
        from airflow.models.asset import AssetEvent
        from airflow.utils.session import create_session
        from sqlalchemy import select

        sent = select(AssetEvent).where(AssetEvent.source_run_id == self.run.run_id)
        with create_session() as session:
            return [(event.asset.name, event.partition_key) for event in session.scalars(sent)]


@dataclass(frozen=True, kw_only=True)
class Nights:
    """Runs the DAGs of the project's ``dags`` folder; Airflow keeps the newest run of each."""

    set_key: Callable[[str], None]

    def dag(self, purpose: str) -> DAG:
        """The DAG as a worker finds it: what an earlier run in this process was given does not linger in it."""
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(dag_folder=ROOT / "dags", bundle_path=ROOT / "dags", bundle_name="dags-folder")
        assert bag.import_errors == {}
        dag = bag.dags[f"flights__{purpose}"]
        for task in dag.tasks:
            task.retries = 0  # dag.test() sits through every delay
        return dag

    def run(self, purpose: str, span: str, **conf: Any) -> Ran:
        self.set_key(span)
        return Ran(run=self.dag(purpose).test(logical_date=None, run_conf=conf))

    def succeed(self, purpose: str, span: str, **conf: Any) -> Ran:
        ran = self.run(purpose, span, **conf)
        assert (ran.state, set(ran.tasks.values())) == ("success", {"success"}), ran.tasks
        return ran


@pytest.fixture
def flights(environment: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty home, and the model folders as they ship."""
    monkeypatch.setenv("RATCHET_MODELS", str(MODELS))
    return Project.from_environment()


@pytest.fixture
def nights(airflow_db: None, flights: Project, partition: Callable[[str], None]) -> Nights:
    return Nights(set_key=partition)


@pytest.fixture
def on_server(flights: Project, mlflow_url: str, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """Let the project have the server; return a client of it."""
    from ratchet.training.registry import open_client

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_url)
    return open_client(mlflow_url)


@pytest.mark.timeout(1800)
def test_the_dags_take_january_from_the_first_load_to_predictions_of_a_champion(
    nights: Nights, flights: Project, on_server: MlflowClient
) -> None:
    ingested = nights.succeed("ingest", LOADED, first_span=FIRST)
    assert len(ingested.xcom("validate_span")["validated"]) == 20
    scored = nights.succeed("score", LOADED)
    assert scored.xcom("score_span")["version"] is None
    watched = nights.succeed("watch", LOADED)
    reasons = watched.xcom("publish_request")["reasons"]
    assert reasons == ["cold_start"]
    trained = nights.succeed("train", LOADED, reasons=reasons)
    gate = trained.xcom("decide_gate")
    assert (gate["verdict"], gate["candidate_version"]) == ("pass", "1")
    released = nights.succeed("release", LOADED, gate_result_uri=trained.xcom("publish_candidate")["gate_result_uri"])

    night = {"ingest": ingested, "score": scored, "watch": watched, "train": trained, "release": released}
    assert [event for ran in night.values() for event in ran.events()] == [
        (f"flights/{kind}", LOADED) for kind in ("span", "predictions", "retrain-request", "candidate")
    ]
    check_ledger(flights, gate)
    check_registry(on_server, flights, gate)

    # On the first night there was no champion from which anything could drift, and so no report of it; and `dag.test()`
    # takes the place of a DAG's earlier run without a logical date.
    night |= {purpose: nights.succeed(purpose, NEXT) for purpose in ("ingest", "score", "watch")}
    assert night["score"].xcom("score_span")["version"] == "1"
    check_links(nights, flights, night, mlflow_url=on_server.tracking_uri)
    check_audit(nights.run("audit", NEXT), gate)
    predictions = read_table(flights, FLIGHTS, "predictions", [NEXT])
    assert predictions.select("model_version", "model_digest").unique().rows() == [("1", gate["candidate_digest"])]
    assert predictions.height == read_table(flights, FLIGHTS, "examples", [NEXT]).height > 500


def check_audit(audited: Ran, gate: dict[str, Any]) -> None:
    assert audited.tasks == {
        **dict.fromkeys(("wait_for_deadline", "verify_ledger", "compare_registry", "reproduce_champion"), "success"),
        "age_versions": "skipped",
    }
    assert audited.xcom("verify_ledger")["number"] == 2
    made = audited.xcom("reproduce_champion")
    assert (made["digest"], made["equality"], made["differing"]) == (gate["candidate_digest"], "bits", [])


def check_ledger(project: Project, gate: dict[str, Any]) -> None:
    ledger = Ledger(open_store(project.home), FLIGHTS)
    assert [(entry.kind, entry.author.name) for entry in ledger.entries()] == [
        ("gate", "dag_test"),
        ("bootstrap", "dag_test"),
    ]
    champion = ledger.read_state().champion
    assert champion is not None
    assert (champion.version, champion.digest) == ("1", gate["candidate_digest"])
    assert (champion.trained_from, champion.tested_through) == (FIRST, "2013-01-19")
    assert ledger.verify() == []


def check_registry(client: MlflowClient, project: Project, gate: dict[str, Any]) -> None:
    version = client.get_model_version_by_alias("flights", "champion")
    assert (version.version, version.run_id) == ("1", gate["candidate_run_id"])
    assert version.tags["ratchet.digest"] == gate["candidate_digest"]
    run = client.get_run(gate["candidate_run_id"])
    assert run.data.tags["ratchet.span"] == LOADED
    assert "inputs.json" in {file.path for file in client.list_artifacts(run.info.run_id)}
    assert run.outputs is not None
    (logged,) = run.outputs.model_outputs
    of_model = {Path(file.path).name: file.file_size for file in client.list_logged_model_artifacts(logged.model_id)}
    packaged = open_store(project.home).read(f"models/flights/{gate['candidate_digest']}/{MODEL_FILE}")
    assert of_model[MODEL_FILE] == len(packaged)


def check_links(nights: Nights, project: Project, night: dict[str, Ran], *, mlflow_url: str) -> None:
    """Every button that a task has leads somewhere."""
    for purpose, ran in night.items():
        for task in nights.dag(purpose).tasks:
            for link in task.operator_extra_links:
                address = ran.xcom(task.task_id, link.xcom_key)
                if task.task_id in OF_SERVED:
                    assert address == "", task.task_id  # nobody asked the service: there is nothing to report
                elif link.xcom_key == MLFLOW_RUN_KEY:
                    assert address.startswith(f"{mlflow_url}/#/experiments/"), task.task_id
                else:
                    prefix, _, name = address.partition("/flights/")
                    assert prefix == "/ratchet/reports", task.task_id
                    assert b"<!doctype html>" in (read_report(project, FLIGHTS, name) or b""), task.task_id


def test_a_night_that_validation_stops_fails_there_and_leaves_nothing_downstream(
    nights: Nights, flights: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (span,) = [fault.first for fault in FAULTS if fault.kind == "lower_case"]
    copy_model(MODELS / "flights", tmp_path / "faulty")
    monkeypatch.setenv("RATCHET_MODELS", str(tmp_path / "faulty"))

    ran = nights.run("ingest", span)
    assert (ran.state, ran.tasks) == (
        "failed",
        {
            "wait_for_source": "success",
            "ingest_span": "success",
            "compute_statistics": "success",
            "validate_ground_truth": "success",
            "validate_span": "failed",
        },
    )
    result = ran.xcom("validate_span")
    assert (result["verdict"], result["stopped"]) == ("fail", [span])
    assert "carrier" in result["summary"]
    assert ran.xcom("validate_span", REPORT_KEY).endswith("/report.html")
    assert ran.events() == []

    examples = ManifestStore(open_store(flights.home), FLIGHTS, "examples")
    assert (list(examples.revisions()), examples.validated()) == ([span], set())
    # Nor by hand.
    assert nights.run("score", span).tasks == {"score_span": "failed"}
    assert open_store(flights.home).list("manifests/flights/predictions/") == []
