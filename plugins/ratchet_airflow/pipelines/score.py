"""``<model>__score``: predictions for a validated span."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import DAG, PartitionedAssetTimetable

from ratchet.identity import ModelId
from ratchet_airflow.assets import predictions_asset, span_asset
from ratchet_airflow.operators.scoring import ScoreSpanOperator
from ratchet_airflow.pipelines.defaults import build_dag

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


def build_score(spec: ModelSpec) -> DAG:
    """Return the DAG that scores spans."""
    model = ModelId(spec.name)
    with build_dag(spec, "score", schedule=PartitionedAssetTimetable(assets=span_asset(model))) as dag:
        ScoreSpanOperator(
            task_id="score_span",
            model=spec.name,
            outlets=[predictions_asset(model)],
            doc_md="Scores the span with the champion; passes on while there is none.",
        )
    return dag
