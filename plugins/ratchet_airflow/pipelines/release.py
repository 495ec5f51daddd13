"""``<model>__release``: from candidate to champion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG, PartitionedAssetTimetable

from ratchet.identity import ModelId
from ratchet_airflow.assets import candidate_asset
from ratchet_airflow.operators.releasing import PromoteOperator
from ratchet_airflow.pipelines.defaults import build_dag
from ratchet_airflow.pipelines.form import field, offer_form

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


def build_release(spec: ModelSpec) -> DAG:
    """Return the DAG that promotes candidates."""
    published = PartitionedAssetTimetable(assets=candidate_asset(ModelId(spec.name)))
    with build_dag(spec, "release", schedule=published) as dag:
        PromoteOperator(
            task_id="promote",
            model=spec.name,
            doc_md="Appends the promotion to the ledger and lets MLflow's aliases follow.",
        )
    gate_result_uri = field(
        None,
        type=["null", "string"],
        title="Gate",
        help_text="On a manual run: `uri` in the result of `decide_gate`.",
    )
    offer_form(dag, gate_result_uri=gate_result_uri)
    return dag
