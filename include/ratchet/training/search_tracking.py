"""A search in MLflow: a parent run, and a child run for each trial that people compare there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.training.registry import bounded
from ratchet.training.tracking import KEY_TAG, LOGGED_TAG

if TYPE_CHECKING:
    from datetime import datetime

    from mlflow import MlflowClient

    from ratchet.training.tracking import TrackingRun

PARENT_TAG = "mlflow.parentRunId"
_STATES = {"complete": "FINISHED", "pruned": "KILLED", "fail": "FAILED", "running": "RUNNING"}
_PAGE = 1000


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

    time = int(at.timestamp() * 1000)
    with bounded(run.tracking_uri) as client:
        entered = _entered(client, run)
        for trial in record.trials:
            if str(trial.number) not in entered:
                _log_trial(client, run, trial, time)
        for name, page in record.pages.items():
            client.log_text(run.run_id, page, name)
        best = [Metric("best_auc", auc, time, number) for number, auc in _best_so_far(record.trials)]
        client.log_batch(
            run.run_id,
            metrics=[*best, *(Metric(name, value, time, 0) for name, value in record.metrics.items())],
            params=[Param(name, str(value)) for name, value in record.parameters.items()],
            tags=[RunTag(name, value) for name, value in record.tags.items() if value],
        )
        client.set_tag(run.run_id, LOGGED_TAG, "true")
        client.set_terminated(run.run_id, "FINISHED", end_time=time)


def _log_trial(client: MlflowClient, run: TrackingRun, trial: TrialRecord, time: int) -> None:
    from mlflow.entities import Metric, Param

    tags = {PARENT_TAG: run.run_id, "ratchet.trial": str(trial.number), KEY_TAG: f"{run.key}/{trial.number}"}
    child = client.create_run(run.experiment_id, start_time=time, tags=tags, run_name=f"trial {trial.number}")
    figures = {"validation_auc": trial.auc, "seconds": trial.seconds}
    client.log_batch(
        child.info.run_id,
        metrics=[Metric(name, value, time, 0) for name, value in figures.items() if value is not None],
        params=[Param(name, str(value)) for name, value in trial.parameters.items()],
    )
    # Last, so that a trial which is finished in MLflow is entered whole.
    client.set_terminated(child.info.run_id, _STATES[trial.state], end_time=time + int(1000 * (trial.seconds or 0)))


def _entered(client: MlflowClient, run: TrackingRun) -> set[str]:
    """Return the numbers of the trials that an earlier call has entered; one entered in part is deleted."""
    found, token = set(), None
    while True:
        page = client.search_runs(
            [run.experiment_id], f"tags.`{PARENT_TAG}` = '{run.run_id}'", max_results=_PAGE, page_token=token
        )
        for child in page:
            if child.info.status == "RUNNING":
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
