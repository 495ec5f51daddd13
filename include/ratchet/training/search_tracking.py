"""A search in MLflow: a parent run, and a child run for each trial that people compare there.

A trial is entered by the process that ran it, as soon as it has ended. What is missing at the end, because MLflow was
down or a process was killed, is entered then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.crashpoints import crash_point
from ratchet.training.registry import bounded
from ratchet.training.search.locks import locked
from ratchet.training.tracking import KEY_TAG, LOGGED_TAG, fail_run

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from mlflow import MlflowClient

    from ratchet.training.search.trials import Trial
    from ratchet.training.tracking import TrackingRun

_log = logging.getLogger(__name__)

PARENT_TAG = "mlflow.parentRunId"
_STATES = {"complete": "FINISHED", "pruned": "KILLED", "fail": "FAILED", "running": "RUNNING"}
_PAGE = 1000
# A server that is down holds a call up for twenty seconds: it is left alone for so long.
_PAUSE_SECONDS = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRecord:
    """What is entered of one trial."""

    number: int
    parameters: Mapping[str, object]
    auc: float | None
    seconds: float | None
    state: str

    @classmethod
    def of(cls, trial: Mapping[str, Any]) -> TrialRecord:
        """Return the record of a trial, as the result of a search keeps it."""
        chosen = {"family": trial["family"], "features": trial["features"]}
        return cls(
            number=trial["number"],
            parameters=chosen | dict(trial["parameters"]),
            auc=trial["auc"],
            seconds=trial["seconds"],
            state=trial["state"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRecord:
    """What is entered of one search; ``pages`` maps the name of a file to its text."""

    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    pages: Mapping[str, str]
    trials: tuple[TrialRecord, ...]


def log_search(run: TrackingRun, record: SearchRecord, *, at: datetime) -> None:
    """Enter a search and its trials, and finish its run; one that is entered already is left as it is.

    Raises
    ------
    RegistryDownError
        If MLflow does not answer; a repeat enters what is missing.
    """
    if run.is_logged:
        return
    from mlflow.entities import Metric, Param, RunTag

    stamp = int(at.timestamp() * 1000)
    with bounded(run.tracking_uri) as client:
        entered = _entered(client, run, is_over=True)
        for trial in record.trials:
            if str(trial.number) not in entered:
                _log_trial(client, run, trial, stamp)
        for name, page in record.pages.items():
            client.log_text(run.run_id, page, name)
        best = [Metric("best_auc", auc, stamp, number) for number, auc in _best_so_far(record.trials)]
        client.log_batch(
            run.run_id,
            metrics=[*best, *(Metric(name, value, stamp, 0) for name, value in record.metrics.items())],
            params=[Param(name, str(value)) for name, value in record.parameters.items()],
            tags=[RunTag(name, value) for name, value in record.tags.items() if value],
        )
        client.set_tag(run.run_id, LOGGED_TAG, "true")
        client.set_terminated(run.run_id, "FINISHED", end_time=stamp)


class TrialTeller:
    """Enters the trials of one process in MLflow, each when it has ended. Whatever MLflow does, the search goes on.

    Parameters
    ----------
    start : callable
        Finds or starts the run of the search.
    lock : Path
        A local file that all workers of the search share: they must not start two runs.
    at : datetime
        When the task began: trials are stamped with it, and with how long they took.
    on_run : callable, optional
        Told the run, once, when it is known.
    """

    def __init__(
        self,
        start: Callable[[], TrackingRun],
        *,
        lock: Path,
        at: datetime,
        on_run: Callable[[TrackingRun], None] | None = None,
    ) -> None:
        self._start, self._lock, self._at, self._on_run = start, lock, at, on_run
        self._run: TrackingRun | None = None
        self._entered: set[str] = set()
        self._silent_until = 0.0

    def __call__(self, trial: Trial) -> None:
        """Enter a trial that has ended; in vain while MLflow does not answer."""
        self._try(lambda: self._enter(trial))

    def fail(self) -> None:
        """Mark the run of a search that is broken off as failed; a repeat of the search goes on with it."""
        if self._run is not None:
            run = self._run
            self._try(lambda: fail_run(run, at=self._at))

    def _enter(self, trial: Trial) -> None:
        run = self._run or self._begin()
        if str(trial.number) in self._entered:
            return
        record = TrialRecord(
            number=trial.number,
            parameters={"family": trial.family, "features": trial.features, **trial.parameters},
            auc=trial.auc,
            seconds=trial.seconds,
            state=trial.state,
        )
        with bounded(run.tracking_uri) as client:
            _log_trial(client, run, record, int(self._at.timestamp() * 1000))

    def _begin(self) -> TrackingRun:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with locked(self._lock):
            run = self._start()
        with bounded(run.tracking_uri) as client:
            # A search that lost its study begins again with the same trials: they are there.
            self._entered = _entered(client, run, is_over=False)
        self._run = run
        if self._on_run is not None:
            self._on_run(run)
        return run

    def _try(self, call: Callable[[], None]) -> None:
        if time.monotonic() < self._silent_until:
            return
        try:
            call()
        except Exception as error:  # noqa: BLE001  # what MLflow makes of it is no matter of the search
            self._silent_until = time.monotonic() + _PAUSE_SECONDS
            _log.warning("A trial is entered in MLflow at the end of the search only: %s", error)


def _log_trial(client: MlflowClient, run: TrackingRun, trial: TrialRecord, stamp: int) -> None:
    from mlflow.entities import Metric, Param

    tags = {PARENT_TAG: run.run_id, "ratchet.trial": str(trial.number), KEY_TAG: f"{run.key}/{trial.number}"}
    child = client.create_run(run.experiment_id, start_time=stamp, tags=tags, run_name=f"trial {trial.number}")
    crash_point(f"search.tracked.{trial.number}")
    figures = {"validation_auc": trial.auc, "seconds": trial.seconds}
    client.log_batch(
        child.info.run_id,
        metrics=[Metric(name, value, stamp, 0) for name, value in figures.items() if value is not None],
        params=[Param(name, str(value)) for name, value in trial.parameters.items()],
    )
    # Last, so that a trial which is finished in MLflow is entered whole.
    client.set_terminated(child.info.run_id, _STATES[trial.state], end_time=stamp + int(1000 * (trial.seconds or 0)))


def _entered(client: MlflowClient, run: TrackingRun, *, is_over: bool) -> set[str]:
    """Return the numbers of the trials that are entered whole; when the search is over, what is entered in part goes.

    Until then another worker may be about to enter the rest of it.
    """
    found, token = set(), None
    while True:
        page = client.search_runs(
            [run.experiment_id], f"tags.`{PARENT_TAG}` = '{run.run_id}'", max_results=_PAGE, page_token=token
        )
        for child in page:
            if child.info.status == "RUNNING":
                if is_over:
                    client.delete_run(child.info.run_id)
            else:
                found.add(child.data.tags["ratchet.trial"])
        token = page.token
        if not token:
            return found


def _best_so_far(trials: tuple[TrialRecord, ...]) -> list[tuple[int, float]]:
    best, steps = None, []
    for trial in trials:
        if trial.auc is not None:
            best = trial.auc if best is None else max(best, trial.auc)
            steps.append((trial.number, best))
    return steps
