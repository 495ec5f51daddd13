"""Validation of a span against its budgets, and what that of one day costs a task.

``python -m benches.validation_bench 10000000`` measures the peak of memory at that many rows by itself.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import psutil

from benches.flights_like import MODELS_PATH, make_flights
from benches.measuring import Row, figure_row, ratio_row, take, take_in_turn
from benches.spans_like import CATEGORICAL, ENTITY, NUMERIC, WHOLE, bare_query, make_expectations, write_span
from ratchet.validation.expectations import Expectations, load_expectations
from ratchet.validation.frame import Engine, validate_frame
from ratchet.validation.library import import_great_expectations
from ratchet.validation.scanning import validate_and_scan

if TYPE_CHECKING:
    from ratchet.validation.result import ValidationResult

N_EXAMPLES, N_COLUMNS, N_EXPECTATIONS = 1000, 16, 48
N_SPAN_EXPECTATIONS = 40
ROLES: dict[str, Any] = {**dict.fromkeys((*NUMERIC, *WHOLE[1:], "label"), "numeric")}
ROLES |= dict.fromkeys(CATEGORICAL, "categorical")
EDGES = {name: tuple(np.linspace(0, 9, 19).tolist()) for name, role in ROLES.items() if role == "numeric"}


def run() -> list[Row]:
    """Return the rows of one day, of 1M and of 100k rows, and of the peaks of memory at 10M."""
    rows = _day_rows()
    with tempfile.TemporaryDirectory() as folder:
        rows += _span_rows(write_span(Path(folder) / "100k.parquet", 100_000), "100k", judged=False)
        rows += _span_rows(write_span(Path(folder) / "1m.parquet", 1_000_000), "1M", judged=True)
        rows += peak_rows(write_span(Path(folder) / "10m.parquet", 10_000_000), "10M")
    return rows


def _day_rows() -> list[Row]:
    frame = make_flights(N_EXAMPLES)
    expectations = load_expectations(MODELS_PATH / "flights" / "expectations.yaml")

    def validate() -> None:
        result = validate_frame(frame, expectations, environment="serving", entity="flight_id")
        seen = (result.verdict, result.n_expectations, frame.width)
        if seen != ("pass", N_EXPECTATIONS, N_COLUMNS):
            raise ValueError(f"The bench must pass {N_EXPECTATIONS} expectations of {N_COLUMNS} columns. Got {seen}.")

    name = f"validate_frame, {N_EXAMPLES} rows x {N_COLUMNS} columns, {N_EXPECTATIONS} expectations"
    imported = take(import_great_expectations, times=1, warm_up=False)
    first = take(validate, times=1, warm_up=False)
    return [
        figure_row("import of Great Expectations, once a process", imported.cpu, unit="CPU s"),
        figure_row(f"{name}, first in its process", first.cpu, unit="CPU s"),
        figure_row(f"{name}, later", take(validate, times=3, warm_up=False).cpu, unit="CPU s"),
    ]


def _span_rows(path: Path, size: str, *, judged: bool) -> list[Row]:
    expectations = make_expectations()
    span = f"{size} rows x 20 columns of Parquet, {N_SPAN_EXPECTATIONS} expectations"

    def budget(ratio: float) -> float | None:
        return ratio if judged else None

    verdicts, query = take_in_turn(lambda: validate(path, expectations), lambda: bare_query(path), times=5)
    shared, again = take_in_turn(lambda: validate_shared(path, expectations), lambda: bare_query(path), times=3)
    ours, pandas = take_in_turn(
        lambda: validate(path, expectations), lambda: validate(path, expectations, "pandas"), times=2
    )
    return [
        ratio_row(f"verdict on {span}, against one Polars query of the same", verdicts, query, budget=budget(1.5)),
        ratio_row(
            f"verdict and all statistics of {span}, one scan, against that query", shared, again, budget=budget(3.5)
        ),
        ratio_row(f"verdict on {span}, against Great Expectations on pandas", ours, pandas, budget=budget(0.25)),
    ]


def validate(path: Path, expectations: Expectations, engine: Engine = "scan") -> None:
    """Validate a generated span, which passes."""
    frame = pl.scan_parquet(path)
    result = validate_frame(frame, expectations, environment="serving", entity=ENTITY, engine=engine)
    _check(result)


def validate_shared(path: Path, expectations: Expectations) -> None:
    """Validate a generated span and compute its statistics in one scan."""
    result, statistics = validate_and_scan(
        pl.scan_parquet(path), expectations, environment="serving", entity=ENTITY, roles=ROLES, edges=EDGES
    )
    _check(result)
    if len(statistics) != len(ROLES):
        raise ValueError(f"The bench must compute statistics of {len(ROLES)} columns. Got {len(statistics)}.")


def _check(result: ValidationResult) -> None:
    seen = (result.verdict, result.n_expectations)
    if seen != ("pass", N_SPAN_EXPECTATIONS):
        raise ValueError(f"The bench must pass {N_SPAN_EXPECTATIONS} expectations. Got {seen}: {result.anomalies}")


def peak_rows(path: Path, size: str) -> list[Row]:
    """Return the peaks of memory above imports, with and without exact uniqueness of one column."""
    whole = make_expectations()
    without = Expectations(items=tuple(item for item in whole.items if "unique" not in item.expect))
    name = f"peak memory of the verdict on {size} rows x 20 columns, above imports"
    return [
        figure_row(f"{name}, without uniqueness", _peak(path, without), unit="MB", budget=400),
        figure_row(f"{name}, with exact uniqueness of one column", _peak(path, whole), unit="MB", budget=600),
    ]


def _peak(path: Path, expectations: Expectations) -> float:
    """Return the MB that validation adds to the peak of a fresh process that has imported all it needs."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_measure_peak, args=(str(path), expectations, sender))
    child.start()
    sender.close()
    try:
        peak = float(json.loads(receiver.recv()))
    finally:
        child.join()
    return peak


def _measure_peak(path: str, expectations: Expectations, sender: Any) -> None:
    import_great_expectations()
    validate_frame(pl.DataFrame({ENTITY: [1]}), expectations, environment="serving", entity=ENTITY)
    # Of what imports took for a moment and gave back, nothing may hide the peak of the work.
    Path("/proc/self/clear_refs").write_text("5")
    before = psutil.Process().memory_info().rss
    validate_frame(pl.scan_parquet(path), expectations, environment="serving", entity=ENTITY)
    status = Path("/proc/self/status").read_text().split()
    peak = int(status[status.index("VmHWM:") + 1]) * 1024
    sender.send(json.dumps((peak - before) / 1e6))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        for row in peak_rows(write_span(Path(home) / "span.parquet", int(sys.argv[1])), f"{int(sys.argv[1]):,}"):
            print(row)
