"""``<model>__watch``: what the night shows, and whether it asks for training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG, PartitionedAssetTimetable

from ratchet.identity import ModelId
from ratchet_airflow.assets import predictions_asset, retrain_request_asset
from ratchet_airflow.operators.validation import ValidateServingLogOperator
from ratchet_airflow.operators.watching import DecideRetrainOperator, PublishRequestOperator
from ratchet_airflow.pipelines.defaults import build_dag, waiting_time
from ratchet_airflow.sensors.watch import SenseDriftSensor, SenseQualitySensor, SenseSkewSensor, SenseStalenessSensor

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


def build_watch(spec: ModelSpec) -> DAG:
    """Return the DAG that watches the champion."""
    model, until = ModelId(spec.name), waiting_time(spec)
    with build_dag(spec, "watch", schedule=PartitionedAssetTimetable(assets=predictions_asset(model))) as dag:
        drift = SenseDriftSensor(
            task_id="sense_drift",
            model=spec.name,
            timeout=until,
            execution_timeout=until,
            doc_md="Compares the newest spans with those the champion was trained on, from statistics alone.",
        )
        skew = SenseSkewSensor(
            task_id="sense_skew",
            model=spec.name,
            timeout=until,
            execution_timeout=until,
            doc_md="Compares what the scoring service was sent with training, and features row by row. Only an alarm.",
        )
        quality = SenseQualitySensor(
            task_id="sense_quality",
            model=spec.name,
            timeout=until,
            execution_timeout=until,
            doc_md="Judges the predictions whose outcomes are due by now. Never waits for more of them.",
        )
        staleness = SenseStalenessSensor(
            task_id="sense_staleness",
            model=spec.name,
            timeout=until,
            execution_timeout=until,
            doc_md="Judges the champion's age.",
        )
        decided = DecideRetrainOperator(
            task_id="decide_retrain",
            model=spec.name,
            drift=drift.output,
            skew=skew.output,
            quality=quality.output,
            staleness=staleness.output,
            doc_md="Combines what was sensed, the schedule and the cool-down into one decision, in words.",
        )
        ValidateServingLogOperator(
            task_id="validate_serving_log",
            model=spec.name,
            doc_md="Judges what the scoring service was asked that day. Nothing waits for it.",
        )
        PublishRequestOperator(
            task_id="publish_request",
            model=spec.name,
            decision=decided.output,
            outlets=[retrain_request_asset(model)],
            doc_md="Asks for training; skipped, with the reason, when nothing is asked for.",
        )
    return dag
