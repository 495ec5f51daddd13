"""One night in Airflow: its run is asked for, the scheduler starts it, and what follows from it is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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

    def live_through(self, span: str, *, load_from: str | None = None) -> NightRecord:
        """Return the night of ``span`` when all that it started has ended.

        A night whose run is there already (the demo was killed in it) is waited for, not started again.

        Parameters
        ----------
        load_from : str, optional
            Take in the history from this span on, in the same run: the first load.

        Raises
        ------
        RuntimeError
            If a run failed that should not: any but a validation that stopped the span.
        """
        started = time.monotonic()
        if not self.client.list_runs(f"{MODEL}__ingest", partition_key=span):
            self._ask_for(span, load_from)
        ingested = self._ended("ingest", span)
        taken_in = self._result("ingest", ingested, "ingest_span")
        validated = self._result("ingest", ingested, "validate_span")
        night: dict[str, Any] = {"rows": taken_in["rows_in"], "validation": validated["verdict"]}
        if validated["verdict"] == "pass":
            self._require_success("ingest", ingested)
            night |= self._watched(span)
        return NightRecord(span=span, fault=words_for(span), seconds=round(time.monotonic() - started, 1), **night)

    def _ask_for(self, span: str, load_from: str | None) -> None:
        if load_from is not None:
            self.client.trigger(f"{MODEL}__ingest", partition_key=span, conf={"first_span": load_from})
            return
        # A backfill of one day: the scheduler makes and starts the run, as it does at midnight. Airflow takes the
        # clock reading of the bounds for that of the timetable's zone, whatever their own zone is.
        midnight = f"{span}T00:00:00+00:00"
        self.client.create_backfill(f"{MODEL}__ingest", from_date=midnight, to_date=midnight)

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
            self.check_alive()
            runs = self.client.list_runs(dag_id, partition_key=span)
            if runs and runs[-1]["state"] in _ENDED:
                return runs[-1]
            if time.monotonic() > deadline:
                state = runs[-1]["state"] if runs else "not started"
                raise TimeoutError(f"{dag_id} for {span} is {state} after {NIGHT_SECONDS:g} s.")
            self.on_progress(f"{span}: {purpose}{self._running_task(dag_id, runs)}")
            time.sleep(_POLL_SECONDS)

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

    def _require_success(self, purpose: str, run: dict[str, Any]) -> None:
        if run["state"] != "success":
            raise RuntimeError(self._failure(purpose, run))

    def _failure(self, purpose: str, run: dict[str, Any]) -> str:
        dag_id, run_id = f"{MODEL}__{purpose}", run["dag_run_id"]
        failed = [task for task in self.client.task_instances(dag_id, run_id) if task["state"] == "failed"]
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
