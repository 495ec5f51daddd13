"""``<model>__ingest``: a day in, every midnight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG, CronPartitionTimetable, chain

from ratchet.identity import ModelId
from ratchet_airflow.assets import span_asset
from ratchet_airflow.operators.ingestion import ComputeStatisticsOperator, IngestSpanOperator, ValidateSpanOperator
from ratchet_airflow.operators.validation import ValidateGroundTruthOperator
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
        ingested = IngestSpanOperator(
            task_id="ingest_span",
            model=spec.name,
            doc_md="Writes the day's examples, and the outcomes known by now, in one commit each.",
        )
        chain(
            WaitForSourceSensor(
                task_id="wait_for_source",
                model=spec.name,
                timeout=waiting_time(spec),
                execution_timeout=waiting_time(spec),
                doc_md="Waits until the source can be asked for the day.",
            ),
            ingested,
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
        # Beside the span and not before it: outcomes that are stopped must not stop the day.
        ingested >> ValidateGroundTruthOperator(
            task_id="validate_ground_truth",
            model=spec.name,
            doc_md="Judges the outcomes that came in, as training would read them. Fails on those that are stopped.",
        )
    first_span = field(
        None,
        type=["null", "string"],
        format="date",
        title="First span",
        help_text="For a first load: take in every day from this one to the run's own, in this run.",
    )
    offer_form(dag, first_span=first_span)
    return dag
