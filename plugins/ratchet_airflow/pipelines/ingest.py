"""``<model>__ingest``: a span in, as soon as it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG, BaseOperator, chain

from ratchet.identity import ModelId
from ratchet.spec.cadence import FORMS, Cadence
from ratchet_airflow.assets import span_asset
from ratchet_airflow.operators.ingestion import (
    ComputeStatisticsOperator,
    IngestSpanOperator,
    SealSpanOperator,
    ValidateSpanOperator,
)
from ratchet_airflow.operators.validation import ValidateGroundTruthOperator
from ratchet_airflow.pipelines.defaults import build_dag, waiting_time
from ratchet_airflow.pipelines.form import field, offer_form
from ratchet_airflow.pipelines.schedules import ingest_schedule
from ratchet_airflow.sensors.source import WaitForSourceSensor

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

# How the form takes a span: a day by a picker, another as text that must look like one.
_WRITTEN: dict[Cadence, dict[str, str]] = {
    cadence: {"format": "date"} if cadence == "day" else {"pattern": f"^{form.pattern.pattern}$"}
    for cadence, form in FORMS.items()
}


def build_ingest(spec: ModelSpec) -> DAG:
    """Return the DAG that takes spans in."""
    with build_dag(spec, "ingest", **ingest_schedule(spec)) as dag:
        ingested = IngestSpanOperator(
            task_id="ingest_span",
            model=spec.name,
            doc_md="Writes the span's examples, and the outcomes known by now, in one commit each.",
        )
        chain(
            _first_task(spec),
            ingested,
            ComputeStatisticsOperator(
                task_id="compute_statistics", model=spec.name, doc_md="Scans the span once and stores its statistics."
            ),
            ValidateSpanOperator(
                task_id="validate_span",
                model=spec.name,
                outlets=[span_asset(ModelId(spec.name))],
                doc_md="Judges the span by `expectations.yaml`. A stopped one fails here; the report is under Details.",
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
        **_WRITTEN[spec.source.span],
        title="First span",
        help_text="For a first load: take in every span from this one to the run's own, in this run.",
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


def _first_task(spec: ModelSpec) -> BaseOperator:
    if spec.source.arrival.batches:
        return SealSpanOperator(
            task_id="seal_span",
            model=spec.name,
            doc_md="Seals the batches that were appended: what comes later makes a new revision.",
        )
    return WaitForSourceSensor(
        task_id="wait_for_source",
        model=spec.name,
        timeout=waiting_time(spec),
        execution_timeout=waiting_time(spec),
        doc_md="Waits until the source can be asked for the span, or its files are there and whole.",
    )
