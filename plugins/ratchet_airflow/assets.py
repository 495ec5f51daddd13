"""The assets of a model, each defined here and nowhere else.

Two assets of one name with different URIs deactivate each other, and every task that names the loser fails: so no other
module builds one. An event of each carries the span as its partition key, which is how a night's key travels from DAG
to DAG.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal

from airflow.sdk import Asset

if TYPE_CHECKING:
    from ratchet.identity import ModelId

Purpose = Literal["arrive", "append", "deadline", "ingest", "score", "watch", "train", "release", "audit"]


def dag_id(model: ModelId | str, purpose: Purpose) -> str:
    """Return the id of one of a model's DAGs: ``flights__ingest``."""
    return f"{model}__{purpose}"


def model_of(dag_id: str) -> str:
    """Return the model that a DAG belongs to."""
    return dag_id.rpartition("__")[0]


def queue_asset(model: ModelId, queue_url_env: str) -> Asset:
    """Messages of the queue that announces spans; their events have no partition key."""
    from airflow.sdk import AssetWatcher

    from ratchet_airflow.triggers.arrival_queue import ArrivalQueueTrigger

    trigger = ArrivalQueueTrigger(model=str(model), queue_url_env=queue_url_env)
    watcher = AssetWatcher(name=f"{model}/queue", trigger=trigger)
    return Asset(name=f"{model}/queue", uri=f"x-ratchet://{model}/queue", group="ratchet", watchers=[watcher])


def arrival_asset(model: ModelId) -> Asset:
    """A span that has arrived and may be taken in, of a model whose spans are announced."""
    return _asset(model, "arrival")


def batch_asset(model: ModelId) -> Asset:
    """A batch of an open span has arrived; its event names it: ``{"batches": {span: [name, ...]}}``."""
    return _asset(model, "batch")


def span_asset(model: ModelId) -> Asset:
    """A span of examples that passed validation."""
    return _asset(model, "span")


def predictions_asset(model: ModelId) -> Asset:
    """A span that was offered to the champion; its event comes on a night without one, too."""
    return _asset(model, "predictions")


def retrain_request_asset(model: ModelId) -> Asset:
    """A request for training; its event holds the reasons."""
    return _asset(model, "retrain-request")


def candidate_asset(model: ModelId) -> Asset:
    """A version whose gate passed; its event holds the URI of the gate's result."""
    return _asset(model, "candidate")


@cache  # a value, asked for many times while 200 models are parsed
def _asset(model: ModelId, kind: str) -> Asset:
    # A scheme of one's own begins with x-: at any other, Airflow imports every provider that knows a scheme, and boto3
    # with it, in each process that parses a DAG, so in each task.
    return Asset(name=f"{model}/{kind}", uri=f"x-ratchet://{model}/{kind}", group="ratchet")
