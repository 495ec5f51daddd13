"""The DAGs of models whose spans are announced, and that an announcement starts them under its key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from ratchet.identity import ModelId
from ratchet_airflow.assets import arrival_asset, batch_asset
from ratchet_airflow.pipelines.building import build_model
from tests.factories.models import day, make_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi.testclient import TestClient

    from ratchet.project import Project

QUEUE = {"kind": "queue", "queue_url_env": "PARCELS_QUEUE"}
PARTS = {"batches": "source.read_batch"}
ARRIVALS: dict[str, tuple[dict[str, Any], set[str], str]] = {
    "clock": ({"kind": "clock"}, set(), "wait_for_source"),
    "event": ({"kind": "event"}, {"deadline"}, "wait_for_source"),
    "queue": (QUEUE, {"deadline", "arrive"}, "wait_for_source"),
    "event-batches": ({"kind": "event", **PARTS}, {"deadline", "append"}, "seal_span"),
    "queue-batches": ({**QUEUE, **PARTS}, {"deadline", "append", "arrive"}, "seal_span"),
}


def build(project: Project, arrival: Mapping[str, Any], name: str = "parcels") -> dict[str, Any]:
    model = make_model(project, name, changes={"source.arrival": arrival})
    return {dag_id.partition("__")[2]: dag for dag_id, dag in build_model(model.spec).items()}


@pytest.mark.parametrize("kind", ARRIVALS)
class TestDags:
    def test_are_those_that_the_arrival_needs(self, project: Project, kind: str) -> None:
        arrival, more, first = ARRIVALS[kind]
        dags = build(project, arrival)
        assert set(dags) == {"ingest", "score", "watch", "train", "release", "audit"} | more
        named = {first, "ingest_span", "compute_statistics", "validate_span", "validate_ground_truth"}
        assert set(dags["ingest"].task_ids) == named
        (root,) = dags["ingest"].roots
        assert root.task_id == first

    def test_a_clock_starts_the_ingestion_or_an_event_and_never_both(self, project: Project, kind: str) -> None:
        dags = build(project, ARRIVALS[kind][0])
        by_clock = "SpanTimetable"
        named = type(dags["ingest"].timetable).__name__
        assert named == (by_clock if kind == "clock" else "PartitionedAssetTimetable")
        if kind != "clock":
            assert type(dags["deadline"].timetable).__name__ == by_clock

    def test_can_be_stored_and_read_back_and_are_the_same_at_each_parse(self, project: Project, kind: str) -> None:
        from airflow.serialization.serialized_objects import DagSerialization

        once = {name: DagSerialization.to_dict(dag) for name, dag in build(project, ARRIVALS[kind][0]).items()}
        assert once == {
            dag_id.partition("__")[2]: DagSerialization.to_dict(dag)
            for dag_id, dag in build_model(_spec(project)).items()
        }
        for values in once.values():
            DagSerialization.from_dict(values)

    def test_every_task_says_what_it_is_and_may_be_tried_again(self, project: Project, kind: str) -> None:
        for dag in build(project, ARRIVALS[kind][0]).values():
            assert "Starts:" in dag.doc_md
            for task in dag.tasks:
                assert task.doc_md
                assert task.retries >= 1
                assert task.execution_timeout is not None


def _spec(project: Project) -> Any:
    from ratchet.spec.loading import load_spec

    return load_spec(project, "parcels")


@pytest.fixture
def known(environment: Project, airflow_db: None) -> Callable[..., Any]:
    """Make Airflow know a model's DAGs, as its DAG processor does, not paused; returns one DAG of it."""

    def store(name: str, arrival: Mapping[str, Any]) -> Callable[[str], Any]:
        from airflow import settings
        from airflow.dag_processing.bundles.manager import DagBundlesManager
        from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
        from airflow.models.dag import DagModel
        from airflow.utils.session import create_session
        from sqlalchemy import update

        make_model(environment, name, changes={"source.arrival": arrival})
        bag = DagBag(dag_folder=settings.DAGS_FOLDER)
        assert bag.import_errors == {}
        (bundle,) = [one.name for one in DagBundlesManager().get_all_dag_bundles()][:1]
        sync_bag_to_db(bag, bundle, None)
        with create_session() as session:
            session.execute(update(DagModel).values(is_paused=False))
        # A queue is listened to from the first parse on that finds its DAG not paused.
        sync_bag_to_db(bag, bundle, None)
        return lambda purpose: bag.dags[f"{name}__{purpose}"]

    return store


def queued(dag_id: str) -> list[str]:
    """The keys under which the scheduler will start runs of a DAG."""
    from airflow.models.asset import AssetPartitionDagRun
    from airflow.utils.session import create_session

    with create_session() as session:
        found = session.scalars(
            select(AssetPartitionDagRun.partition_key).where(
                AssetPartitionDagRun.target_dag_id == dag_id, AssetPartitionDagRun.created_dag_run_id.is_(None)
            )
        )
        return sorted(found)


