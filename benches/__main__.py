"""Run every bench, write docs/benchmarks.md, and leave with 1 naming each budget that was missed.

Every bench runs in a process of its own: peaks of memory and warm caches do not leak from one to the next.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "benchmarks.md"
KEYS = ("name", "ours", "reference", "ratio", "budget", "unit", "passed")
SHOWN_VERSIONS = ("apache-airflow", "great-expectations", "mlflow", "polars", "pandas", "scikit-learn", "deltalake")

# As in a task of the local stack: two threads of OpenMP would add up the time for which one waits for the other.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
LOAD_VARIABLE = "RATCHET_BENCH_LOAD"

Row = dict[str, Any]


def find_benches() -> list[str]:
    """Return the names of the bench modules, ``validation`` for ``validation_bench.py``."""
    return sorted(path.stem.removesuffix("_bench") for path in FOLDER.glob("*_bench.py"))


def measure(bench: str, load: float) -> list[Row]:
    """Return the rows of one bench, from a process of its own; a bench that breaks is one row that failed."""
    environment = os.environ | THREADS | {LOAD_VARIABLE: str(load)}
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "benches", "--child", bench, "--answer", str(answer)]
        child = subprocess.run(command, env=environment)
        if child.returncode == 0:
            return list(json.loads(answer.read_text()))
    return [
        dict.fromkeys(KEYS) | {"name": f"{bench}: broke, exit code {child.returncode}", "unit": "", "passed": False}
    ]


def check_rows(bench: str, rows: list[Row]) -> list[Row]:
    """Return the rows, if they are rows and there is at least one."""
    if not rows or any(set(row) != set(KEYS) for row in rows):
        raise ValueError(f"run() of {bench}_bench.py must return rows with the keys {', '.join(KEYS)}. Got {rows!r}.")
    return rows


def answer_as_child(bench: str, answer: Path) -> None:
    """Run one bench here and write its rows."""
    rows = importlib.import_module(f"benches.{bench}_bench").run()
    answer.write_text(json.dumps(check_rows(bench, rows)))


def withheld() -> float:
    """Return the seconds of cores that a hypervisor has withheld so far; CPU times contain a part of them."""
    return float(getattr(psutil.cpu_times(), "steal", 0.0))


def describe_machine(date: str, load: float, stolen: float) -> str:
    """Return cores, processor, memory, load and versions in a sentence.

    Parameters
    ----------
    load : float
        Processes that wanted to run in the minute before the first bench.
    stolen : float
        Share of the cores' time during the benches that a hypervisor withheld.
    """
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join(f"{name} {version(name)}" for name in SHOWN_VERSIONS)
    return (
        f"Measured on {date}: {os.cpu_count()} cores ({_processor()}), {gigabytes:.0f} GiB, "
        f"load {load:.1f} before the first bench, {stolen:.0%} of the cores withheld by a hypervisor meanwhile, "
        f"{platform.system()}, "
        f"Python {platform.python_version()}, {versions}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def cells(row: Row) -> list[str]:
    """Return the cells of one row as text."""
    unit = f" {row['unit']}" if row["unit"] else ""
    return [
        row["name"],
        _figure(row["ours"], unit),
        _figure(row["reference"], unit),
        _figure(row["ratio"], "x"),
        _figure(row["budget"], "x" if row["ratio"] is not None else unit),
        _verdict(row),
    ]


def _verdict(row: Row) -> str:
    if not row["passed"]:
        return "MISSED"
    if row["ours"] is None:
        return "not measured"
    return "measured" if row["budget"] is None else "kept"


def _figure(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:.3g}{unit}" if abs(value) < 1000 else f"{value:,.0f}{unit}"


PREAMBLE = (
    "Written by `make bench`, which fails when a budget is missed. Ours and the reference are measured in turn in one",
    "process, each the least of several repeats: the ratios hold on other machines, the figures do not. A numeric",
    "library has one thread, as in a task; CPU time counts all threads. A budget of wall time is judged by CPU time",
    "where the load before the first bench was 2 or more. A row without a budget is shown, not judged.",
)
HEADINGS = ("what", "ours", "reference", "ratio", "budget", "")


def render_page(rows: list[Row], machine: str) -> str:
    """Return docs/benchmarks.md."""
    table = [HEADINGS, ("---",) * len(HEADINGS), *map(cells, rows)]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            *PREAMBLE,
            "",
            machine,
            "",
            *("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in table),
            "",
        ]
    )


def print_table(rows: list[Row]) -> None:
    """Print the rows, the missed ones in red."""
    table = Table(*HEADINGS)
    for row in rows:
        table.add_row(*cells(row), style=None if row["passed"] else "bold red")
    Console().print(table)


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code: 0 when every budget is kept."""
    parser = argparse.ArgumentParser(prog="python -m benches", description=__doc__)
    parser.add_argument("--date", help="of the measurement, YYYY-MM-DD; without it docs/benchmarks.md stays as it is")
    parser.add_argument("--only", nargs="+", choices=find_benches(), help="run these, and leave docs/benchmarks.md")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        answer_as_child(options.child, options.answer)
        return 0
    benches = options.only or find_benches()
    if not benches:
        print("no bench was found: nothing was measured.", file=sys.stderr)
        return 1
    load, started, stolen = os.getloadavg()[0], time.monotonic(), withheld()
    rows = [row for bench in benches for row in measure(bench, load)]
    print_table(rows)
    if options.date and not options.only:
        PAGE.parent.mkdir(exist_ok=True)
        share = (withheld() - stolen) / (time.monotonic() - started) / (os.cpu_count() or 1)
        PAGE.write_text(render_page(rows, describe_machine(options.date, load, share)))
    missed = [row["name"] for row in rows if not row["passed"]]
    for name in missed:
        print(f"missed: {name}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
