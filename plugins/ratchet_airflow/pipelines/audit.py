"""``<model>__audit``: what is on record, proven again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet_airflow.operators.auditing import (
    AgeVersionsOperator,
    CompareRegistryOperator,
    ReproduceChampionOperator,
    VerifyLedgerOperator,
)
from ratchet_airflow.pipelines.defaults import HEAVY, build_dag, last_run, waiting_time
from ratchet_airflow.pipelines.schedules import span_schedule
from ratchet_airflow.sensors.arrival import WaitForDeadlineSensor

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from ratchet.spec.model import ModelSpec


def build_audit(spec: ModelSpec) -> DAG:
    """Return the DAG that audits a model.

    Started by the clock, never by an asset: what is on record can be wrong on a night without data, too. It looks when
    the deadline of the span is over, so the night's own work is done, or late. Its tasks do not wait for each other:
    one that fails hides no other.
    """
    with build_dag(spec, "audit", schedule=span_schedule(spec), end_date=last_run(spec)) as dag:
        due = WaitForDeadlineSensor(
            task_id="wait_for_deadline",
            model=spec.name,
            timeout=waiting_time(spec),
            execution_timeout=waiting_time(spec),
            doc_md="Waits until the deadline of the span: by then the night is over.",
        )
        due >> [
            VerifyLedgerOperator(
                task_id="verify_ledger",
                model=spec.name,
                doc_md="Verifies the chain of decisions, also against what an earlier night saw of it.",
            ),
            CompareRegistryOperator(
                task_id="compare_registry",
                model=spec.name,
                doc_md="Holds MLflow's aliases against the ledger, and points them right.",
            ),
            ReproduceChampionOperator(
                task_id="reproduce_champion",
                model=spec.name,
                execution_timeout=HEAVY,
                doc_md="Makes the champion again from its recipe: a whole fit. Fails by the first input that differs.",
            ),
            AgeVersionsOperator(
                task_id="age_versions",
                model=spec.name,
                execution_timeout=HEAVY,
                doc_md="Scores new spans with versions of each age, and recommends how often to train. No fit.",
            ),
        ]
    return dag
