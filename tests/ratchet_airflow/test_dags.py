from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ratchet.project import Project
from ratchet.spec.loading import find_models, load_spec
from ratchet_airflow.pipelines.building import build_model
from tests.ratchet_airflow.make import make_model

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from ratchet.spec.cadence import Cadence

ROOT = Path(__file__).parents[2]
TASKS = {
    "ingest": {
        "wait_for_source": "WaitForSourceSensor",
        "ingest_span": "IngestSpanOperator",
        "compute_statistics": "ComputeStatisticsOperator",
        "validate_ground_truth": "ValidateGroundTruthOperator",
        "validate_span": "ValidateSpanOperator",
    },
    "score": {"score_span": "ScoreSpanOperator"},
    "watch": {
        "sense_drift": "SenseDriftSensor",
        "sense_skew": "SenseSkewSensor",
        "sense_quality": "SenseQualitySensor",
        "sense_staleness": "SenseStalenessSensor",
        "validate_serving_log": "ValidateServingLogOperator",
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
    "audit": {
        "wait_for_deadline": "WaitForDeadlineSensor",
        "verify_ledger": "VerifyLedgerOperator",
        "compare_registry": "CompareRegistryOperator",
        "reproduce_champion": "ReproduceChampionOperator",
        "age_versions": "AgeVersionsOperator",
    },
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
    assert upstream("ingest", "validate_ground_truth") == {"ingest_span"}
    assert upstream("ingest", "ingest_span") == {"wait_for_source"}
    assert upstream("watch", "decide_retrain") == {"sense_drift", "sense_skew", "sense_quality", "sense_staleness"}
    assert upstream("watch", "publish_request") == {"decide_retrain"}
    assert upstream("train", "train") == {"select_window", "tune"}
    assert upstream("train", "evaluate") == {"select_window", "train"}
    assert upstream("train", "publish_candidate") == {"decide_gate"}
    audited = ("verify_ledger", "compare_registry", "reproduce_champion", "age_versions")
    assert [upstream("audit", task_id) for task_id in audited] == [{"wait_for_deadline"}] * 4


@pytest.mark.parametrize("kind", LINKS)
def test_one_task_publishes_an_asset_and_one_dag_starts_on_it(dags: dict[str, DAG], kind: str) -> None:
    purpose, task_id, started = LINKS[kind]
    name = dags["ingest"].dag_id.replace("__ingest", "/") + kind
    publishers = [task for task in every_task(dags) if name in [outlet.name for outlet in task.outlets]]
    assert [(task.dag.dag_id, task.task_id) for task in publishers] == [(dags[purpose].dag_id, task_id)]
    assert dags[started].timetable.asset_condition.name == name  # type: ignore[attr-defined]


def test_every_dag_is_keyed_by_the_span(dags: dict[str, DAG]) -> None:
    assert {purpose: type(dag.timetable).__name__ for purpose, dag in dags.items()} == {
        **dict.fromkeys(("ingest", "audit"), "SpanTimetable"),
        **dict.fromkeys(("score", "watch", "train", "release"), "PartitionedAssetTimetable"),
    }


@pytest.mark.parametrize(
    ("span", "first", "last"),
    [
        ("hour", "2024-03-10T05Z", "2024-03-10T06Z"),
        ("day", "2024-03-10", "2024-03-11"),
        ("week", "2024-W10", "2024-W11"),
        ("month", "2024-03", "2024-04"),
    ],
)
def test_the_runs_of_a_source_begin_with_its_first_span_and_end_with_its_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, span: Cadence, first: str, last: str
) -> None:
    from airflow.timetables.base import TimeRestriction

    folder = make_model(tmp_path, span=span, first_span=first)
    path = folder / "spec.yaml"
    path.write_text(path.read_text().replace("  first_span:", f'  last_span: "{last}"\n  first_span:'))
    dag = build_model(load_spec(Project(home="/nowhere", models_path=tmp_path, tracking_uri="sqlite://"), "parcels"))[
        "parcels__ingest"
    ]
    restriction = TimeRestriction(earliest=dag.start_date, latest=dag.end_date, catchup=dag.catchup)  # type: ignore[arg-type]
    timetable: Any = dag.timetable
    monkeypatch.setattr("ratchet_airflow.timetables.utcnow", lambda: dag.start_date)
    runs = [timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)]
    while runs[-1] is not None:
        runs.append(timetable.next_dagrun_info_v2(last_dagrun_info=runs[-1], restriction=restriction))
    assert [run.partition_key for run in runs[:-1]] == [first, last]
    assert (runs[0].run_after, runs[1].run_after) == (dag.start_date, dag.end_date)


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


@pytest.mark.parametrize(
    ("span", "first", "wrong"),
    [
        ("hour", "2024-03-10T05Z", "2024-03-10"),
        ("day", "2024-03-10", "2024-W10"),
        ("week", "2024-W10", "2024-10"),
        ("month", "2024-03", "2024-03-01"),
    ],
)
def test_the_form_takes_a_span_as_long_as_the_model_s(tmp_path: Path, span: Cadence, first: str, wrong: str) -> None:
    make_model(tmp_path, span=span, first_span=first)
    project = Project(home="/nowhere", models_path=tmp_path, tracking_uri="sqlite://")
    params = build_model(load_spec(project, "parcels"))["parcels__ingest"].params
    assert params.get_param("first_span").resolve(value=first) == first
    with pytest.raises(Exception, match=f"'{wrong}' "):
        params.get_param("first_span").resolve(value=wrong)


def test_the_trigger_forms_have_valid_defaults(dags: dict[str, DAG]) -> None:
    assert dags["ingest"].params.validate() == {"first_span": None, "reason": None}
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
        "compute_statistics": ["Report"],
        "validate_ground_truth": ["Report"],
        "validate_span": ["Report"],
        "validate_serving_log": ["Report"],
        "sense_drift": ["Report"],
        "sense_skew": ["Report"],
        "tune": ["MLflow run", "Report"],
        "train": ["MLflow run"],
        "evaluate": ["MLflow run", "Report"],
        "decide_gate": ["MLflow run", "Report"],
        "promote": ["MLflow run", "Report"],
        "age_versions": ["Report"],
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
