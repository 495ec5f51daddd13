"""``ratchet run``: nights one after the other, one line each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ratchet.errors import EmptyDataError, InputError, MissingSpanError
from ratchet.ledger.entries import Author
from ratchet.spans.calendar import Calendar
from ratchet.steps.night import Night, live_through

if TYPE_CHECKING:
    from rich.console import Console

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.results import StepResult

AUTHOR = Author(kind="service", name="ratchet run")


def read_range(calendar: Calendar, first: str, last: str) -> list[str]:
    """Return the spans from ``first`` to ``last``, both included.

    Raises
    ------
    InputError
        If one is no span key, or the last comes before the first: there would be nothing to do, and nothing said.
    """
    spans = calendar.range(calendar.parse(first), calendar.parse(last))
    if not spans:
        raise InputError(f"The last span must not be before the first. Got {first} to {last}.")
    return spans


def run_nights(
    project: Project, spec: ModelSpec, first: str, last: str, *, load_from: str | None, console: Console
) -> None:
    """Live through the nights from ``first`` to ``last``; a first load is taken in with the first of them."""
    calendar = Calendar.of(spec.source)
    nights = read_range(calendar, first, last)
    load = read_range(calendar, load_from, nights[0]) if load_from else nights[:1]
    missing: list[str] = []
    for span in nights:
        history = load if span == nights[0] else [span]
        done: list[str] = []
        with console.status(f"{spec.name} {span}") as status:

            def show(name: str, result: StepResult, span: str = span, done: list[str] = done) -> None:
                done.append(name)
                status.update(f"{spec.name} {span}: {name}: {result.words[:100]}")

            try:
                night = live_through(
                    project, spec, history, author=AUTHOR, clock=lambda: datetime.now(UTC), on_step=show
                )
            except (EmptyDataError, MissingSpanError) as error:
                # Only what was not delivered is missing; and of a first load nobody could say which span it was.
                if done or len(history) > 1:
                    raise
                missing.append(span)
                console.print(f"{span} | missing: {error}", markup=False)
                continue
        console.print(describe(night), markup=False)
    if missing:
        raise EmptyDataError(
            f"{len(missing)} of {len(nights)} spans were not delivered: {', '.join(missing[:5])}. "
            "The others were lived through; run the missing ones when they have come."
        )


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
