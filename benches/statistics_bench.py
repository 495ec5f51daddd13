"""Statistics and drift against their budgets; every figure is measured side by side in this process."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benches.measuring import Row, figure_row, ratio_row, take, take_in_turn, wall_rows
from ratchet.drift.decisions import compare_columns
from ratchet.identity import ModelId
from ratchet.spec.watching import Drift
from ratchet.statistics.merging import merge_all
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable

if TYPE_CHECKING:
    from ratchet.spec.features import Role

N_NUMERIC, N_CATEGORICAL = 14, 6
NUMERIC = [f"n{i}" for i in range(N_NUMERIC)]
CATEGORICAL = [f"c{i}" for i in range(N_CATEGORICAL)]
ROLES: dict[str, Role] = {**dict.fromkeys(NUMERIC, "numeric"), **dict.fromkeys(CATEGORICAL, "categorical")}
EDGES = dict.fromkeys(NUMERIC, tuple(np.linspace(-2.7, 2.7, 19).tolist()))
SPANS = [f"2013-02-{day:02d}" for day in range(1, 29)]


def run() -> list[Row]:
    """Return the rows of drift arithmetic, of reading statistics, and of the scan that makes them."""
    with tempfile.TemporaryDirectory() as home:
        table = StatisticsTable(home, ModelId("bench"))
        days = {span: scan_statistics(make_frame(1000, seed), ROLES, EDGES) for seed, span in enumerate(SPANS)}
        table.write_spans(days, dict.fromkeys(SPANS, 1), {})
        return [_drift_row(days), *_read_rows(table), _scan_row()]


def make_frame(n: int, seed: int) -> pl.DataFrame:
    """Return ``n`` examples of 14 numeric and 6 categorical columns, 1 % of them null."""
    rng = np.random.default_rng(seed)
    texts = np.array([f"value-{i}" for i in range(30)])
    columns = {name: pl.Series(rng.normal(size=n)) for name in NUMERIC}
    columns |= {name: pl.Series(texts[rng.integers(0, 30, n)]) for name in CATEGORICAL}
    kept = pl.Series(rng.random(n) >= 0.01)
    return pl.DataFrame({name: pl.select(pl.when(kept).then(values)).to_series() for name, values in columns.items()})


def _drift_row(days: dict[str, Any]) -> Row:
    baseline, current = ({c: merge_all([days[s][c] for s in side]) for c in ROLES} for side in (SPANS[:21], SPANS[21:]))
    taken = take(lambda: compare_columns(baseline, current, Drift()), times=50)
    return figure_row("drift arithmetic of 20 columns, in memory", taken.cpu, unit="CPU s", budget=0.010)


def _read_rows(table: StatisticsTable) -> list[Row]:
    taken = take(lambda: table.merged(SPANS), times=25)
    return wall_rows("read and merge statistics of 28 spans x 20 columns, local disk", taken, budget=0.100)


def _scan_row() -> Row:
    frame = make_frame(1_000_000, 0)
    taken = take_in_turn(lambda: scan_statistics(frame, ROLES, EDGES), lambda: bare_query(frame), times=3)
    name = "statistics of 1M rows x 20 columns in one scan, against one bare Polars query without sketches"
    return ratio_row(name, *taken, budget=3.5)


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
