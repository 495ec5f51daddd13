"""What of a stack does not answer yet."""

from __future__ import annotations

import http.client
import json
import urllib.request
from datetime import datetime
from typing import Any

_FIRST_SECONDS = 60.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
_HEARTBEATS = {
    "scheduler": "latest_scheduler_heartbeat",
    "dag_processor": "latest_dag_processor_heartbeat",
    "triggerer": "latest_triggerer_heartbeat",
}


def name_missing(*, airflow_url: str, mlflow_url: str, since: datetime) -> list[str]:
    """Return the names of the components that do not answer, or have had no heartbeat since ``since``."""
    missing = [] if _ask(f"{mlflow_url}/health") is not None else ["mlflow"]
    health = _ask(f"{airflow_url}/api/v2/monitor/health")
    # Airflow builds the API that tasks talk to at its first request, which takes 4 s; a task gives up after 5 and waits
    # before it tries again, which made the first run take 13 s. So the first request is ours.
    if health is None or _ask(f"{airflow_url}/execution/health/ping", timeout_seconds=_FIRST_SECONDS) is None:
        return [*missing, "api-server"]
    return missing + name_silent(json.loads(health), since=since)


def name_silent(health: dict[str, Any], *, since: datetime) -> list[str]:
    """Return the components that Airflow's health page does not show alive since ``since``.

    Its own word "healthy" is not enough after a restart: it counts the last heartbeat of the process before.
    """
    return [
        component.replace("_", "-")
        for component, key in _HEARTBEATS.items()
        if not _is_after((health.get(component) or {}).get(key), since)
    ]


def _is_after(heartbeat: str | None, since: datetime) -> bool:
    return heartbeat is not None and datetime.fromisoformat(heartbeat) >= since


def _ask(url: str, *, timeout_seconds: float = 5.0) -> bytes | None:
    # Not httpx: it reads all root certificates for each client, a tenth of a core in a loop that asks often.
    try:
        with _OPENER.open(url, timeout=timeout_seconds) as response:
            answer: bytes = response.read()
            return answer
    except (OSError, http.client.HTTPException):
        return None
