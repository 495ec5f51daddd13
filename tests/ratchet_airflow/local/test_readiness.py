from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ratchet_airflow.local.readiness import name_missing, name_silent

SINCE = datetime(2026, 11, 20, 12, tzinfo=UTC)


def make_health(heartbeat: datetime | None) -> dict[str, Any]:
    text = heartbeat.isoformat() if heartbeat else None
    return {name: {f"latest_{name}_heartbeat": text} for name in ("scheduler", "dag_processor", "triggerer")}


class TestNameSilent:
    @pytest.mark.parametrize(
        ("heartbeat", "n_silent"),
        [
            pytest.param(SINCE, 0, id="at-the-start"),
            pytest.param(SINCE - timedelta(microseconds=1), 3, id="of-the-process-before"),
            pytest.param(None, 3, id="none-yet"),
        ],
    )
    def test_only_a_heartbeat_since_the_start_counts(self, heartbeat: datetime | None, n_silent: int) -> None:
        assert len(name_silent(make_health(heartbeat), since=SINCE)) == n_silent

    def test_a_component_that_airflow_does_not_know_is_silent(self) -> None:
        health = make_health(SINCE) | {"dag_processor": None}
        assert name_silent(health, since=SINCE) == ["dag-processor"]


class TestNameMissing:
    def test_servers_that_refuse_a_connection_are_missing(self) -> None:
        nowhere = "http://127.0.0.1:1"
        assert name_missing(airflow_url=nowhere, mlflow_url=nowhere, since=SINCE) == ["mlflow", "api-server"]
