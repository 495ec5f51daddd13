"""``<model>__ingest``: a day in, every midnight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG, CronPartitionTimetable, chain

from ratchet.identity import ModelId
from ratchet_airflow.assets import span_asset
from ratchet_airflow.operators.ingestion import ComputeStatisticsOperator, IngestSpanOperator, ValidateSpanOperator
from ratchet_airflow.pipelines.defaults import build_dag, last_run, waiting_time
from ratchet_airflow.pipelines.form import field, offer_form
from ratchet_airflow.sensors.source import WaitForSourceSensor

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


def build_ingest(spec: ModelSpec) -> DAG:
    """Return the DAG that takes spans in."""
    # At midnight exactly: at another hour a scheduled run and a backfill of the same day would have different dates.
    nightly = CronPartitionTimetable("0 0 * * *", timezone=spec.source.time_zone, run_offset=-1, key_format="%Y-%m-%d")
    with build_dag(spec, "ingest", schedule=nightly, end_date=last_run(spec)) as dag:
        chain(
            WaitForSourceSensor(
                task_id="wait_for_source",
                model=spec.name,
                timeout=waiting_time(spec),
                execution_timeout=waiting_time(spec),
                doc_md="Waits until the source can be asked for the day.",
            ),
            IngestSpanOperator(
                task_id="ingest_span",
                model=spec.name,
                doc_md="Writes the day's examples, and the outcomes known by now, in one commit each.",
            ),
            ComputeStatisticsOperator(
                task_id="compute_statistics", model=spec.name, doc_md="Scans the day once and stores its statistics."
            ),
            ValidateSpanOperator(
                task_id="validate_span",
                model=spec.name,
                outlets=[span_asset(ModelId(spec.name))],
                doc_md="Judges the day by `expectations.yaml`. A stopped day fails here; the report is under Details.",
            ),
        )
    first_span = field(
        None,
        type=["null", "string"],
        format="date",
        title="First span",
        help_text="For a first load: take in every day from this one to the run's own, in this run.",
    )
    reason = field(
        None,
        type=["null", "string"],
        maxLength=200,
        title="Reason",
        help_text="Why a day is taken in again; recorded with its new revision.",
    )
    offer_form(dag, first_span=first_span, reason=reason)
    return dag
