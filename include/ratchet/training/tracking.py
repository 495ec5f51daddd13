"""One training run in MLflow: found again by its key, logged in a few batched calls.

People compare runs here. What decides is kept elsewhere, so everything below may be repeated: a second call with the
same key finds the run of the first.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ratchet.training.registry import artifact_location, bounded, is_server

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

KEY_TAG = "ratchet.key"
LOGGED_TAG = "ratchet.logged"
INPUTS_FILE = "inputs.json"

# More spans than these are told in the artifact alone.
_MOST_SPANS = 1000

TableInput = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingRun:
    """A run in MLflow. ``is_logged`` says that an earlier call has logged all of it."""

    tracking_uri: str
    experiment_id: str
    run_id: str
    key: str
    is_logged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord:
    """What is logged of one training.

    ``inputs`` names the data: table versions, spans, revisions and digests; it is kept as ``inputs.json``, and each of
    its ``tables`` (name, URI, version by span) is an input of the run.
    ``tags`` hold the spec digest, code commit and lock digest; a None is left out. ``files`` maps a name to a local
    file or folder, ``pages`` a name to the text of a page.
    """

    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    inputs: Mapping[str, Any]
    tags: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    pages: Mapping[str, str] = field(default_factory=dict)


def start_or_resume(
    tracking_uri: str, experiment: str, run_key: str, *, at: datetime, run_name: str | None = None
) -> TrackingRun:
    """Return the run tagged with that key, started now if there is none.

    Raises
    ------
    RegistryDownError
        If MLflow does not answer.
    """
    with bounded(tracking_uri) as client:
        experiment_id = _experiment(client, tracking_uri, experiment)
        run = _find_run(client, experiment_id, run_key)
        if run is None:
            run = client.create_run(
                experiment_id, start_time=_milliseconds(at), tags={KEY_TAG: run_key}, run_name=run_name or run_key
            )
    return TrackingRun(
        tracking_uri=tracking_uri,
        experiment_id=experiment_id,
        run_id=run.info.run_id,
        key=run_key,
        is_logged=LOGGED_TAG in run.data.tags,
    )


def log_training(run: TrackingRun, record: TrainingRecord, *, at: datetime) -> None:
    """Log a training, and finish its run; a run that is already logged is left as it is.

    Raises
    ------
    RegistryDownError
        If MLflow does not answer; the run stays open and a repeat completes it.
    """
    if run.is_logged:
        return
    from mlflow.entities import Metric, Param, RunTag

    time = _milliseconds(at)
    with bounded(run.tracking_uri) as client:
        _log_files(client, run.run_id, record)
        client.log_batch(
            run.run_id,
            # One time stamp for a key: a repeated batch then holds the same points, which MLflow drops.
            metrics=[Metric(name, value, time, 0) for name, value in record.metrics.items()],
            params=[Param(name, str(value)) for name, value in record.parameters.items()],
            tags=[RunTag(name, value) for name, value in record.tags.items() if value is not None],
        )
        _log_dataset(client, run, record.inputs)
        client.set_tag(run.run_id, LOGGED_TAG, "true")
        client.set_terminated(run.run_id, "FINISHED", end_time=time)


def log_evaluation(tracking_uri: str, run_id: str, metrics: Mapping[str, float], pages: Mapping[str, str]) -> None:
    """Add an evaluation to a run: figures, and pages as artifacts; the same again changes nothing.

    Raises
    ------
    RegistryDownError
        If MLflow does not answer; a repeat completes it.
    """
    from mlflow.entities import Metric

    with bounded(tracking_uri) as client:
        time = client.get_run(run_id).info.start_time
        # Stamped with the start of the run, so that a repeated batch holds the same points, which MLflow drops.
        client.log_batch(run_id, metrics=[Metric(name, value, time, 0) for name, value in metrics.items()])
        for name, page in pages.items():
            client.log_text(run_id, page, name)


def fail_run(run: TrackingRun, *, at: datetime) -> None:
    """Mark a run as failed; a repeat of the training finds it and goes on with it."""
    with bounded(run.tracking_uri) as client:
        client.set_terminated(run.run_id, "FAILED", end_time=_milliseconds(at))


def run_url(tracking_uri: str, run: TrackingRun) -> str | None:
    """Return the page of a run in MLflow's UI; None for a SQLite store, which has none."""
    if not is_server(tracking_uri):
        return None
    return f"{tracking_uri.rstrip('/')}/#/experiments/{run.experiment_id}/runs/{run.run_id}"


def _experiment(client: MlflowClient, tracking_uri: str, name: str) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.create_experiment(name, artifact_location=artifact_location(tracking_uri, name))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            found = client.get_experiment_by_name(name)  # another writer was faster
    if found is None:
        raise RuntimeError(f"MLflow's experiment {name!r} exists and cannot be read.")
    return found.experiment_id


def _find_run(client: MlflowClient, experiment_id: str, run_key: str) -> Run | None:
    # A reply that was lost may have left two; the oldest is the one that every repeat agrees on.
    quoted = run_key.replace("'", "")
    runs = client.search_runs(
        [experiment_id], f"tags.`{KEY_TAG}` = '{quoted}'", max_results=1, order_by=["attributes.start_time ASC"]
    )
    return runs[0] if runs else None


def _log_files(client: MlflowClient, run_id: str, record: TrainingRecord) -> None:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder)
        (target / INPUTS_FILE).write_text(json.dumps(record.inputs, indent=2, sort_keys=True, default=str))
        for name, page in record.pages.items():
            (target / name).write_text(page, encoding="utf-8")
        client.log_artifacts(run_id, folder)
    for name, path in record.files.items():
        if path.is_dir():
            client.log_artifacts(run_id, str(path), name)
        else:
            client.log_artifact(run_id, str(path), name)


def _log_dataset(client: MlflowClient, run: TrackingRun, inputs: Mapping[str, Any]) -> None:
    """Log a dataset for each table that was read, with the version of the table that holds each span."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    # An empty list says that nothing of ours was read; of an imported model nothing else is known.
    tables: list[TableInput] = inputs.get("tables", [{"table": "examples"}])
    logged = [
        DatasetInput(
            Dataset(
                name=str(table["table"]),
                digest=_digest_of(table if "versions" in table else inputs),
                source_type="ratchet",
                source=json.dumps({"artifact": INPUTS_FILE, **_source_of(table)}),
                profile=json.dumps({"spans": len(table.get("versions", ()))}),
            ),
            [InputTag("mlflow.data.context", "training")],
        )
        for table in tables
    ]
    if logged:
        client.log_inputs(run.run_id, logged)


def _source_of(table: TableInput) -> dict[str, Any]:
    versions = table.get("versions")
    if not versions:
        return {}
    told = {"uri": table["uri"], "newest_version": max(versions.values())}
    # MLflow takes 64 kB of a source; all of it is in the artifact.
    return told | ({"versions": versions} if len(versions) <= _MOST_SPANS else {})


def _digest_of(values: object) -> str:
    # MLflow shows at most 36 characters of a digest; the whole of it is in the artifact.
    return sha256(json.dumps(values, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
