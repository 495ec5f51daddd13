"""One night in Airflow: its run is asked for, the scheduler starts it, and what follows from it is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from ratchet_airflow.demo.faults import MODEL, words_for
from ratchet_airflow.demo.record import NightRecord
from ratchet_airflow.local.rest import AirflowApiError

if TYPE_CHECKING:
    from ratchet_airflow.local.rest import AirflowClient

# Generous: on a busy machine a night takes ten times as long, and nothing is gained by giving up.
NIGHT_SECONDS = 900.0
_POLL_SECONDS = 0.5
_ENDED = ("success", "failed")

OnProgress = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class NightDriver:
    """Lives through nights over Airflow's REST API."""

    client: AirflowClient
    on_progress: OnProgress
    check_alive: Callable[[], None]

    def live_through(self, span: str, *, last: str, load_from: str | None = None) -> NightRecord:
        """Return the night of ``span`` when all that it started has ended.

        A night whose run is there already (the demo was killed in it) is waited for, not started again.

        Parameters
        ----------
        last : str
            The last night there will be: the backfill that this one belongs to ends with it.
        load_from : str, optional
            Take in the history from this span on, in the same run: the first load.

        Raises
        ------
        RuntimeError
            If a run failed that should not: any but a validation that stopped the span, or outcomes of an earlier one.
        """
        started = time.monotonic()
        if load_from is not None and not self._runs("ingest", span):
            self.client.trigger(f"{MODEL}__ingest", partition_key=span, conf={"first_span": load_from})
        elif load_from is None and not self._has_begun(span):
            self._let_fall(span, last)
        ingested = self._ended("ingest", span)
        taken_in = self._result("ingest", ingested, "ingest_span")
        validated = self._result("ingest", ingested, "validate_span")
        night: dict[str, Any] = {"rows": taken_in["rows_in"], "validation": validated["verdict"]}
        if validated["verdict"] == "pass":
            # Outcomes of an earlier night that were stopped fail their own task; this night goes on.
            self._require_success("ingest", ingested, but_for="validate_ground_truth")
            night |= self._watched(span)
        return NightRecord(span=span, fault=words_for(span), seconds=round(time.monotonic() - started, 1), **night)

    def _let_fall(self, span: str, last: str) -> None:
        """Let the scheduler start the run of ``span``, and hold it back before it starts the next.

        All nights are one backfill, held between them: the scheduler would else begin a night while the training of
        the one before still runs. A backfill for each would not do: Airflow notices only every 30 s that one is over.
        """
        deadline = time.monotonic() + NIGHT_SECONDS
        backfill_id = self._open_backfill(span, last, deadline)
        self.client.unpause_backfill(backfill_id)
        while not self._has_begun(span):
            self._pause(deadline, f"the scheduler has not started {MODEL}__ingest for {span}")
        self.client.pause_backfill(backfill_id)

    def _open_backfill(self, span: str, last: str, deadline: float) -> int:
        # Airflow takes the clock reading of the bounds for that of the timetable's zone, whatever their own zone is.
        first, end = f"{span}T00:00:00+00:00", f"{last}T00:00:00+00:00"
        while not self._runs("ingest", span):
            try:
                return int(self.client.create_backfill(f"{MODEL}__ingest", from_date=first, to_date=end)["id"])
            except AirflowApiError as error:
                # Its last run has ended, and Airflow has not noticed yet that the backfill is over.
                if error.status != httpx.codes.CONFLICT:
                    raise
                self._pause(deadline, f"an earlier backfill of {MODEL}__ingest is not over")
        unfinished = self.client.unfinished_backfill(f"{MODEL}__ingest")
        if unfinished is None:
            raise RuntimeError(f"The run of {MODEL}__ingest for {span} waits, and belongs to no backfill.")
        return int(unfinished["id"])

    def _has_begun(self, span: str) -> bool:
        return any(run["state"] != "queued" for run in self._runs("ingest", span))

    def _runs(self, purpose: str, span: str) -> list[dict[str, Any]]:
        return self.client.list_runs(f"{MODEL}__{purpose}", partition_key=span)

    def _pause(self, deadline: float, problem: str) -> None:
        self.check_alive()
        if time.monotonic() > deadline:
            raise TimeoutError(f"After {NIGHT_SECONDS:g} s {problem}.")
        time.sleep(_POLL_SECONDS)

    def _watched(self, span: str) -> dict[str, Any]:
        self._require_success("score", self._ended("score", span))
        watched = self._ended("watch", span)
        self._require_success("watch", watched)
        drift = self._result("watch", watched, "sense_drift")
        decision = self._result("watch", watched, "decide_retrain")
        night = {"drift": _drift_words(drift), "decision": _decision_words(decision)}
        return night | (self._renewed(span) if decision["decision"] == "request" else {})

    def _renewed(self, span: str) -> dict[str, Any]:
        trained = self._ended("train", span)
        self._require_success("train", trained)
        gate = self._result("train", trained, "decide_gate")
        if gate["verdict"] == "pass":
            self._require_success("release", self._ended("release", span))
        return {"gate": gate["verdict"], "gate_words": gate["words"]}

    def _ended(self, purpose: str, span: str) -> dict[str, Any]:
        dag_id, deadline = f"{MODEL}__{purpose}", time.monotonic() + NIGHT_SECONDS
        while True:
            runs = self._runs(purpose, span)
            if runs and runs[-1]["state"] in _ENDED:
                return runs[-1]
            self.on_progress(f"{span}: {purpose}{self._running_task(dag_id, runs)}")
            self._pause(deadline, f"{dag_id} for {span} is {runs[-1]['state'] if runs else 'not started'}")

    def _running_task(self, dag_id: str, runs: list[dict[str, Any]]) -> str:
        if not runs:
            return " is about to start"
        tasks = self.client.task_instances(dag_id, runs[-1]["dag_run_id"])
        running = [task["task_id"] for task in tasks if task["state"] in ("running", "deferred", "up_for_retry")]
        return f": {', '.join(running)}" if running else ""

    def _result(self, purpose: str, run: dict[str, Any], task_id: str) -> dict[str, Any]:
        try:
            result: dict[str, Any] = self.client.xcom(f"{MODEL}__{purpose}", run["dag_run_id"], task_id)
        except AirflowApiError as error:
            raise RuntimeError(self._failure(purpose, run)) from error
        return result

    def _require_success(self, purpose: str, run: dict[str, Any], *, but_for: str = "") -> None:
        if run["state"] != "success" and {task["task_id"] for task in self._failed_tasks(purpose, run)} != {but_for}:
            raise RuntimeError(self._failure(purpose, run))

    def _failed_tasks(self, purpose: str, run: dict[str, Any]) -> list[dict[str, Any]]:
        tasks = self.client.task_instances(f"{MODEL}__{purpose}", run["dag_run_id"])
        return [task for task in tasks if task["state"] == "failed"]

    def _failure(self, purpose: str, run: dict[str, Any]) -> str:
        dag_id, run_id = f"{MODEL}__{purpose}", run["dag_run_id"]
        failed = self._failed_tasks(purpose, run)
        logs = [
            self.client.logs(dag_id, run_id, task["task_id"], try_number=task["try_number"])[-2000:] for task in failed
        ]
        named = ", ".join(task["task_id"] for task in failed) or "no task"
        return "\n".join([f"{dag_id} of {run['partition_key']} ended {run['state']} ({named} failed).", *logs])


def _drift_words(drift: dict[str, Any]) -> str:
    return ", ".join(drift["drifted"]) if drift["drifted"] else str(drift["verdict"])


def _decision_words(decision: dict[str, Any]) -> str:
    if decision["decision"] != "request":
        return str(decision["decision"])
    return f"train: {', '.join(decision['reasons'])}".replace("_", " ")
