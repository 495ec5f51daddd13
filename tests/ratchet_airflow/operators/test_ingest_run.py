"""``<model>__ingest`` from its first task to its asset event, by Airflow itself, on the real steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import pytest
from sqlalchemy import select

from ratchet.identity import ModelId
from ratchet.spans.manifests import ManifestStore
from ratchet.spec.cadence import Cadence
from ratchet.storage.objects import open_store
from ratchet_airflow.assets import span_asset
from ratchet_airflow.timetables import SpanTimetable
from tests.ratchet_airflow.make import make_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from ratchet.project import Project

pytestmark = pytest.mark.usefixtures("airflow_db")


def ingest(name: str, **kwargs: Any) -> Any:
    """Run the DAG as Airflow's ``dag.test`` does, from the project's own DAG file."""
    from airflow import settings
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=settings.DAGS_FOLDER)
    assert bag.import_errors == {}
    return bag.dags[f"{name}__ingest"].test(**kwargs)


def states(run: Any) -> dict[str, str]:
    return {ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def events_of(name: str) -> list[tuple[str | None, dict[str, Any]]]:
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session

    asset = span_asset(ModelId(name)).name
    with create_session() as session:
        found = session.execute(
            select(AssetEvent.partition_key, AssetEvent.extra)
            .join(AssetModel, AssetModel.id == AssetEvent.asset_id)
            .where(AssetModel.name == asset)
        )
        return [(key, extra) for key, extra in found]


def validated(project: Project, name: str) -> set[str]:
    return ManifestStore(open_store(project.home), ModelId(name), "examples").validated()


# The first span of a model, and the one after it.
SPANS: dict[Cadence, tuple[str, str]] = {
    "hour": ("2024-03-10T06Z", "2024-03-10T07Z"),
    "day": ("2024-03-01", "2024-03-02"),
    "week": ("2020-W53", "2021-W01"),
    "month": ("2024-02", "2024-03"),
}


def test_a_sound_span_is_taken_in_and_published_under_its_key(
    environment: Project, partition: Callable[[str], None]
) -> None:
    make_model(environment.models_path, "sound")
    partition("2024-03-02")
    run = ingest("sound")
    assert str(run.state) == "success"
    assert set(states(run).values()) == {"success"}
    assert validated(environment, "sound") == {"2024-03-02"}
    ((key, extra),) = events_of("sound")
    assert (key, extra["spans"]) == ("2024-03-02", 1)
    result = run.get_task_instance("ingest_span").xcom_pull(task_ids="ingest_span")
    assert (result["rows_in"], result["rows_kept"], result["span"]) == (120, 120, "2024-03-02")


@pytest.mark.parametrize("span", get_args(Cadence))
def test_a_first_load_takes_in_a_range_in_one_run(
    environment: Project, partition: Callable[[str], None], span: Cadence
) -> None:
    name, (first, second) = f"history-{span}", SPANS[span]
    make_model(environment.models_path, name, span=span, first_span=first, minutes=0.25)
    partition(second)
    run = ingest(name, run_conf={"first_span": first})
    assert str(run.state) == "success"
    assert validated(environment, name) == {first, second}
    assert [key for key, _ in events_of(name)] == [second]


def test_a_stopped_span_fails_its_run_with_a_report_and_no_event(
    environment: Project, partition: Callable[[str], None]
) -> None:
    make_model(environment.models_path, "stopped", min_rows=121)
    partition("2024-03-02")
    run = ingest("stopped")
    assert str(run.state) == "failed"
    assert states(run)["validate_span"] == "failed"
    task = run.get_task_instance("validate_span")
    assert task.try_number == 1, "bad data is not retried"
    assert task.xcom_pull(task_ids="validate_span")["verdict"] == "fail"
    assert "/ratchet/reports/stopped/validate_span/2024-03-02-" in task.xcom_pull(
        task_ids="validate_span", key="report_url"
    )
    assert (validated(environment, "stopped"), events_of("stopped")) == (set(), [])


@pytest.mark.parametrize("key", ["2024-3-2", "next week"])
def test_a_key_that_is_no_span_fails_in_the_first_task(
    environment: Project, partition: Callable[[str], None], key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model(environment.models_path, "keyed")
    # Airflow refuses such a key on this DAG already; on the DAGs that wait for assets it does not.
    monkeypatch.setattr(SpanTimetable, "resolve_partition_date", lambda self, key: None)
    partition(key)
    run = ingest("keyed")
    assert states(run)["wait_for_source"] == "failed"
    assert states(run)["ingest_span"] == "upstream_failed"
