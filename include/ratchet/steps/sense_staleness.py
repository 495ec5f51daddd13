"""Judge the champion's age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.monitoring.staleness import judge_staleness
from ratchet.spans.calendar import Calendar
from ratchet.steps.champion import read_state
from ratchet.steps.results import StepKey, StepResult, run_once

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessStepResult(StepResult):
    """Spans from the champion's newest training span to this one; None without a champion."""

    age_spans: int | None
    version: str | None


def sense_staleness(project: Project, spec: ModelSpec, span: str) -> StalenessStepResult:
    """Judge the age of the champion on the night of ``span``; undecided while there is none."""
    champion = read_state(project, spec).champion
    trained_through = champion.trained_through if champion else None
    age = Calendar.of(spec.source).distance(trained_through, span) if trained_through else None
    check = judge_staleness(age, spec.watch)
    key = StepKey(
        step="sense_staleness",
        version=1,
        spec=spec,
        sections=("watch",),
        span=span,
        inputs={"champion": champion.digest if champion else None},
    )
    return run_once(
        project,
        key,
        StalenessStepResult,
        lambda folder: StalenessStepResult(
            model=spec.name,
            span=span,
            verdict=check.verdict,
            words=check.reason,
            uri=folder.uri,
            age_spans=age,
            version=champion.version if champion else None,
        ),
    )