def fire(name: str, *bodies: str) -> None:
    """Let the triggerer send what the watcher's trigger saw."""
    from airflow.models.asset import AssetModel
    from airflow.models.trigger import Trigger
    from airflow.triggers.base import TriggerEvent
    from airflow.utils.session import create_session

    with create_session() as session:
        model = session.scalars(select(AssetModel).where(AssetModel.name == f"{name}/queue")).one()
        (trigger_id,) = [watcher.trigger_id for watcher in model.watchers]
    for number, body in enumerate(bodies):
        Trigger.submit_event(trigger_id, TriggerEvent({"id": f"{name}-{number}", "body": body}))  # type: ignore[no-untyped-call]


def waiting(dag_id: str) -> bool:
    """Whether an event without key waits for the scheduler to start a run of a DAG."""
    from airflow.models.asset import AssetDagRunQueue
    from airflow.utils.session import create_session

    with create_session() as session:
        return session.scalar(select(AssetDagRunQueue).where(AssetDagRunQueue.target_dag_id == dag_id)) is not None


class TestStarting:
    def test_an_event_of_the_rest_api_starts_the_ingestion_under_its_key(
        self, known: Callable[..., Any], client: Callable[..., TestClient]
    ) -> None:
        known("told", {"kind": "event"})
        alice = client("alice", role="admin")
        name = arrival_asset(ModelId("told")).name
        assets = alice.get("/api/v2/assets", params={"name_pattern": name}).json()["assets"]
        (asset_id,) = [asset["id"] for asset in assets if asset["name"] == name]
        body = {"asset_id": asset_id, "partition_key": day(1), "extra": {}}
        for _ in range(2):  # said twice, before a run was started: one run
            assert alice.post("/api/v2/assets/events", json=body).status_code == 200
        assert queued("told__ingest") == [day(1)]

    def test_a_message_starts_the_run_that_starts_the_ingestion_under_its_key(self, known: Callable[..., Any]) -> None:
        dag = known("asked", QUEUE)("arrive")
        fire("asked", "garbage", day(1), json.dumps({"span": day(2)}), day(1))
        assert waiting("asked__arrive")
        assert queued("asked__ingest") == []
        assert run_with_events(dag, "asked") == "success"
        assert queued("asked__ingest") == [day(1), day(2)]

    def test_poison_alone_starts_no_ingestion(self, known: Callable[..., Any]) -> None:
        dag = known("poisoned", QUEUE)("arrive")
        fire("poisoned", "garbage", "../..", "2999-01-01")
        assert run_with_events(dag, "poisoned") == "success"
        assert queued("poisoned__ingest") == []

    def test_messages_of_batches_start_the_append_and_not_the_ingestion(self, known: Callable[..., Any]) -> None:
        dag = known("parted", {**QUEUE, **PARTS})("arrive")
        fire("parted", json.dumps({"span": day(1), "batch": "1-of-3"}), json.dumps({"span": day(1), "batch": "2-of-3"}))
        assert run_with_events(dag, "parted") == "success"
        assert queued("parted__append") == [day(1)]
        assert queued("parted__ingest") == []

    def test_batches_are_appended_then_sealed_at_the_deadline_and_published(
        self, known: Callable[..., Any], partition: Callable[[str], None], environment: Project
    ) -> None:
        from ratchet.spans.manifests import ManifestStore
        from ratchet.storage.objects import open_store

        dag = known("sealed", {"kind": "event", **PARTS})
        partition(day(1))
        run = dag("append").test(run_conf={"batches": ["1-of-2", "2-of-2"]})
        assert states(run) == {"append_batches": "success", "publish_late": "skipped"}
        examples = ManifestStore(open_store(environment.home), ModelId("sealed"), "examples")
        assert examples.newest(day(1)) is None
        # The deadline of a day of 2024 is over.
        run = dag("deadline").test()
        assert states(run) == {"wait_for_deadline": "success"}
        assert queued("sealed__ingest") == [day(1)]
        run = dag("ingest").test()
        assert set(states(run).values()) == {"success"}
        newest = examples.newest(day(1))
        assert newest is not None
        assert (newest.rows_in, examples.validated()) == (150, {day(1)})

    def test_a_span_that_never_comes_fails_at_its_deadline(
        self, known: Callable[..., Any], partition: Callable[[str], None]
    ) -> None:
        dag = known("absent", {"kind": "event"})
        partition(day(1))
        assert states(dag("deadline").test()) == {"wait_for_arrival": "failed"}


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def run_with_events(dag: Any, name: str) -> str:
    """Run a DAG with the events of its queue that wait, as the scheduler would."""
    import airflow.models.dagrun as dagrun
    from airflow.models.asset import AssetEvent, AssetModel

    create = dagrun.get_or_create_dagrun

    def with_events(*, session: Any, dag: Any, **kwargs: Any) -> Any:
        run = create(session=session, dag=dag, **kwargs)
        asked = select(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id)
        run.consumed_asset_events.extend(session.scalars(asked.where(AssetModel.name == f"{name}/queue")))
        session.commit()
        return run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dagrun, "get_or_create_dagrun", with_events)
        return str(dag.test().state)


def test_assets_of_arrival_and_batches_are_apart() -> None:
    model = ModelId("parcels")
    assert {arrival_asset(model).name, batch_asset(model).name} == {"parcels/arrival", "parcels/batch"}
