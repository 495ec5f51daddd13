"""A step that is run again does nothing again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ratchet.steps.champion import champion_evidence
from ratchet.steps.compute_statistics import compute_statistics
from ratchet.steps.decide_gate import decide_gate
from ratchet.steps.decide_retrain import RetrainStepResult, decide_retrain
from ratchet.steps.evaluate import evaluate
from ratchet.steps.ingest_span import ingest_span
from ratchet.steps.night import live_through
from ratchet.steps.promote import promote
from ratchet.steps.results import StepResult
from ratchet.steps.score_span import score_span
from ratchet.steps.select_window import select_window
from ratchet.steps.sense_drift import sense_drift
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.sense_skew import sense_skew
from ratchet.steps.sense_staleness import sense_staleness
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from ratchet.steps.validate_span import validate_span
from ratchet.storage.tables import SpanTable
from ratchet.training.registry import bounded
from tests.factories.lives import LOADED, REGATED, WATCHED, Life, Stage, gate_of
from tests.factories.models import AUTHOR, Model, at, day

TABLES = ("examples", "ground_truth", "predictions", "statistics", "examples-quarantine")


def everything(model: Model) -> tuple[dict[str, bytes], dict[str, int | None], int]:
    """All objects with their bytes, the version of each table, and how many versions MLflow knows."""
    with bounded(model.project.tracking_uri) as client:
        registered = len(client.search_model_versions("name = 'parcels'"))
    versions = {name: SpanTable(model.project.uri("tables", "parcels", name)).version() for name in TABLES}
    return model.objects(), versions, registered


def watch(model: Model, span: str) -> RetrainStepResult:
    project, spec = model.project, model.spec
    return decide_retrain(
        project,
        spec,
        span,
        drift=sense_drift(project, spec, span),
        skew=sense_skew(project, spec, span),
        quality=sense_quality(project, spec, span),
        staleness=sense_staleness(project, spec, span),
    )


def train_again(model: Model, span: str, *reasons: str) -> StepResult:
    project, spec = model.project, model.spec
    window = select_window(project, spec, span, reasons=reasons)  # type: ignore[arg-type]
    return train(project, spec, window, tune(project, spec, window), at=at(span))


def gate_again(model: Model, span: str, *reasons: str) -> StepResult:
    project, spec = model.project, model.spec
    window = select_window(project, spec, span, reasons=reasons)  # type: ignore[arg-type]
    trained = train(project, spec, window, tune(project, spec, window), at=at(span))
    return decide_gate(project, spec, evaluate(project, spec, window, trained), author=AUTHOR, at=at(day(25)))


@pytest.mark.parametrize(
    ("stage", "step"),
    [
        pytest.param("watched", lambda m: ingest_span(m.project, m.spec, [day(WATCHED)]), id="ingest_span"),
        pytest.param(
            "watched", lambda m: compute_statistics(m.project, m.spec, [day(WATCHED)]), id="compute_statistics"
        ),
        pytest.param("watched", lambda m: validate_span(m.project, m.spec, [day(WATCHED)]), id="validate_span"),
        pytest.param("watched", lambda m: score_span(m.project, m.spec, day(WATCHED), at=at(day(20))), id="score_span"),
        pytest.param("watched", lambda m: sense_drift(m.project, m.spec, day(WATCHED)), id="sense_drift"),
        pytest.param("watched", lambda m: sense_quality(m.project, m.spec, day(WATCHED)), id="sense_quality"),
        pytest.param("watched", lambda m: sense_staleness(m.project, m.spec, day(WATCHED)), id="sense_staleness"),
        pytest.param("watched", lambda m: watch(m, day(WATCHED)), id="decide_retrain"),
        pytest.param("regated", lambda m: train_again(m, day(REGATED), "schedule"), id="train"),
        pytest.param("regated", lambda m: gate_again(m, day(REGATED), "schedule"), id="decide_gate"),
        pytest.param(
            "second", lambda m: promote(m.project, m.spec, gate_of(m), author=AUTHOR, at=at(day(25))), id="promote"
        ),
        pytest.param("second", lambda m: gate_again(m, day(REGATED), "schedule"), id="decide_gate-after-the-promotion"),
        pytest.param(
            "champion", lambda m: gate_again(m, day(LOADED), "cold_start"), id="decide_gate-after-the-bootstrap"
        ),
    ],
)
def test_changes_nothing(life: Life, stage: Stage, step: Callable[[Model], StepResult]):
    model = life(stage)
    before = everything(model)
    answer = step(model)
    assert answer.verdict == "pass"
    assert everything(model) == before
    assert step(model) == answer


def test_a_night_that_made_a_champion_and_is_lived_through_again_takes_no_other_decision(life: Life):
    model = life("loaded")

    def live() -> dict[str, StepResult]:
        return live_through(
            model.project, model.spec, [day(LOADED)], author=AUTHOR, clock=lambda: at(day(LOADED))
        ).results

    first, entries = live(), None
    entries = list(model.ledger.entries())
    again = live()
    assert list(model.ledger.entries()) == entries
    assert {name: again[name] for name in ("decide_retrain", "train", "decide_gate", "promote")} == {
        name: first[name] for name in ("decide_retrain", "train", "decide_gate", "promote")
    }


def test_predictions_are_those_of_their_night_whoever_is_champion_now(life: Life):
    model = life("second")
    before = everything(model)
    result = score_span(model.project, model.spec, day(WATCHED), at=at(day(25)))
    assert result.version == "1"
    assert everything(model) == before
    # A span that nobody had scored is scored by the present one.
    assert score_span(model.project, model.spec, day(REGATED), at=at(day(25))).version == "2"


def test_corrected_examples_are_scored_anew_and_by_the_present_champion(life: Life):
    model = life("second")
    model.deliver(day(WATCHED), salt="corrected")
    for step in (ingest_span, compute_statistics, validate_span):
        step(model.project, model.spec, [day(WATCHED)])
    assert score_span(model.project, model.spec, day(WATCHED), at=at(day(25))).version == "2"


def test_the_evidence_of_a_champion_is_the_evaluation_of_its_gate(life: Life):
    model = life("second")
    champion = model.ledger.read_state().champion
    assert champion is not None
    evidence = champion_evidence(model.project, champion)
    assert (evidence.uri, evidence.candidate_version) == (gate_of(model).evaluation_uri, "2") or (
        evidence.candidate_digest == champion.digest
    )
