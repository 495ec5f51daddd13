"""Fits that are fed span by span from a Delta table: the peak of memory at 10M rows x 20 encoded columns.

``python -m benches.larger_than_memory_bench 1000000`` measures that many rows by itself.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil

from benches.measuring import Row, absent_row, figure_row
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.spec.model import ModelSpec
from ratchet.storage.tables import SpanTable
from ratchet.training.fit import LabelledMatrix
from ratchet.training.span_fit import fit_by_spans

N_ROWS, N_SPANS = 10_000_000, 50
BUDGET_MB = 2000
NUMERIC = [f"n{i}" for i in range(14)]
CATEGORICAL = [f"c{i}" for i in range(6)]
# Few rounds: they add time, and no memory.
ESTIMATORS: dict[str, dict[str, Any]] = {
    "lightgbm.LGBMClassifier": {"n_estimators": 3},
    "xgboost.XGBClassifier": {"n_estimators": 3},
    "sklearn.linear_model.SGDClassifier": {},
}


def run() -> list[Row]:
    """Return the peaks of memory of each estimator that is installed here."""
    return peak_rows(N_ROWS)


def peak_rows(n_rows: int) -> list[Row]:
    """Return the peaks above imports, each of a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        spans = write_table(folder, n_rows)
        for estimator in ESTIMATORS:
            name = f"peak memory of {estimator.rpartition('.')[2]} fed by spans, {n_rows:,} rows x 20, above imports"
            if not _is_installed(estimator):
                rows.append(absent_row(f"{name}: it is not installed"))
                continue
            peak, seconds = _peak(folder, spans, estimator)
            rows.append(figure_row(name, peak, unit="MB", budget=BUDGET_MB))
            took = name.replace("peak memory", "CPU time").replace(", above imports", "")
            rows.append(figure_row(took, seconds, unit="CPU s"))
    return rows


def write_table(uri: str, n_rows: int) -> list[str]:
    """Write spans of equal length to a Delta table, one at a time, and return their keys."""
    table, spans = SpanTable(uri), [f"span-{number:03}" for number in range(N_SPANS)]
    for seed, span in enumerate(spans):
        table.replace_spans(_make(n_rows // N_SPANS, seed, span), [span], commit={})
    return spans


def _make(n: int, seed: int, span: str) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    texts = np.array([f"value-{i}" for i in range(30)])
    values = {name: rng.normal(size=n) for name in NUMERIC}
    columns = {name: pl.Series(drawn) for name, drawn in values.items()}
    columns |= {name: pl.Series(texts[rng.integers(0, 30, n)]) for name in CATEGORICAL}
    return pl.DataFrame({"span": [span] * n, **columns, "label": values["n0"] + rng.normal(size=n) > 0})


def make_spec(estimator: str, parameters: dict[str, Any], **more: Any) -> ModelSpec:
    """Return a spec that feeds an estimator by spans of that table."""
    roles = {**dict.fromkeys(NUMERIC, "numeric"), **dict.fromkeys(CATEGORICAL, "categorical")}
    delivery = {"kind": "function", "function": "source.read"}
    train = {"train_spans": N_SPANS, "min_train_spans": 1, "validate_spans": 1, "feed": "spans", "passes": 1}
    values = {
        "schema_version": 1,
        "name": "bench",
        "owner": "benches",
        "objective": {"goal": "Measure what a fit needs.", "rule": {"column": "n0", "at_least": 0}},
        "source": {
            "delivery": delivery,
            "entity": "id",
            "time": "at",
            "time_zone": "UTC",
            "first_span": "2013-01-01",
        },
        "label": {"column": "label", "delivery": delivery, "known_after_spans": 0},
        "features": {"columns": {name: {"role": role} for name, role in roles.items()}},
        "train": {**train, "estimator": estimator, "parameters": parameters, **more},
        "evaluate": {"test_spans": 1},
    }
    return ModelSpec.model_validate_json(json.dumps(values))


def _is_installed(estimator: str) -> bool:
    from importlib.util import find_spec

    return find_spec(estimator.partition(".")[0]) is not None


def _peak(uri: str, spans: list[str], estimator: str) -> tuple[float, float]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_measure, args=(uri, spans, estimator, sender))
    child.start()
    sender.close()
    try:
        peak, seconds = receiver.recv()
    finally:
        child.join()
    return float(peak), float(seconds)


def _measure(uri: str, spans: list[str], estimator: str, sender: Any) -> None:
    spec, table = make_spec(estimator, ESTIMATORS[estimator]), SpanTable(uri)
    roles = feature_roles(spec.features)

    def read(span: str) -> LabelledMatrix:
        frame = table.read([span])
        return LabelledMatrix(features=to_matrix(frame, roles), labels=frame["label"].cast(pl.Int64).to_numpy())

    warm = {span: read(span) for span in spans[:1]}
    few = LabelledMatrix(features=warm[spans[0]].features.head(2000), labels=warm[spans[0]].labels[:2000])
    del warm
    fit_by_spans(["few"], lambda _: few, spec)  # imports all that it needs
    # Of what imports took for a moment and gave back, nothing may hide the peak of the work.
    Path("/proc/self/clear_refs").write_text("5")
    before, started = psutil.Process().memory_info().rss, time.process_time()
    fit_by_spans(spans, read, spec)
    status = Path("/proc/self/status").read_text().split()
    peak = int(status[status.index("VmHWM:") + 1]) * 1024
    sender.send(((peak - before) / 1e6, time.process_time() - started))


if __name__ == "__main__":
    print(json.dumps(peak_rows(int(sys.argv[1])), indent=1))
