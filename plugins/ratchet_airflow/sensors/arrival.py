"""The sensors of ``<model>__deadline``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ratchet_airflow.sensors.span import SpanSensor
from ratchet_airflow.waiting import night_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ratchet_airflow.runs import ModelRun


class WaitForArrivalSensor(SpanSensor):
    """
    Wait until a span has been taken in, and fail at its deadline: that is the alarm of a span that does not come.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param deferrable: Wait in the triggerer; False holds a worker slot meanwhile.
    """

    awaited = "arrival"

    def sense(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return the span that is there."""
        self.log.info("Span %s of %s has arrived.", run.span, self.model)
        return {"span": run.span}


class WaitForDeadlineSensor(SpanSensor):
    """
    Wait until the deadline of a span, at which an open one is sealed.

    :param model: Name of the model folder.
    :param span: The span's key; the partition key of the run by default. (templated)
    :param deferrable: Wait in the triggerer; False holds a worker slot meanwhile.
    """

    awaited = "deadline"

    def sense(self, context: Context, run: ModelRun) -> dict[str, Any]:
        """Return the deadline that is over."""
        deadline = night_of(run).deadline
        self.log.info("Span %s of %s is sealed now: its deadline was %s.", run.span, self.model, deadline)
        return {"span": run.span, "deadline": deadline.isoformat()}
