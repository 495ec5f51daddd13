"""A model's life, night by night, on real components."""

from __future__ import annotations

import pytest

from ratchet.errors import InputError, MissingSpanError
from ratchet.identity import ModelId
from ratchet.release.mirror import CHALLENGER, CHAMPION
from ratchet.spans.ingestion import ingest_ground_truth
from ratchet.spans.reading import labelled_spans, read_table
from ratchet.steps.champion import champion_evidence
from ratchet.steps.night import Night, live_through, take_in
from ratchet.steps.promote import promote
from ratchet.steps.score_span import score_span
from ratchet.steps.select_window import select_window
from ratchet.steps.sense_drift import sense_drift
from ratchet.steps.validate_ground_truth import validate_ground_truth
from ratchet.training.versions import read_alias
from tests.factories.lives import LOADED, Life, gate_of, try_candidate
from tests.factories.models import AUTHOR, Model, at, day, days


def live(model: Model, *spans: str) -> Night:
    return live_through(model.project, model.spec, spans, author=AUTHOR, clock=lambda: at(spans[-1]))


def aliases(model: Model) -> tuple[str | None, str | None]:
    read = [read_alias(model.project.tracking_uri, ModelId("parcels"), name) for name in (CHAMPION, CHALLENGER)]
    return read[0], read[1]


def test_the_first_night_trains_the_first_champion(life: Life):
    model = life("loaded")
    night = live(model, day(LOADED))
    assert list(night.results) == [
        *("ingest_span", "compute_statistics", "validate_ground_truth", "validate_span"),
        *("validate_serving_log", "score_span"),
        *("sense_drift", "sense_skew", "sense_quality", "sense_staleness", "decide_retrain"),
        *("select_window", "tune", "train", "evaluate", "decide_gate", "promote"),
    ]
    undecided = [name for name, result in night.results.items() if result.verdict == "undecided"]
    assert undecided == [
        *("validate_serving_log", "score_span", "sense_drift", "sense_skew", "sense_quality", "sense_staleness"),
    ]
    state = model.ledger.read_state()
    assert state.champion is not None
    assert state.champion.version == "1"
    assert (state.champion.trained_from, state.champion.tested_through) == (day(3), day(11))
    assert [entry.kind for entry in model.ledger.entries()] == ["gate", "bootstrap"]
    assert model.ledger.verify() == []
    assert aliases(model) == ("1", None)


def test_the_next_nights_are_scored_and_watched_and_ask_for_nothing(life: Life):
    model = life("watched")
    night = live(model, day(15))
    assert list(night.results)[-1] == "decide_retrain"
    verdicts = {name: result.verdict for name, result in night.results.items()}
    nothing_served = {"validate_serving_log": "undecided", "sense_skew": "undecided"}
    assert verdicts == dict.fromkeys(night.results, "pass") | nothing_served
    predictions = read_table(model.project, model.id, "predictions", [day(15)])
    assert (predictions.height, predictions["model_version"].unique().to_list()) == (150, ["1"])
    assert predictions["score"].is_between(0, 1).all()
    assert predictions["scored_at"].unique().to_list() == [at(day(15))]
    assert predictions["prediction_id"].n_unique() == 150


def test_drift_on_two_nights_of_three_is_a_reason_and_one_night_is_none(life: Life):
    model = life("watched")
    model.deliver(*days(15, 17), farther=70.0)
    model.edit({"watch.drift.window_spans": 1})
    first, second = live(model, day(15)), live(model, day(16))
    assert (first.results["sense_drift"].verdict, first.results["decide_retrain"].words[:18]) == (
        "fail",
        "Nothing is asked f",
    )
    decision = second.results["decide_retrain"]
    assert decision.to_json()["reasons"] == ("drift",)
    assert decision.to_json()["drifted"] == ("distance",)
    # For drift a candidate must be better, and this one saw too little of the change to be proven so.
    assert second.results["decide_gate"].to_json()["comparison"] == "superiority"


