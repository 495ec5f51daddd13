from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from ratchet.project import Project
from ratchet.spec.loading import find_models, load_spec
from ratchet_airflow.pipelines.building import build_model
from tests.ratchet_airflow.make import make_model

if TYPE_CHECKING:
    from airflow.sdk import DAG

ROOT = Path(__file__).parents[2]
TASKS = {
    "ingest": {
        "wait_for_source": "WaitForSourceSensor",
        "ingest_span": "IngestSpanOperator",
        "compute_statistics": "ComputeStatisticsOperator",
        "validate_span": "ValidateSpanOperator",
    },
    "score": {"score_span": "ScoreSpanOperator"},
    "watch": {
        "sense_drift": "SenseDriftSensor",
        "sense_skew": "SenseSkewSensor",
        "sense_quality": "SenseQualitySensor",
        "sense_staleness": "SenseStalenessSensor",
        "decide_retrain": "DecideRetrainOperator",
        "publish_request": "PublishRequestOperator",
    },
    "train": {
        "select_window": "SelectWindowOperator",
        "tune": "TuneOperator",
        "train": "TrainOperator",
        "evaluate": "EvaluateOperator",
        "decide_gate": "DecideGateOperator",
        "publish_candidate": "PublishCandidateOperator",
    },
    "release": {"promote": "PromoteOperator"},
}
# One asset a link: who publishes it, and which DAG it starts.
LINKS = {
    "span": ("ingest", "validate_span", "score"),
    "predictions": ("score", "score_span", "watch"),
    "retrain-request": ("watch", "publish_request", "train"),
    "candidate": ("train", "publish_candidate", "release"),
}
HEAVY = (
    "pandas",
    "numpy",
    "sklearn",
    "mlflow",
    "polars",
    "deltalake",
    "great_expectations",
    "scipy",
    "optuna",
    "boto3",
)


@pytest.fixture(scope="module", params=["parcels", "flights"])
def dags(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, DAG]:
    models_path = ROOT / "include" / "models"
    if request.param == "parcels":
        models_path = tmp_path_factory.mktemp("models")
        make_model(models_path, "parcels")
    project = Project(home="/nowhere", models_path=models_path, tracking_uri="sqlite://")
    built = build_model(load_spec(project, request.param))
    return {dag_id.removeprefix(f"{request.param}__"): dag for dag_id, dag in built.items()}


def every_task(dags: dict[str, DAG]) -> list[Any]:
    return [task for dag in dags.values() for task in dag.tasks]


def test_each_dag_has_these_tasks_of_these_classes(dags: dict[str, DAG]) -> None:
    assert {
        purpose: {task.task_id: type(task).__name__ for task in dag.tasks} for purpose, dag in dags.items()
    } == TASKS


def test_every_task_is_a_class_of_ours_and_no_inline_function(dags: dict[str, DAG]) -> None:
    outside = [task.task_id for task in every_task(dags) if not type(task).__module__.startswith("ratchet_airflow.")]
    inline = [task.task_id for task in every_task(dags) if hasattr(task, "python_callable")]
    assert (outside, inline) == ([], [])


def test_tasks_follow_each_other_in_the_order_of_the_loop(dags: dict[str, DAG]) -> None:
    def upstream(purpose: str, task_id: str) -> set[str]:
        return set(dags[purpose].get_task(task_id).upstream_task_ids)

    assert upstream("ingest", "validate_span") == {"compute_statistics"}
    assert upstream("ingest", "compute_statistics") == {"ingest_span"}
    assert upstream("ingest", "ingest_span") == {"wait_for_source"}
    assert upstream("watch", "decide_retrain") == {"sense_drift", "sense_skew", "sense_quality", "sense_staleness"}
    assert upstream("watch", "publish_request") == {"decide_retrain"}
    assert upstream("train", "train") == {"select_window", "tune"}
    assert upstream("train", "evaluate") == {"select_window", "train"}
    assert upstream("train", "publish_candidate") == {"decide_gate"}


@pytest.mark.parametrize("kind", LINKS)
def test_one_task_publishes_an_asset_and_one_dag_starts_on_it(dags: dict[str, DAG], kind: str) -> None:
    purpose, task_id, started = LINKS[kind]
    name = dags["ingest"].dag_id.replace("__ingest", "/") + kind
    publishers = [task for task in every_task(dags) if name in [outlet.name for outlet in task.outlets]]
    assert [(task.dag.dag_id, task.task_id) for task in publishers] == [(dags[purpose].dag_id, task_id)]
    assert dags[started].timetable.asset_condition.name == name  # type: ignore[attr-defined]


def test_every_dag_is_keyed_by_the_span(dags: dict[str, DAG]) -> None:
    assert {purpose: type(dag.timetable).__name__ for purpose, dag in dags.items()} == {
        "ingest": "CronPartitionTimetable",
        **dict.fromkeys(("score", "watch", "train", "release"), "PartitionedAssetTimetable"),
    }


