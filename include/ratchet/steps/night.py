"""One night of a model, without a scheduler: the same steps in the order in which the DAGs run them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ratchet.steps.compute_statistics import compute_statistics
from ratchet.steps.decide_gate import decide_gate
from ratchet.steps.decide_retrain import decide_retrain
from ratchet.steps.evaluate import evaluate
from ratchet.steps.ingest_span import ingest_span
from ratchet.steps.promote import promote
from ratchet.steps.score_span import score_span
from ratchet.steps.seal_span import seal_span
from ratchet.steps.select_window import select_window
from ratchet.steps.sense_drift import sense_drift
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.sense_skew import sense_skew
from ratchet.steps.sense_staleness import sense_staleness
from ratchet.steps.track_search import track_search
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from ratchet.steps.validate_ground_truth import validate_ground_truth
from ratchet.steps.validate_serving_log import validate_serving_log
from ratchet.steps.validate_span import validate_span

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.ledger.entries import Author
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.watching import Reason
    from ratchet.steps.results import StepResult


@dataclass(slots=True, kw_only=True)
class Night:
    """What happened on one night: the results of its steps, in order, by step name."""

    span: str
    results: dict[str, StepResult] = field(default_factory=dict)


def live_through(
    project: Project,
    spec: ModelSpec,
    spans: Sequence[str],
    *,
    author: Author,
    clock: Callable[[], datetime],
    on_step: Callable[[str, StepResult], None] = lambda name, result: None,
) -> Night:
    """Live through the night of the newest of ``spans``; earlier ones are a first load, taken in with it.

    A span stopped by validation ends the night: nothing downstream sees it.
    """
    night = Night(span=spans[-1])

    def done(name: str, result: StepResult) -> None:
        night.results[name] = result
        on_step(name, result)

    if take_in(project, spec, spans, done=done):
        asked_for = watch(project, spec, night.span, clock=clock, done=done)
        if asked_for:
            renew(project, spec, night.span, asked_for, author=author, clock=clock, done=done)
    return night


Done = Callable[[str, "StepResult"], None]


def take_in(project: Project, spec: ModelSpec, spans: Sequence[str], *, done: Done) -> bool:
    """Ingest, scan and validate, outcomes too; whether the newest span may be seen."""
    if spec.source.arrival.batches:
        for span in spans:
            done("seal_span", seal_span(project, spec, span))
    done("ingest_span", ingest_span(project, spec, spans))
    done("compute_statistics", compute_statistics(project, spec, spans))
    done("validate_ground_truth", validate_ground_truth(project, spec, spans))
    validated = validate_span(project, spec, spans)
    done("validate_span", validated)
    return validated.verdict == "pass"


def watch(
    project: Project, spec: ModelSpec, span: str, *, clock: Callable[[], datetime], done: Done
) -> tuple[Reason, ...]:
    """Score the span, sense and decide; the reasons for training, none when nothing is asked for."""
    done("validate_serving_log", validate_serving_log(project, spec, span))
    done("score_span", score_span(project, spec, span, at=clock()))
    drift, skew = sense_drift(project, spec, span), sense_skew(project, spec, span)
    quality, staleness = sense_quality(project, spec, span), sense_staleness(project, spec, span)
    sensed = {"sense_drift": drift, "sense_skew": skew, "sense_quality": quality, "sense_staleness": staleness}
    for name, result in sensed.items():
        done(name, result)
    decision = decide_retrain(project, spec, span, drift=drift, skew=skew, quality=quality, staleness=staleness)
    done("decide_retrain", decision)
    return decision.reasons if decision.is_request else ()


def renew(
    project: Project,
    spec: ModelSpec,
    span: str,
    reasons: tuple[Reason, ...],
    *,
    author: Author,
    clock: Callable[[], datetime],
    done: Done,
) -> None:
    """Train a candidate, prove it, and promote it when its gate passes."""
    window = select_window(project, spec, span, reasons=reasons)
    done("select_window", window)
    tuned = tune(project, spec, window, at=clock())
    done("tune", tuned)
    track_search(project, spec, tuned, at=clock())
    trained = train(project, spec, window, tuned, at=clock())
    done("train", trained)
    evaluated = evaluate(project, spec, window, trained)
    done("evaluate", evaluated)
    gate = decide_gate(project, spec, evaluated, author=author, at=clock())
    done("decide_gate", gate)
    if gate.verdict == "pass":
        done("promote", promote(project, spec, gate, author=author, at=clock()))
