"""A client of Airflow's REST API that outlives a restarting server and a locked SQLite."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import httpx

_PAGE = 100
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_FINAL_STATES = frozenset({"success", "failed"})


class AirflowApiError(RuntimeError):
    """Airflow refused a request; a retry gets the same answer. ``status`` is the HTTP status."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class AirflowClient:
    """Talks to ``/api/v2`` of one Airflow, with a token that it fetches and renews.

    Parameters
    ----------
    base_url : str
    user, password : str
    retry_seconds : float
        How long a request is repeated while the server cannot be reached or answers 5xx.
    timeout_seconds : float
        How long one answer may take.
    transport : httpx.BaseTransport, optional
        What carries the requests; the network by default.
    """

    def __init__(
        self,
        base_url: str,
        *,
        user: str,
        password: str,
        retry_seconds: float = 60.0,
        timeout_seconds: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._user, self._password = user, password
        self._retry_seconds = retry_seconds
        self._http = httpx.Client(base_url=base_url, timeout=timeout_seconds, trust_env=False, transport=transport)
        self._token: str | None = None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def health(self) -> dict[str, Any]:
        """Return what Airflow's health page says, by component."""
        return self._get("monitor/health")

    def dags(self) -> list[dict[str, Any]]:
        """Return all DAGs that have been parsed."""
        return list(self._pages("dags", "dags"))

    def import_errors(self) -> list[dict[str, Any]]:
        """Return the DAG files that failed to import, each with its ``stack_trace``."""
        return list(self._pages("importErrors", "import_errors"))

    def plugin_import_errors(self) -> list[dict[str, Any]]:
        """Return the plugins that failed to load in the API server."""
        errors: list[dict[str, Any]] = self._get("plugins/importErrors")["import_errors"]
        return errors

    def wait_for_dags(self, dag_ids: set[str], *, timeout_seconds: float) -> None:
        """Return when all these DAGs have been parsed; an import error or the time-out raises."""
        deadline = time.monotonic() + timeout_seconds
        while missing := dag_ids - {dag["dag_id"] for dag in self.dags()}:
            if errors := self.import_errors():
                raise ImportError("\n".join(f"{error['filename']}: {error['stack_trace']}" for error in errors))
            if time.monotonic() > deadline:
                raise TimeoutError(f"DAGs {sorted(missing)} were not parsed within {timeout_seconds:g} s.")
            time.sleep(_FIRST_PAUSE_SECONDS)

    def unpause(self, dag_id: str) -> None:
        """Let the scheduler start runs of a DAG."""
        self._request("PATCH", f"dags/{dag_id}", json={"is_paused": False})

    def pause(self, dag_id: str) -> None:
        """Keep the scheduler from starting runs of a DAG."""
        self._request("PATCH", f"dags/{dag_id}", json={"is_paused": True})

    def trigger(
        self, dag_id: str, *, partition_key: str | None = None, conf: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Start a run and return it; a repeated request starts no second one."""
        # We name the run: when the answer to the first try was lost, the next one finds the run in place.
        run_id = "__".join(filter(None, ("manual", partition_key, uuid.uuid4().hex[:12])))
        body = {"dag_run_id": run_id, "logical_date": None, "partition_key": partition_key, "conf": dict(conf or {})}
        try:
            return self._request("POST", f"dags/{dag_id}/dagRuns", json=body)
        except AirflowApiError as error:
            if error.status != httpx.codes.CONFLICT:
                raise
            return self.run(dag_id, run_id)

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return one run."""
        return self._get(f"dags/{dag_id}/dagRuns/{run_id}")

    def list_runs(self, dag_id: str, *, partition_key: str | None = None) -> list[dict[str, Any]]:
        """Return the runs of a DAG (``~`` for all DAGs), oldest first; only those of one key when it is named."""
        wanted = {} if partition_key is None else {"partition_key_prefix_pattern": partition_key}
        runs = self._pages(f"dags/{dag_id}/dagRuns", "dag_runs", order_by="id", **wanted)
        return [run for run in runs if partition_key in (None, run["partition_key"])]

    def wait_for_run(self, dag_id: str, run_id: str, *, timeout_seconds: float) -> dict[str, Any]:
        """Return the run when it has ended, well or not."""
        deadline = time.monotonic() + timeout_seconds
        while (run := self.run(dag_id, run_id))["state"] not in _FINAL_STATES:
            _pause_until(deadline, f"run {run_id} of {dag_id} is still {run['state']} after {timeout_seconds:g} s.")
        return run

    def wait_for_key(self, dag_id: str, partition_key: str, *, timeout_seconds: float) -> dict[str, Any]:
        """Return the newest run of a key when there is one and it has ended."""
        deadline = time.monotonic() + timeout_seconds
        while (
            not (runs := self.list_runs(dag_id, partition_key=partition_key)) or runs[-1]["state"] not in _FINAL_STATES
        ):
            state = runs[-1]["state"] if runs else "not there"
            _pause_until(deadline, f"the run of {dag_id} for {partition_key} is {state} after {timeout_seconds:g} s.")
        return runs[-1]

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """Return the tasks of a run with their states."""
        return list(self._pages(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances", "task_instances"))

    def xcom(self, dag_id: str, run_id: str, task_id: str, *, key: str = "return_value", map_index: int = -1) -> Any:
        """Return a value that a task has left; ``AirflowApiError`` with status 404 when it left none."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}"
        return self._get(path, map_index=map_index, stringify=False)["value"]

    def logs(self, dag_id: str, run_id: str, task_id: str, *, try_number: int = 1, map_index: int = -1) -> str:
        """Return the log of one try of a task, a line an event."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{try_number}"
        content = self._get(path, map_index=map_index, full_content=True)["content"]
        return "\n".join(line if isinstance(line, str) else _log_line(line) for line in content)

    def assets(self) -> list[dict[str, Any]]:
        """Return all assets; their ``id`` is what events are posted to."""
        return list(self._pages("assets", "assets"))

    def asset_events(self, *, source_dag_id: str | None = None, asset_id: int | None = None) -> list[dict[str, Any]]:
        """Return asset events, oldest first."""
        wanted = {"source_dag_id": source_dag_id, "asset_id": asset_id}
        return list(
            self._pages(
                "assets/events",
                "asset_events",
                order_by="timestamp",
                **{name: value for name, value in wanted.items() if value is not None},
            )
        )

    def create_backfill(
        self,
        dag_id: str,
        *,
        from_date: str,
        to_date: str,
        reprocess: str = "none",
        max_active_runs: int = 1,
        conf: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Start runs for each partition from ``from_date`` to ``to_date`` (ISO, with a zone) and return the backfill.

        ``reprocess``: of the keys that have a run, repeat "none", the "failed" or all "completed" ones.
        """
        body = {
            "dag_id": dag_id,
            "from_date": from_date,
            "to_date": to_date,
            "reprocess_behavior": reprocess,
            "max_active_runs": max_active_runs,
            "dag_run_conf": dict(conf or {}),
        }
        return self._request("POST", "backfills", json=body)

    def unfinished_backfill(self, dag_id: str) -> dict[str, Any] | None:
        """Return the backfill of a DAG that is not complete; Airflow allows one at a time. None without one."""
        found = [one for one in self._pages("backfills", "backfills", dag_id=dag_id) if one["completed_at"] is None]
        return found[0] if found else None

    def pause_backfill(self, backfill_id: int) -> None:
        """Start none of its queued runs from now on; one that is complete is left alone."""
        self._move_backfill(backfill_id, "pause")

    def unpause_backfill(self, backfill_id: int) -> None:
        """Start its queued runs again; one that is complete is left alone."""
        self._move_backfill(backfill_id, "unpause")

    def _move_backfill(self, backfill_id: int, verb: str) -> None:
        try:
            self._request("PUT", f"backfills/{backfill_id}/{verb}")
        except AirflowApiError as error:
            if error.status != httpx.codes.CONFLICT:
                raise

    def _pages(self, path: str, key: str, **params: Any) -> Iterator[dict[str, Any]]:
        offset = 0
        while True:
            page = self._get(path, limit=_PAGE, offset=offset, **params)[key]
            yield from page
            if len(page) < _PAGE:
                return
            offset += len(page)

    def _get(self, path: str, **params: Any) -> dict[str, Any]:
        return self._request("GET", path, params=params)

    def _request(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        response = self._send(method, f"/api/v2/{path}", **arguments)
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._token = None  # expired, or signed before a restart
            response = self._send(method, f"/api/v2/{path}", **arguments)
        return _json(response)

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        if self._token is None:
            answer = self._repeat("POST", "/auth/token", json={"username": self._user, "password": self._password})
            self._token = _json(answer)["access_token"]
        return self._repeat(method, path, headers={"Authorization": f"Bearer {self._token}"}, **arguments)

    def _repeat(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        deadline, pause = time.monotonic() + self._retry_seconds, _FIRST_PAUSE_SECONDS
        while True:
            try:
                response = self._http.request(method, path, **arguments)
                if response.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                    return response
                seen, cause = f"HTTP {response.status_code}: {response.text[:500]}", None
            except httpx.TransportError as error:
                seen, cause = repr(error), error
            if time.monotonic() + pause > deadline:
                raise ConnectionError(
                    f"{method} {self._http.base_url}{path} failed for {self._retry_seconds:g} s, at last with {seen}"
                ) from cause
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


def _log_line(line: Mapping[str, Any]) -> str:
    """Return an event with what went wrong behind it, which Airflow keeps beside the text."""
    errors = [f"{error['exc_type']}: {error['exc_value']}" for error in line.get("error_detail") or ()]
    return "\n".join([str(line.get("event", "")), *errors])


def _json(response: httpx.Response) -> dict[str, Any]:
    if response.is_error:
        asked = f"{response.request.method} {response.request.url}"
        raise AirflowApiError(
            f"{asked} was answered {response.status_code}: {response.text[:2000]}", status=response.status_code
        )
    answer: dict[str, Any] = response.json()
    return answer


def _pause_until(deadline: float, message: str) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(message)
    time.sleep(_FIRST_PAUSE_SECONDS)
