"""How benches measure: the least of several repeats, in turn with the reference, CPU time where others may run too.

Whatever else the machine does only ever adds to a measurement, so the least is the nearest to the truth.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Work = Callable[[], object]
Row = dict[str, Any]

# Set by the runner before the first bench starts: a bench must not take its own work for that of others.
LOAD_VARIABLE = "RATCHET_BENCH_LOAD"
QUIET_BELOW = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What work has taken: seconds on the wall, and CPU seconds of all threads."""

    wall: float
    cpu: float


def take(work: Work, *, times: int, warm_up: bool = True) -> Taken:
    """Return the least of several measurements.

    Parameters
    ----------
    warm_up : bool
        Whether the work is done once unmeasured: imports, caches, memory asked for the first time.
    """
    if warm_up:
        work()
    return least([_once(work) for _ in range(times)])


def take_in_turn(ours: Work, reference: Work, *, times: int) -> tuple[Taken, Taken]:
    """Return the least of each, measured in turn so that what else the machine does weighs on both."""
    ours(), reference()
    pairs = [(_once(ours), _once(reference)) for _ in range(times)]
    return least([pair[0] for pair in pairs]), least([pair[1] for pair in pairs])


def take_in_fork(work: Work, *, timeout_seconds: float = 120) -> Taken:
    """Return what work takes that is the first of its kind in a process, all imports done: a task of the local stack.

    Raises
    ------
    EOFError
        If the work raised; its traceback is on stderr.
    TimeoutError
        If it did not end in time.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(_once(work)))
    child.start()
    sender.close()  # else the end of a child that raised is never seen
    try:
        if not receiver.poll(timeout_seconds):
            raise TimeoutError(f"The work did not end within {timeout_seconds} s.")
        taken: Taken = receiver.recv()
        return taken
    finally:
        child.kill()
        child.join()


def least(several: list[Taken]) -> Taken:
    """Return the least wall time and the least CPU time, each for itself."""
    return Taken(wall=min(taken.wall for taken in several), cpu=min(taken.cpu for taken in several))


def _once(work: Work) -> Taken:
    gc.collect()
    gc.disable()
    try:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        return Taken(cpu=time.process_time() - cpu, wall=time.perf_counter() - wall)
    finally:
        gc.enable()


def load_before() -> float:
    """Return how many processes wanted to run in the minute before the benches began."""
    return float(os.environ.get(LOAD_VARIABLE) or os.getloadavg()[0])


def is_quiet() -> bool:
    """Say whether the wall can be trusted: it is the machine's, not that of others on it."""
    return load_before() < QUIET_BELOW


def figure_row(name: str, figure: float, *, unit: str, budget: float | None = None) -> Row:
    """Return the row of one figure without a reference; without a budget it is only shown."""
    return {
        "name": name,
        "ours": figure,
        "reference": None,
        "ratio": None,
        "budget": budget,
        "unit": unit,
        "passed": budget is None or figure <= budget,
    }


def absent_row(name: str) -> Row:
    """Return the row of what could not be measured here; its budget does not apply."""
    return figure_row(name, 0.0, unit="") | {"ours": None}


def ratio_row(name: str, ours: Taken, reference: Taken, *, budget: float | None = None) -> Row:
    """Return the row of CPU times measured in turn; the budget bounds their ratio."""
    ratio = ours.cpu / reference.cpu
    passed = budget is None or ratio <= budget
    row = figure_row(name, ours.cpu, unit="CPU s", budget=budget)
    return row | {"reference": reference.cpu, "ratio": ratio, "passed": passed}


def wall_rows(name: str, taken: Taken, *, budget: float) -> list[Row]:
    """Return two rows, the wall and the CPU time: the wall is judged on a quiet machine, the CPU time on another."""
    judged = is_quiet()
    return [
        figure_row(f"{name}, wall", taken.wall, unit="s", budget=budget if judged else None),
        figure_row(f"{name}, CPU", taken.cpu, unit="CPU s", budget=None if judged else budget),
    ]
