"""The part of an Airflow context that our operators read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Asset


class TaskInstance:
    """Remembers what a task pushed."""

    def __init__(self) -> None:
        self.start_date = datetime(2024, 3, 2, 6, tzinfo=UTC)
        self.pushed: dict[str, Any] = {}
        self.alive: set[str] = set()

    def get_dr_count(self, *, dag_id: str, run_ids: list[str], states: list[str]) -> int:
        return len(self.alive & set(run_ids))

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def an_event(asset: Asset, extra: dict[str, Any], *, hour: int = 0) -> Any:
    """An event of an asset, as a run that it started is told of it."""
    return SimpleNamespace(
        asset=SimpleNamespace(name=asset.name, uri=asset.uri, extra={}),
        extra=extra,
        source_aliases=[],
        timestamp=datetime(2024, 3, 2, hour, tzinfo=UTC),
    )


def make_context(
    *,
    dag_id: str = "parcels__test",
    user: str | None = None,
    params: dict[str, Any] | None = None,
    events: Sequence[Any] = (),
    run_id: str = "manual__1",
    alive: Sequence[str] = (),
) -> Any:
    """A context with Airflow's own accessors for asset events."""
    from airflow.sdk.execution_time.context import OutletEventAccessors, TriggeringAssetEventsAccessor

    ti = TaskInstance()
    ti.alive = set(alive)
    return {
        "ti": ti,
        "run_id": run_id,
        "dag_run": SimpleNamespace(dag_id=dag_id, triggering_user_name=user),
        "params": params or {},
        "triggering_asset_events": TriggeringAssetEventsAccessor.build(events),
        "outlet_events": OutletEventAccessors(),
    }
