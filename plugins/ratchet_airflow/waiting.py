"""How long an input is waited for, and how one looks whether it is there.

Sensor and trigger both ask here, so the one that waits on a worker and the one that waits in the triggerer cannot
disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from ratchet.identity import ModelId

if TYPE_CHECKING:
    from ratchet_airflow.runs import ModelRun

# The span has ended; its files are there, whole, where files deliver it; its examples have passed validation
# (statistics are stored before); they have been taken in, whatever validation says; its deadline is over.
Awaited = Literal["night", "source", "validated_span", "arrival", "deadline"]
Answer = Literal["there", "late", "wait"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Waiting until a deadline on the wall clock, which outlives any process."""

    deadline: datetime

    def judge(self, *, is_there: bool, now: datetime) -> Answer:
        """Return whether to go on, to give up, or to look again; what is there at the deadline is not late."""
        if is_there:
            return "there"
        return "late" if now >= self.deadline else "wait"


def night_of(run: ModelRun) -> Wait:
    """Return the wait that ends ``deadline_hours`` after the run's span."""
    _, end = run.calendar.bounds(run.span)
    return Wait(deadline=end + timedelta(hours=run.spec.source.deadline_hours))


def is_there(awaited: Awaited, run: ModelRun, now: datetime) -> bool:
    """Look whether an input of the run is there. Never looks for labels: an outcome may take months."""
    if awaited in ("night", "source"):
        _, end = run.calendar.bounds(run.span)
        return now >= end and (awaited == "night" or _is_delivered(run, now))
    if awaited == "deadline":
        return now >= night_of(run).deadline
    from ratchet.spans.manifests import ManifestStore
    from ratchet.storage.objects import open_store

    examples = ManifestStore(open_store(run.project.home), ModelId(run.spec.name), "examples")
    if awaited == "arrival":
        return examples.newest(run.span) is not None
    return run.span in examples.validated()


def _is_delivered(run: ModelRun, now: datetime) -> bool:
    """Say whether the source can be asked; a function, a database and a table can be for every span that has ended."""
    from ratchet.spec.delivery import FilesDelivery

    delivery = run.spec.source.delivery
    if not isinstance(delivery, FilesDelivery):
        return True
    from ratchet.spans.sources import SpanWindow
    from ratchet.spans.sources.completeness import is_complete

    return is_complete(run.project, delivery, SpanWindow.of(run.calendar, run.span), now)


def explain_late(awaited: Awaited, run: ModelRun) -> str:
    """Return what a person may do about an input that was not there in time."""
    from ratchet.spec.delivery import FilesDelivery

    delivery = run.spec.source.delivery
    if awaited != "source" or not isinstance(delivery, FilesDelivery):
        return "Look at the ingest run of that span."
    from ratchet.spans.sources import SpanWindow
    from ratchet.spans.sources.patterns import fill_in

    window = SpanWindow.of(run.calendar, run.span)
    awaited_files = [delivery.path, *([delivery.complete_marker] if delivery.complete_marker else [])]
    named = " and ".join(fill_in(pattern, window) for pattern in awaited_files)
    return (
        f"Missing, or still being written: {named}. The span counts as missing, never as empty. "
        "Clear this task when the delivery has come."
    )
