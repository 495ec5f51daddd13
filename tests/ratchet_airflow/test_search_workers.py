from __future__ import annotations

from airflow.sdk import TriggerRule
from airflow.sdk.definitions.mappedoperator import MappedOperator

from ratchet_airflow.pipelines.train import build_train
from tests.factories.models import parcels_spec

SEARCH = {"trials": 4, "space": {"C": {"low": 0.5, "high": 2.0}}}


def test_one_worker_is_the_task_that_tunes() -> None:
    dag = build_train(parcels_spec({"train.search": SEARCH}))
    assert "try_settings" not in dag.task_ids
    assert dag.get_task("tune").trigger_rule == TriggerRule.ALL_SUCCESS


def test_several_workers_are_one_mapped_task_before_the_one_that_concludes() -> None:
    dag = build_train(parcels_spec({"train.search": SEARCH | {"workers": 6}}))
    workers = dag.get_task("try_settings")
    assert isinstance(workers, MappedOperator)
    assert workers.expand_input.value == {"worker": list(range(6))}
    assert workers.upstream_task_ids == {"select_window"}
    assert dag.get_task("tune").upstream_task_ids == {"select_window", "try_settings"}
    # A worker that was lost for good costs its trial, not the search.
    assert dag.get_task("tune").trigger_rule == TriggerRule.ALL_DONE_MIN_ONE_SUCCESS
    assert dag.max_active_tasks >= 6
