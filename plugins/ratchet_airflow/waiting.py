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
    from ratchet.spans.sources import SpanWindow
    from ratchet.spec.delivery import FilesDelivery
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
    return examples.is_validated(run.span)


def _is_delivered(run: ModelRun, now: datetime) -> bool:
    """Say whether the source can be asked; a function, a database and a table can be for every span that has ended."""
    from ratchet.spans.sources.completeness import is_complete

    return all(is_complete(run.project, delivery, window, now) for delivery, window in _awaited_files(run))


def _awaited_files(run: ModelRun) -> list[tuple[FilesDelivery, SpanWindow]]:
    """Return the files that a span is made of, its own and joined ones, by how and for when they are delivered."""
    from ratchet.spans.joined import windows_of
    from ratchet.spans.sources import SpanWindow
    from ratchet.spec.delivery import FilesDelivery

    own = [(run.spec.source.delivery, SpanWindow.of(run.calendar, run.span))]
    joined = [(join.delivery, of) for join in run.spec.joins.values() for of in windows_of(run.spec, join, run.span)]
    return [(delivery, of) for delivery, of in (*own, *joined) if isinstance(delivery, FilesDelivery)]


def explain_late(awaited: Awaited, run: ModelRun, now: datetime) -> str:
    """Return what a person may do about an input that was not there in time."""
    late = _awaited_files(run) if awaited == "source" else []
    if not late:
        return "Look at the ingest run of that span."
    from ratchet.spans.sources.completeness import is_complete
    from ratchet.spans.sources.patterns import fill_in

    patterns = [
        (pattern, window)
        for delivery, window in late
        if not is_complete(run.project, delivery, window, now)
        for pattern in (delivery.path, delivery.complete_marker)
        if pattern is not None
    ]
    named = " and ".join(fill_in(pattern, window) for pattern, window in patterns)
    return (
        f"Missing, or still being written: {named}. The span counts as missing, never as empty. "
        "Clear this task when the delivery has come."
    )
