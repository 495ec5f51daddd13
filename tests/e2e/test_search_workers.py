"""A search shared out to mapped tasks, by ``dag.test()``; one of them is lost for good."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ratchet.errors import DataError
from ratchet.steps import tune as module
from ratchet_airflow.links import REPORT_KEY
from ratchet_airflow.ui.reports import read_report
from tests.factories.lives import LOADED, Life, life
from tests.factories.models import day

__all__ = ["life"]

ROOT = Path(__file__).parents[2]
SEARCH = {"trials": 5, "workers": 2, "space": {"C": {"low": 0.01, "high": 10.0, "log": True}}}


@pytest.mark.timeout(600)
@pytest.mark.parametrize("is_lost", [False, True], ids=["both-at-work", "one-lost"])
def test_workers_search_on_one_study_and_the_next_task_concludes(
    airflow_db: None,
    life: Life,
    partition: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    is_lost: bool,
) -> None:
    from airflow.dag_processing.dagbag import DagBag

    model = life("loaded")
    model.edit({"train.search": SEARCH})
    monkeypatch.setenv("RATCHET_HOME", model.project.home)
    monkeypatch.setenv("RATCHET_MODELS", str(model.project.models_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", model.project.tracking_uri)
    original = module.try_settings

    def lost(project: Any, spec: Any, window: Any, worker: int, **told: Any) -> Any:
        if worker == 0 and is_lost:
            raise DataError("lost")
        return original(project, spec, window, worker, **told)

    monkeypatch.setattr(module, "try_settings", lost)
    partition(day(LOADED))
    dag = DagBag(dag_folder=ROOT / "dags", bundle_path=ROOT / "dags", bundle_name="dags-folder").dags["parcels__train"]
    for task in dag.tasks:
        task.retries = 0
    run = dag.test(logical_date=None, run_conf={"reasons": ["cold_start"]})
    tasks = run.get_task_instances()
    states = Counter((task.task_id, str(task.state)) for task in tasks if task.task_id in ("try_settings", "tune"))
    workers = (
        {("try_settings", "success"): 1, ("try_settings", "failed"): 1} if is_lost else {("try_settings", "success"): 2}
    )
    assert states == {**workers, ("tune", "success"): 1}
    tuned = next(task for task in tasks if task.task_id == "tune")
    result = tuned.xcom_pull(task_ids="tune")
    assert len(result["trials"]) == 6
    assert {trial["state"] for trial in result["trials"]} == {"complete"}
    address = tuned.xcom_pull(task_ids="tune", key=REPORT_KEY)
    name = address.removeprefix("/ratchet/reports/parcels/")
    assert b"It stopped because" in (read_report(model.project, model.id, name) or b"")
