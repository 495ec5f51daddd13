"""Functions in processes of their own: killed at a crash point, or started at the same moment.

The processes are forked off a server that has only imported, so none waits for imports, and none inherits the threads
of Delta, which do not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from functools import cache
from multiprocessing.context import ForkServerContext
from multiprocessing.synchronize import Barrier
from typing import Any

from ratchet.crashpoints import VARIABLE

# What the steps import inside their functions: ten seconds, once, and not for each process.
_PRELOADED = (
    *("ratchet.steps.night", "ratchet.steps.roll_back", "pytest", "pandas"),
    *("mlflow.store.tracking.sqlalchemy_workspace_store", "mlflow.store.model_registry.sqlalchemy_workspace_store"),
    *("sklearn.linear_model", "sklearn.compose", "sklearn.impute", "sklearn.preprocessing", "skops.io"),
)
_SECONDS = 120


def killed_at(point: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Run the function until it dies at the crash point; one that returns is a failure."""
    process = _context().Process(target=_run_until, args=(point, function, args, kwargs))
    process.start()
    process.join(_SECONDS)
    assert process.exitcode == -signal.SIGKILL, f"not killed at {point}: exit code {process.exitcode}"


def race(*calls: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]) -> list[Any]:
    """Run the calls at the same moment, one process each; what each returned, or the error it raised."""
    context = _context()
    barrier, answers = context.Barrier(len(calls)), context.Queue()
    processes = [
        context.Process(target=_run_together, args=(barrier, answers, number, *call))
        for number, call in enumerate(calls)
    ]
    for process in processes:
        process.start()
    found = dict(answers.get(timeout=_SECONDS) for _ in calls)
    for process in processes:
        process.join(_SECONDS)
    return [found[number] for number in range(len(calls))]


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_PRELOADED))
    return context


def _run_until(point: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    os.environ[VARIABLE] = point
    function(*args, **kwargs)


def _run_together(
    barrier: Barrier,
    answers: Any,
    number: int,
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    barrier.wait(_SECONDS)
    try:
        answers.put((number, function(*args, **kwargs)))
    except Exception as error:
        answers.put((number, f"{type(error).__name__}: {error}"))
