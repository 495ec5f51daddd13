"""Statistics and drift against their budgets; every figure is measured side by side in this process."""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from ratchet.drift.decisions import compare_columns
from ratchet.identity import ModelId
from ratchet.spec.sections import Drift, Role
from ratchet.statistics.merging import merge_all
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable

N_NUMERIC, N_CATEGORICAL = 14, 6
NUMERIC = [f"n{i}" for i in range(N_NUMERIC)]
CATEGORICAL = [f"c{i}" for i in range(N_CATEGORICAL)]
ROLES: dict[str, Role] = {**dict.fromkeys(NUMERIC, "numeric"), **dict.fromkeys(CATEGORICAL, "categorical")}
EDGES = dict.fromkeys(NUMERIC, tuple(np.linspace(-2.7, 2.7, 19).tolist()))
SPANS = [f"2013-02-{day:02d}" for day in range(1, 29)]


def run() -> list[dict[str, Any]]:
    """Return one row a budget: name, ours_seconds, reference_seconds, ratio, budget, unit, passed."""
    with tempfile.TemporaryDirectory() as home:
        table = StatisticsTable(home, ModelId("bench"))
        days = {span: scan_statistics(make_frame(1000, seed), ROLES, EDGES) for seed, span in enumerate(SPANS)}
        table.write_spans(days, dict.fromkeys(SPANS, 1), {})
        return [_drift_row(days), _read_row(table), _scan_row()]


def make_frame(n: int, seed: int) -> pl.DataFrame:
    """Return ``n`` examples of 14 numeric and 6 categorical columns, 1 % of them null."""
    rng = np.random.default_rng(seed)
    texts = np.array([f"value-{i}" for i in range(30)])
    columns = {name: pl.Series(rng.normal(size=n)) for name in NUMERIC}
    columns |= {name: pl.Series(texts[rng.integers(0, 30, n)]) for name in CATEGORICAL}
    kept = pl.Series(rng.random(n) >= 0.01)
    return pl.DataFrame({name: pl.select(pl.when(kept).then(values)).to_series() for name, values in columns.items()})


def _drift_row(days: dict[str, Any]) -> dict[str, Any]:
    baseline, current = ({c: merge_all([days[s][c] for s in side]) for c in ROLES} for side in (SPANS[:21], SPANS[21:]))
    taken = _measure(lambda: compare_columns(baseline, current, Drift()), clock=time.process_time, times=50)
    return _row("drift arithmetic of 20 columns, CPU", taken, budget=0.010, unit="s")


def _read_row(table: StatisticsTable) -> dict[str, Any]:
    taken = _measure(lambda: table.merged(SPANS), clock=time.perf_counter, times=25)
    return _row("read and merge statistics of 28 spans x 20 columns, local disk", taken, budget=0.100, unit="s")


def _scan_row() -> dict[str, Any]:
    frame = make_frame(1_000_000, 0)
    ours, reference = [], []
    # In turn, so that what else the machine does weighs on both.
    for _ in range(3):
        ours.append(_measure(lambda: scan_statistics(frame, ROLES, EDGES), clock=time.process_time, times=1))
        reference.append(_measure(lambda: bare_query(frame), clock=time.process_time, times=1))
    name = "scan of 1M rows x 20 columns, CPU against one bare Polars query without sketches"
    return _row(name, min(ours), reference=min(reference), budget=3.5, unit="ratio")


def bare_query(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the same counts, moments, histograms and value counts from one Polars query; no quantiles at all."""
    wanted = [expression for name in NUMERIC for expression in _numeric(name)]
    for name in CATEGORICAL:
        wanted.append(pl.col(name).null_count().alias(f"{name} null"))
        wanted.append(pl.col(name).drop_nulls().value_counts().implode().alias(f"{name} values"))
    return frame.lazy().select(wanted).collect()


def _numeric(name: str) -> list[pl.Expr]:
    # Unmasked: these examples hold no NaN and no infinity, and the query need not know what to do with them.
    values = pl.col(name)
    figures = {
        "null": values.null_count(),
        "nan": values.is_nan().sum(),
        "infinite": values.is_infinite().sum(),
        "zero": (values == 0).sum(),
        "minimum": values.min(),
        "maximum": values.max(),
        "mean": values.mean(),
        "variance": values.var(ddof=0),
        **{f"below {edge}": (values < edge).sum() for edge in EDGES[name]},
    }
    return [expression.alias(f"{name} {figure}") for figure, expression in figures.items()]


def _measure(work: Callable[[], object], *, clock: Callable[[], float], times: int) -> float:
    """Return the least of several measurements: whatever else runs on the machine only ever adds to one."""
    work()  # once unmeasured: imports, caches and memory that is only asked for the first time
    taken = []
    gc.disable()
    try:
        for _ in range(times):
            start = clock()
            work()
            taken.append(clock() - start)
    finally:
        gc.enable()
    return min(taken)


def _row(name: str, ours: float, *, budget: float, unit: str, reference: float | None = None) -> dict[str, Any]:
    ratio = None if reference is None else ours / reference
    judged = ours if ratio is None else ratio
    return {
        "name": name,
        "ours_seconds": ours,
        "reference_seconds": reference,
        "ratio": ratio,
        "budget": budget,
        "unit": unit,
        "passed": judged <= budget,
    }


if __name__ == "__main__":
    for row in run():
        print(row)
