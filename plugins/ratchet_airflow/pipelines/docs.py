"""What a DAG's page says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.spans.calendar import Calendar
from ratchet_airflow.assets import (
    Purpose,
    arrival_asset,
    batch_asset,
    candidate_asset,
    predictions_asset,
    retrain_request_asset,
    span_asset,
)

if TYPE_CHECKING:
    from ratchet.spec.cadence import Cadence
    from ratchet.spec.model import ModelSpec

_A = {"hour": "an hour", "day": "a day", "week": "a week", "month": "a month"}


def describe(spec: ModelSpec, purpose: Purpose) -> str:
    """Return Markdown: the goal, the owner, what starts the DAG and what it publishes."""
    does, starts, publishes = _told(spec)[purpose]
    calendar = Calendar.of(spec.source)
    return "\n\n".join(
        [
            f"**{spec.name}**: {spec.objective.goal}",
            does,
            f"*Starts:* {starts}",
            f"*Publishes:* {publishes}",
            f"*Owner:* {spec.owner}. Every run has a partition key: the span, {calendar.words} ({calendar.clock}). "
            "Every task may be cleared and run again.",
        ]
    )


def _told(spec: ModelSpec) -> dict[Purpose, tuple[str, str, str]]:
    model = ModelId(spec.name)
    span, predictions = f"`{span_asset(model).name}`", f"`{predictions_asset(model).name}`"
    request, candidate = f"`{retrain_request_asset(model).name}`", f"`{candidate_asset(model).name}`"
    is_open, by_clock = bool(spec.source.arrival.batches), spec.source.arrival.kind == "clock"
    arrival = f"`{arrival_asset(model).name}`"
    announced = f"`{batch_asset(model).name}`" if is_open else arrival
    cadence = spec.source.span
    begins = f"when {_A[spec.source.span]} has ended, for it" if by_clock else f"{arrival}"
    return {
        "ingest": (
            "Takes a span in, scans it, validates it.",
            f"{begins}. By hand or as a backfill for others; with `first_span`, "
            "one run takes in every span from there to its own.",
            f"{span}, when validation passes. One that is stopped fails `validate_span` and is seen by nothing else.",
        ),
        "arrive": (
            "Reads the messages of the queue that announces what has arrived, and hands on what they name.",
            "a message. Its runs have no partition key.",
            f"{announced} under the key of each span that a message names. A message that is refused is counted.",
        ),
        "append": (
            "Appends batches to an open span, which nobody sees before it is sealed.",
            f"{announced}. By hand: give a partition key and `batches`.",
            f"{arrival}, when a batch came after the seal; `publish_late` is skipped otherwise.",
        ),
        "deadline": (
            "Waits for the deadline of the span, which an open one is sealed at, and by which another has arrived.",
            f"when {_A[spec.source.span]} has ended, for it.",
            f"{arrival}, when the span is to be sealed; nothing when it must have arrived. One that has not fails.",
        ),
        "score": (
            "Scores the span with the champion of that night.",
            f"{span}.",
            f"{predictions}, also while there is no champion.",
        ),
        "watch": (
            "Senses drift, realised quality and age, and decides whether to train.",
            f"{predictions}.",
            f"{request} with the reasons, when training is asked for; `publish_request` is skipped otherwise and says "
            "why.",
        ),
        "train": (
            "Trains a candidate and proves it against champion and baselines.",
            f"{request}, and nothing else. By hand: give a partition key and `reasons`.",
            f"{candidate}, when the gate passes; `publish_candidate` is skipped otherwise and says why. The verdict is "
            "in the ledger either way.",
        ),
        "release": (
            "Makes a candidate champion.",
            f"{candidate}. By hand: give a partition key and `gate_result_uri`.",
            "nothing. The ledger has the entry, and MLflow's aliases follow it.",
        ),
        "audit": (
            "Proves again what is on record: the ledger, MLflow's aliases, the champion made again from its recipe; "
            "and tells how versions age.",
            f"when {_A[cadence]} has ended, for it, and looks when its deadline is over. The ledger is looked at "
            f"{_every(spec.audit.ledger_spans(cadence), cadence)}, the champion made again "
            f"{_every(spec.audit.reproduction_spans(cadence), cadence)}, ages are compared "
            f"{_every(spec.audit.ageing_spans(cadence), cadence)}; a run by hand does all of it.",
            "nothing. A task that fails names what is wrong; one that had nothing to do is skipped and says why.",
        ),
    }


def _every(n_spans: int, cadence: Cadence) -> str:
    return f"each {cadence}" if n_spans == 1 else f"once in {n_spans} {cadence}s"
