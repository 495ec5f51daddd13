"""What starts the runs of ``<model>__ingest``: the end of a span, or the event that it has arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import PartitionedAssetTimetable

from ratchet.identity import ModelId
from ratchet_airflow.assets import arrival_asset
from ratchet_airflow.pipelines.defaults import last_run
from ratchet_airflow.timetables import SpanTimetable

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


def span_schedule(spec: ModelSpec) -> SpanTimetable:
    """Return the timetable that starts a run at the end of each span, under its key."""
    return SpanTimetable(time_zone=spec.source.time_zone, span=spec.source.span)


def ingest_schedule(spec: ModelSpec) -> dict[str, Any]:
    """Return schedule and end of the ingestion: a clock ends with the source, an event may be of any of its spans."""
    if spec.source.arrival.kind == "clock":
        return {"schedule": span_schedule(spec), "end_date": last_run(spec)}
    return {"schedule": PartitionedAssetTimetable(assets=arrival_asset(ModelId(spec.name)))}
