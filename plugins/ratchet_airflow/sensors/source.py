"""The first task of ``<model>__ingest``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet_airflow.sensors.span import SpanSensor

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ratchet_airflow.runs import ModelRun


class WaitForSourceSensor(SpanSensor):
    """
    Wait until the span has ended and, where files deliver it, until they are there and whole.

    At the deadline the task fails, which is the alarm; cleared when the delivery has come, it goes on.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param deferrable: Wait in the triggerer; False holds a worker slot meanwhile.
    """

    awaited = "source"

    def sense(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return the instants of the span."""
        start, end = run.calendar.bounds(run.span)
        self.log.info("The source of %s can be asked for %s.", self.model, run.span)
        return {"span": run.span, "start": start.isoformat(), "end": end.isoformat()}
