"""What starts the runs of ``<model>__ingest``: the end of a span, or the event that it has arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import CronPartitionTimetable, PartitionedAssetTimetable

from ratchet.identity import ModelId
from ratchet_airflow.assets import arrival_asset
from ratchet_airflow.pipelines.defaults import last_run

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


def span_schedule(spec: ModelSpec) -> Any:
    """Return the timetable that starts a run at the end of each span, under its key."""
    # At midnight exactly: at another hour a scheduled run and a backfill of the same day would have different dates.
    return CronPartitionTimetable("0 0 * * *", timezone=spec.source.time_zone, run_offset=-1, key_format="%Y-%m-%d")


def ingest_schedule(spec: ModelSpec) -> dict[str, Any]:
    """Return schedule and end of the ingestion: a clock ends with the source, an event may be of any of its spans."""
    if spec.source.arrival.kind == "clock":
        return {"schedule": span_schedule(spec), "end_date": last_run(spec)}
    return {"schedule": PartitionedAssetTimetable(assets=arrival_asset(ModelId(spec.name)))}
