"""What an operator or a sensor reads from its run before it calls a step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ratchet.errors import InputError
from ratchet.project import Project
from ratchet.spans.calendar import Calendar
from ratchet.spec.loading import load_spec

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context

    from ratchet.ledger.entries import Author
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.results import StepResult

# The key of the run: what a template renders to on a run without one is empty, not the text "None".
RUN_SPAN = "{{ partition_key or '' }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRun:
    """One model on one span."""

    project: Project
    spec: ModelSpec
    span: str

    @property
    def calendar(self) -> Calendar:
        """The spans of the model."""
        return Calendar.of(self.spec.source)

    def spans_since(self, first_span: str) -> list[str]:
        """Return the spans from ``first_span`` to that of the run, both included; empty text names that of the run."""
        if not first_span:
            return [self.span]
        spans = self.calendar.range(self.calendar.parse(first_span), self.span)
        if not spans:
            raise InputError(f"first_span must not be after the run's span {self.span}. Got {first_span!r}.")
        return spans


def read_run(model: str, span: str) -> ModelRun:
    """Return the model and the checked span of a run.

    Raises
    ------
    InputError
        If the run has no partition key, or one that is no span. Airflow checks the keys of scheduled runs only: on a
        DAG that waits for assets any text is accepted.
    """
    project = Project.from_environment()
    spec = load_spec(project, model)
    calendar = Calendar.of(spec.source)
    if not span:
        raise InputError(
            f"This run has no partition key, so no span. Trigger it again with one: {calendar.words} under "
            "Advanced Options > Partition Key, or partition_key in the request."
        )
    return ModelRun(project=project, spec=spec, span=calendar.parse(span))


def started_at(context: Context) -> datetime:
    """Return when this try of the task began: the only clock that a step gets."""
    instant: datetime = context["ti"].start_date
    return instant.astimezone(UTC)


def author_of(context: Context) -> Author:
    """Return who decides in this run: the person who triggered it, or Airflow by the name of the DAG."""
    from ratchet.ledger.entries import Author

    run = context["dag_run"]
    if run.triggering_user_name:
        return Author(kind="person", name=run.triggering_user_name)
    return Author(kind="service", name=f"airflow/{run.dag_id}")


def triggering_extra(context: Context, asset: Asset) -> Mapping[str, Any] | None:
    """Return the extra of the newest event of ``asset`` that started this run; None on a run that none started."""
    newest = max(events_of(context, asset), key=lambda event: event.timestamp, default=None)
    return None if newest is None else dict(newest.extra)


def events_of(context: Context, asset: Asset) -> list[Any]:
    """Return the events of ``asset`` that started this run; none on a run that none started."""
    events = context["triggering_asset_events"]
    return [event for key in events if getattr(key, "name", None) == asset.name for event in events[key]]


def plain(result: StepResult) -> dict[str, Any]:
    """Return a result as an XCom keeps it: lists for tuples, which Airflow would wrap in objects of its own."""
    values: dict[str, Any] = json.loads(json.dumps(result.to_json()))
    return values
