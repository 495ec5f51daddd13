"""``ratchet run``: nights one after the other, one line each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ratchet.ledger.entries import Author
from ratchet.spans.calendar import Calendar
from ratchet.steps.night import Night, live_through

if TYPE_CHECKING:
    from rich.console import Console

    from ratchet.project import Project
    from ratchet.spec.sections import ModelSpec
    from ratchet.steps.results import StepResult

AUTHOR = Author(kind="service", name="ratchet run")


def run_nights(
    project: Project, spec: ModelSpec, first: str, last: str, *, load_from: str | None, console: Console
) -> None:
    """Live through the nights from ``first`` to ``last``; a first load is taken in with the first of them."""
    calendar = Calendar.of(spec.source)
    nights = calendar.range(calendar.parse(first), calendar.parse(last))
    for span in nights:
        history = calendar.range(calendar.parse(load_from), span) if load_from and span == nights[0] else [span]
        with console.status(f"{spec.name} {span}") as status:

            def show(name: str, result: StepResult, span: str = span) -> None:
                status.update(f"{spec.name} {span}: {name}: {result.words[:100]}")

            night = live_through(project, spec, history, author=AUTHOR, clock=lambda: datetime.now(UTC), on_step=show)
        console.print(describe(night), markup=False)


def describe(night: Night) -> str:
    """Return a night in one line: what came in, who scored it, what was decided."""
    results = night.results
    parts = [night.span, results["ingest_span"].words]
    if results["validate_span"].verdict != "pass":
        return " | ".join([*parts, f"stopped: {results['validate_span'].words}"])
    parts += [results["score_span"].words, f"drift {results['sense_drift'].verdict}"]
    parts += [f"quality {results['sense_quality'].verdict}", getattr(results["decide_retrain"], "decision", "")]
    for name in ("decide_gate", "promote"):
        if name in results:
            parts.append(f"{name.removeprefix('decide_')}: {results[name].words}")
    return " | ".join(parts)
