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

# The source can be asked for the span; the span's examples have passed validation (statistics are stored before);
# they have been taken in, whatever validation says; the deadline of the span's night is over.
Awaited = Literal["source", "validated_span", "arrival", "deadline"]
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
    if awaited == "source":
        # A function of the model folder can be asked for every span that has ended.
        _, end = run.calendar.bounds(run.span)
        return now >= end
    if awaited == "deadline":
        return now >= night_of(run).deadline
    from ratchet.spans.manifests import ManifestStore
    from ratchet.storage.objects import open_store

    examples = ManifestStore(open_store(run.project.home), ModelId(run.spec.name), "examples")
    if awaited == "arrival":
        return examples.newest(run.span) is not None
    return run.span in examples.validated()
