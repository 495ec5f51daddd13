"""What a training step adds to the bare estimator, and what MLflow adds to a run."""

from __future__ import annotations

import functools
import importlib
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benches.flights_like import make_labelled, make_project
from benches.measuring import (
    Row,
    Taken,
    absent_row,
    figure_row,
    least,
    ratio_row,
    take,
    take_in_fork,
    take_in_turn,
    wall_rows,
)
from benches.mlflow_server import STARTS_WITHIN_SECONDS, MlflowServer, initialise
from ratchet.features.transform import build_pipeline
from ratchet.identity import ModelId
from ratchet.packaging.bytes import dump_model
from ratchet.spec.loading import load_spec
from ratchet.training.fit import fit_matrix, labelled_matrix
from ratchet.training.tracking import TrainingRecord, log_evaluation, log_training, start_or_resume
from ratchet.training.versions import register_version

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.spec.model import ModelSpec

# Two months of flights.
N_EXAMPLES = 54_000
N_RUNS = 3
AT = datetime(2013, 2, 12, 5, tzinfo=UTC)
MODEL = ModelId("flights")
SPANS = [f"2013-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 29)]
RECORD = TrainingRecord(
    parameters={"estimator": "trees", "seed": 7} | {f"parameter_{i}": i for i in range(6)},
    metrics={"validation_auc": 0.7, "fit_seconds": 1.0, "n_train_examples": 54_000.0, "package_bytes": 3e5},
    inputs={
        "spans": [[span, "0" * 64, "0" * 64] for span in SPANS],
        "tables": [
            {
                "table": table,
                "uri": f"tables/flights/{table}",
                "versions": {span: number for number, span in enumerate(SPANS)},
                "deliveries": dict.fromkeys(SPANS, "0" * 64),
            }
            for table in ("examples", "ground_truth")
        ],
    },
    tags={f"ratchet.tag_{i}": "0" * 64 for i in range(6)},
)
METRICS = {f"test_auc_{name}": 0.7 for name in ("candidate", "champion", "linear", "dummy")} | {
    f"importance/{i}": 0.01 for i in range(15)
}
PAGES = {"evaluation.html": "<p>" * 50_000} | {f"plots/{i}.svg": "<svg>" * 2_000 for i in range(9)}


def run() -> list[Row]:
    """Return the rows of the fit and of MLflow's work, the latter on a SQLite store and on a server."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spec = load_spec(make_project(folder, n_rows_a_span=1), "flights")
        row, pipeline = _fit(spec)
        imported = take(_import_mlflow, times=1, warm_up=False)
        import_row = figure_row("import of MLflow, once a process", imported.cpu, unit="CPU s")
        return [row, import_row, *_mlflow_rows(folder, pipeline)]


def _fit(spec: ModelSpec) -> tuple[Row, Pipeline]:
    examples = labelled_matrix(make_labelled(N_EXAMPLES), spec)
    ours, reference = take_in_turn(
        lambda: fit_matrix(examples, spec),
        lambda: build_pipeline(spec).fit(examples.features, examples.labels),
        times=3,
    )
    name = (
        f"fit of a training step, {N_EXAMPLES:,} rows x {examples.features.shape[1]} columns, against bare scikit-learn"
    )
    return ratio_row(name, ours, reference, budget=1.1), fit_matrix(examples, spec)


def _import_mlflow() -> None:
    for module in ("mlflow", "mlflow.sklearn"):
        importlib.import_module(module)


def one_run(tracking_uri: str, pipeline: Pipeline, model_bytes: bytes, number: int) -> None:
    """Do all that a training run ever does with MLflow."""
    tracked = start_or_resume(tracking_uri, str(MODEL), f"run-{number}", at=AT, run_name=f"{MODEL} {number}")
    register_version(tracked, MODEL, f"{number:064}", pipeline, model_bytes=model_bytes)
    log_training(tracked, RECORD, at=AT)
    log_evaluation(tracking_uri, tracked.run_id, METRICS, PAGES)


def _runs(tracking_uri: str, pipeline: Pipeline, cpu_elsewhere: Callable[[], float] = lambda: 0.0) -> Taken:
    model_bytes, several = dump_model(pipeline), []
    for number in range(N_RUNS):
        before = cpu_elsewhere()
        taken = take_in_fork(functools.partial(one_run, tracking_uri, pipeline, model_bytes, number))
        several.append(Taken(wall=taken.wall, cpu=taken.cpu + cpu_elsewhere() - before))
    return least(several)


def _mlflow_rows(folder: Path, pipeline: Pipeline) -> list[Row]:
    name, on_server = "all MLflow work of one run, SQLite store", "all MLflow work of one run, local server"
    store_uri = f"sqlite:///{folder}/store/mlflow.db"
    with MlflowServer(folder / "server") as server:
        initialise(store_uri)  # while the server starts
        has_server = server.answers()
        rows = wall_rows(name, _runs(store_uri, pipeline), budget=3.0)
        if not has_server:
            return [*rows, absent_row(f"{on_server}: it did not start within {STARTS_WITHIN_SECONDS} s")]
        taken = _runs(server.uri, pipeline, server.cpu_seconds)
    return [*rows, *wall_rows(f"{on_server}, its CPU included", taken, budget=3.0)]
