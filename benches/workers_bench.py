"""One LightGBM fit by two workers of a Dask cluster, against the same fit by one process: memory, CPU time, wall.

``python -m benches.workers_bench 1000000`` measures that many rows by itself.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import psutil

from benches.larger_than_memory_bench import make_spec, write_table
from benches.measuring import Row, absent_row, figure_row, is_quiet
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.identity import ModelId
from ratchet.spec.engine import Dask
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable
from ratchet.training.checkpoints import Checkpoints
from ratchet.training.fit import LabelledMatrix
from ratchet.training.long_fit import Watcher
from ratchet.training.span_fit import fit_by_spans

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

N_ROWS, N_WORKERS = 4_000_000, 2
ESTIMATOR = "lightgbm.LGBMClassifier"
ROUNDS = {"n_estimators": 20}
# Half of the rows and of what is computed on them, and beside that the same span in hand and the same sample.
MEMORY_BUDGET = 0.85
# A sample of 200,000 rows, whatever all are.
SHARER_BUDGET_MB = 200
# The spans are read once more than by one process, and each tree is agreed on.
CPU_BUDGET = 1.5


def run() -> list[Row]:
    """Return the figures of both, or that Dask or LightGBM is not installed."""
    return rows_of(N_ROWS)


def rows_of(n_rows: int) -> list[Row]:
    """Return the figures at that many rows."""
    name = f"LightGBM by {N_WORKERS} workers, {n_rows:,} rows x 20"
    if not all(map(_is_installed, ("dask", "lightgbm"))):
        return [absent_row(f"{name}: dask or lightgbm is not installed")]
    with tempfile.TemporaryDirectory() as folder:
        spans = write_table(folder, n_rows)
        alone, shared = (_measured(work, folder, spans) for work in (_alone, _shared))
    peak = figure_row(f"{name}: peak memory of a worker above imports, one process", shared["worker"], unit="MB")
    sharer = f"{name}: peak memory of the process that shares it out, above imports"
    rows = [
        _against(peak, alone["peak"], MEMORY_BUDGET),
        figure_row(sharer, shared["peak"], unit="MB", budget=SHARER_BUDGET_MB),
        _against(figure_row(f"{name}: CPU time of all processes, one process", shared["cpu"], unit="CPU s"),
                 alone["cpu"], CPU_BUDGET),
    ]  # fmt: skip
    wall = figure_row(f"{name}: wall, one process", shared["wall"], unit="s")
    # Two workers on two cores that others use too tell nothing.
    return [*rows, _against(wall, alone["wall"], None)] if is_quiet() else rows


def _against(row: Row, reference: float, budget: float | None) -> Row:
    ratio = row["ours"] / reference
    return row | {
        "reference": reference,
        "ratio": ratio,
        "budget": budget,
        "passed": budget is None or ratio <= budget,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """Reads a span of the table, wherever it is called."""

    uri: str
    spec: ModelSpec
    at_most: int | None = None

    def __call__(self, span: str) -> LabelledMatrix:
        frame = SpanTable(self.uri).read([span])
        frame = frame if self.at_most is None else frame.head(self.at_most)
        features = to_matrix(frame, feature_roles(self.spec.features))
        return LabelledMatrix(features=features, labels=frame["label"].cast(pl.Int64).to_numpy())


def _is_installed(package: str) -> bool:
    from importlib.util import find_spec

    return find_spec(package) is not None


def _measured(work: Any, *args: Any) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=work, args=(*args, sender))
    child.start()
    sender.close()
    try:
        found: dict[str, float] = receiver.recv()
        return found
    finally:
        child.join()


def _alone(uri: str, spans: list[str], sender: Any) -> None:
    spec = make_spec(ESTIMATOR, ROUNDS)
    fit_by_spans(spans[:1], Read(uri=uri, spec=spec, at_most=2000), spec)  # imports all that it needs
    before, started, cpu = begin(), time.perf_counter(), time.process_time()
    fit_by_spans(spans, Read(uri=uri, spec=spec), spec)
    wall = time.perf_counter() - started
    sender.send({"peak": above(before), "cpu": time.process_time() - cpu, "wall": wall})


def _shared(uri: str, spans: list[str], sender: Any) -> None:
    from ratchet.training.parallel.cluster import open_cluster
    from ratchet.training.parallel.data_parallel import fit_on_workers

    spec = make_spec(ESTIMATOR, ROUNDS, engine="dask", checkpoint_rounds=10)
    few = Read(uri=uri, spec=spec, at_most=2000)

    def fit(spans: list[str], read: Read, key: str) -> None:
        checkpoints = Checkpoints(store=open_store(f"{uri}-home"), model=ModelId("bench"), key=key)
        found = few(spans[0])
        fit_on_workers(spans, read, found, spec, cluster=cluster, checkpoints=checkpoints, watcher=Watcher())

    with open_cluster(Dask(workers=N_WORKERS)) as cluster:
        fit(spans[:N_WORKERS], few, "few")
        befores = cluster.client.run(begin)
        cpus = {worker: usage.cpu_seconds for worker, usage in cluster.usage().items()}
        before, started, cpu = begin(), time.perf_counter(), time.process_time()
        fit(spans, Read(uri=uri, spec=spec), "all")
        wall, cpu = time.perf_counter() - started, time.process_time() - cpu
        cpu += sum(usage.cpu_seconds - cpus[worker] for worker, usage in cluster.usage().items())
        peak = above(before)
        of_workers = [cluster.client.run(above, was, workers=[worker])[worker] for worker, was in befores.items()]
    sender.send({"peak": peak, "worker": max(of_workers), "cpu": cpu, "wall": wall})


def begin() -> int:
    """Forget the peak of this process, and return what it holds."""
    Path("/proc/self/clear_refs").write_text("5")
    return int(psutil.Process().memory_info().rss)


def above(before: int) -> float:
    """Return the peak since `begin`, in MB above what was held then."""
    status = Path("/proc/self/status").read_text().split()
    return (int(status[status.index("VmHWM:") + 1]) * 1024 - before) / 1e6


if __name__ == "__main__":
    print(json.dumps(rows_of(int(sys.argv[1])), indent=1))
