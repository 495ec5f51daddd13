"""The DAGs of a model whose spans, or their batches, are announced: ``__arrive``, ``__append``, ``__deadline``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG, PartitionedAssetTimetable

from ratchet.identity import ModelId
from ratchet.spec.arrival import QueueArrival
from ratchet_airflow.assets import arrival_asset, batch_asset, queue_asset
from ratchet_airflow.operators.arrival import AppendBatchesOperator, PublishArrivalsOperator, PublishLateOperator
from ratchet_airflow.pipelines.defaults import build_dag, last_run, waiting_time
from ratchet_airflow.pipelines.form import field, offer_form
from ratchet_airflow.pipelines.schedules import span_schedule
from ratchet_airflow.sensors.arrival import WaitForArrivalSensor, WaitForDeadlineSensor

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


def build_arrival(spec: ModelSpec) -> list[DAG]:
    """Return the DAGs that a model's arrival needs beside ``__ingest``; none when a clock starts it."""
    arrival = spec.source.arrival
    if arrival.kind == "clock":
        return []
    dags = [build_deadline(spec)]
    if arrival.batches:
        dags.append(build_append(spec))
    if isinstance(arrival, QueueArrival):
        dags.append(build_arrive(spec, arrival))
    return dags


def build_arrive(spec: ModelSpec, arrival: QueueArrival) -> DAG:
    """Return the DAG that hands on what the messages of the queue name.

    Its runs have no partition key, as no message has: it makes the keys.
    """
    model = ModelId(spec.name)
    with build_dag(spec, "arrive", schedule=[queue_asset(model, arrival.queue_url_env)]) as dag:
        PublishArrivalsOperator(
            task_id="publish_arrivals",
            model=spec.name,
            outlets=[batch_asset(model) if arrival.batches else arrival_asset(model)],
            doc_md="Reads the messages that came. What is no message of this model is refused and counted.",
        )
    return dag


def build_append(spec: ModelSpec) -> DAG:
    """Return the DAG that appends batches to an open span."""
    model = ModelId(spec.name)
    with build_dag(spec, "append", schedule=PartitionedAssetTimetable(assets=batch_asset(model))) as dag:
        appended = AppendBatchesOperator(
            task_id="append_batches",
            model=spec.name,
            doc_md="Appends the batches that the events name. One that is there already is appended once.",
        )
        PublishLateOperator(
            task_id="publish_late",
            model=spec.name,
            appended=appended.output,
            outlets=[arrival_asset(model)],
            doc_md="Lets a sealed span be sealed again when a batch came too late for it; skipped otherwise.",
        )
    batches = field(
        [],
        type="array",
        items={"type": "string"},
        title="Batches",
        help_text="For a run by hand: the names of the batches, one a line.",
    )
    offer_form(dag, batches=batches)
    return dag


def build_deadline(spec: ModelSpec) -> DAG:
    """Return the DAG that fails when a span has not arrived by its deadline; of an open span, seals it then."""
    with build_dag(spec, "deadline", schedule=span_schedule(spec), end_date=last_run(spec)) as dag:
        if spec.source.arrival.batches:
            WaitForDeadlineSensor(
                task_id="wait_for_deadline",
                model=spec.name,
                outlets=[arrival_asset(ModelId(spec.name))],
                timeout=waiting_time(spec),
                execution_timeout=waiting_time(spec),
                doc_md="Waits until the deadline, then lets the span be sealed.",
            )
        else:
            WaitForArrivalSensor(
                task_id="wait_for_arrival",
                model=spec.name,
                timeout=waiting_time(spec),
                execution_timeout=waiting_time(spec),
                doc_md="Waits until the span is taken in; fails at the deadline.",
            )
    return dag