def test_a_candidate_of_poisoned_labels_is_refused_and_the_champion_stays(life: Life):
    model = life("watched")
    before = model.ledger.read_state()
    model.deliver(*days(10, 16), turned=True)
    ingest_ground_truth(model.project, model.spec, days(10, 14))
    assert validate_ground_truth(model.project, model.spec, days(11, 15)).verdict == "pass"
    assert take_in(model.project, model.spec, days(15, 19), done=lambda name, result: None)
    gate = try_candidate(model, day(19), "schedule")
    assert gate.verdict == "fail"
    assert "floor  " in gate.explanation
    state = model.ledger.read_state()
    assert (state.champion, state.gate_verdict) == (before.champion, "fail")
    assert state.candidate == gate.candidate
    with pytest.raises(InputError, match="may not be promoted: the verdict of its gate is fail"):
        promote(model.project, model.spec, gate, author=AUTHOR, at=at(day(19)))
    assert model.ledger.read_state() == state
    assert aliases(model) == ("1", None)


class TestASpanStoppedByValidation:
    def test_is_seen_by_nothing_downstream(self, life: Life):
        model = life("watched")
        model.deliver(day(15), farther=500.0)
        night = live(model, day(15))
        assert list(night.results) == ["ingest_span", "compute_statistics", "validate_ground_truth", "validate_span"]
        assert night.results["validate_span"].to_json()["stopped"] == (day(15),)
        with pytest.raises(MissingSpanError, match="did not pass validation"):
            score_span(model.project, model.spec, day(15), at=at(day(15)))
        live(model, day(16))  # brings the outcomes of the stopped span
        assert day(15) not in labelled_spans(model.project, model.id)
        assert {day(14)} <= labelled_spans(model.project, model.id)
        assert sense_drift(model.project, model.spec, day(16)).current_spans == (day(14), day(16))
        live(model, day(17))
        window = select_window(model.project, model.spec, day(17), reasons=("manual",))
        assert day(15) not in {span for span, _, _ in window.data_version}
        assert window.test_spans == (day(16),)

    def test_stops_a_load_only_where_it_is(self, life: Life):
        model = life("watched")
        model.deliver(day(16), farther=500.0)
        night = live(model, *days(15, 17))
        result = night.results["validate_span"].to_json()
        assert (result["verdict"], result["validated"], result["stopped"]) == ("pass", (day(15), day(17)), (day(16),))
        assert result["words"] == f"2 of 3 spans passed, 1 stopped: {day(16)}"

    def test_is_seen_once_it_was_corrected(self, life: Life):
        model = life("watched")
        model.deliver(day(15), farther=500.0)
        live(model, day(15))
        model.deliver(day(15))
        assert live(model, day(15)).results["score_span"].verdict == "pass"

    def test_takes_its_sound_revision_out_of_the_baseline_too(self, life: Life):
        model = life("watched")
        champion = model.ledger.read_state().champion
        assert champion is not None
        trained_on = champion_evidence(model.project, champion).train_spans
        assert sense_drift(model.project, model.spec, day(14)).baseline_spans == trained_on
        model.deliver(day(5), farther=500.0)  # a correction that is none
        assert not take_in(model.project, model.spec, [day(5)], done=lambda name, result: None)
        found = sense_drift(model.project, model.spec, day(14))
        assert found.baseline_spans == tuple(span for span in trained_on if span != day(5))
        assert found.verdict == "pass"


def test_a_second_champion_takes_over_when_it_is_no_worse(life: Life):
    model = life("second")
    state = model.ledger.read_state()
    assert state.champion is not None
    assert (state.champion.version, [one.version for one in state.previous_champions]) == ("2", ["1"])
    assert [entry.kind for entry in model.ledger.entries()] == ["gate", "bootstrap", "gate", "promotion"]
    assert gate_of(model).comparison == "non_inferiority"
    assert aliases(model) == ("2", None)