@pytest.mark.parametrize(
    ("zone", "midnight", "key"),
    [
        pytest.param("America/New_York", "2024-03-10T00:00", "2024-03-09", id="the-night-before-clocks-change"),
        pytest.param("America/New_York", "2024-03-11T00:00", "2024-03-10", id="a-day-of-23-hours"),
        pytest.param("America/New_York", "2024-11-04T00:00", "2024-11-03", id="a-day-of-25-hours"),
        pytest.param("Asia/Kolkata", "2024-03-01T00:00", "2024-02-29", id="half-an-hour-off-and-a-leap-day"),
    ],
)
def test_midnight_starts_the_run_of_the_local_day_that_ended(
    tmp_path: Path, zone: str, midnight: str, key: str
) -> None:
    from airflow.sdk.timezone import coerce_datetime
    from airflow.serialization.encoders import coerce_to_core_timetable

    make_model(tmp_path, time_zone=zone)
    project = Project(home="/nowhere", models_path=tmp_path, tracking_uri="sqlite://")
    timetable: Any = coerce_to_core_timetable(build_model(load_spec(project, "parcels"))["parcels__ingest"].timetable)
    run_date = coerce_datetime(datetime.fromisoformat(midnight).replace(tzinfo=ZoneInfo(zone)))
    _, seen = timetable._get_partition_info(run_date)
    assert seen == key
    assert timetable._decode_partition_date(key) == datetime.fromisoformat(key).replace(tzinfo=ZoneInfo(zone))


def test_the_first_scheduled_run_is_that_of_the_first_span(tmp_path: Path) -> None:
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    make_model(tmp_path, first_span="2024-03-10")
    project = Project(home="/nowhere", models_path=tmp_path, tracking_uri="sqlite://")
    dag = build_model(load_spec(project, "parcels"))["parcels__ingest"]
    restriction = TimeRestriction(earliest=dag.start_date, latest=None, catchup=True)  # type: ignore[arg-type]
    first = coerce_to_core_timetable(dag.timetable).next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    assert first is not None
    assert (dag.catchup, first.partition_key) == (False, "2024-03-10")


def test_every_task_has_a_timeout_and_the_policy_for_retries(dags: dict[str, DAG]) -> None:
    for task in every_task(dags):
        assert isinstance(task.execution_timeout, timedelta), task.task_id
        assert type(task.retry_policy).__name__ == "ErrorRetryPolicy", task.task_id
        # A deferred task can be failed by a late report of its first half (apache/airflow 71580).
        assert task.retries >= 1, task.task_id


def test_every_task_and_dag_says_what_it_is(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        model = dag.dag_id.partition("__")[0]
        spec = load_spec(Project(home="/", models_path=ROOT / "include" / "models", tracking_uri=""), "flights")
        assert dag.tags == {model, "ratchet"}
        assert "Starts:" in str(dag.doc_md)
        assert "Publishes:" in str(dag.doc_md)
        assert model != "flights" or spec.objective.goal in str(dag.doc_md)
        assert all(task.doc_md for task in dag.tasks)
        assert {task.owner for task in dag.tasks} == {dag.default_args["owner"]}
        assert dag.max_active_runs == 1


def test_the_trigger_forms_have_valid_defaults(dags: dict[str, DAG]) -> None:
    assert dags["ingest"].params.validate() == {"first_span": None}
    assert dags["train"].params.validate() == {"reasons": ["manual"]}
    assert dags["release"].params.validate() == {"gate_result_uri": None}


@pytest.mark.parametrize("reasons", [["whim"], [], "manual"], ids=["unknown", "none", "no-list"])
def test_a_reason_that_is_none_is_refused_by_the_form(dags: dict[str, DAG], reasons: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="Invalid input for param reasons"):
        dags["train"].params.update({"reasons": reasons})


def test_serialized_dags_can_be_read_back(dags: dict[str, DAG]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in dags.values():
        again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
        assert sorted(again.task_ids) == sorted(dag.task_ids)
        assert set(again.params) == set(dag.params)


def test_building_twice_gives_the_same_dag(tmp_path: Path) -> None:
    # Anything that differs from parse to parse would make a new version of the DAG each time.
    from airflow.serialization.serialized_objects import DagSerialization

    make_model(tmp_path)
    spec = load_spec(Project(home="/nowhere", models_path=tmp_path, tracking_uri="sqlite://"), "parcels")
    once, twice = ([DagSerialization.to_dict(dag) for dag in build_model(spec).values()] for _ in range(2))
    assert once == twice


def test_tasks_carry_no_copy_of_the_form(dags: dict[str, DAG]) -> None:
    # Five checks a task of each field: it would be more than half of the cost of parsing.
    assert {task.task_id for task in every_task(dags) if task.params} == set()


def test_heavy_tasks_link_to_their_run_and_report(dags: dict[str, DAG]) -> None:
    links = {task.task_id: [link.name for link in task.operator_extra_links] for task in every_task(dags)}
    assert {task: names for task, names in links.items() if names} == {
        "validate_span": ["Report"],
        "sense_drift": ["Report"],
        "sense_skew": ["Report"],
        "train": ["MLflow run"],
        "evaluate": ["MLflow run", "Report"],
        "decide_gate": ["MLflow run", "Report"],
        "promote": ["MLflow run", "Report"],
    }


def test_dag_files_import_nothing_heavy(tmp_path: Path) -> None:
    make_model(tmp_path / "models")
    program = (
        "import runpy, sys\n"
        f"for file in ('ratchet_broken_models.py', 'ratchet_dags.py'):\n"
        f"    found = runpy.run_path({str(ROOT / 'dags')!r} + '/' + file)\n"
        "    print(sorted(name for name in found if name.startswith('parcels__')))\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    environment = {
        "PATH": "",
        "AIRFLOW_HOME": str(tmp_path),
        "RATCHET_MODELS": str(tmp_path / "models"),
        "RATCHET_HOME": str(tmp_path / "home"),
    }
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    dag_ids = [f"parcels__{purpose}" for purpose in sorted(TASKS)]
    assert done.stdout.splitlines()[-3:] == ["[]", str(dag_ids), "[]"]


def test_a_model_folder_is_all_that_a_model_needs() -> None:
    assert "flights" in find_models(Project(home="/", models_path=ROOT / "include" / "models", tracking_uri=""))
