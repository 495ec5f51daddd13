"""What the gate is told of a candidate beside its quality, on real components."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ratchet.evaluation.gate import GateResult
from ratchet.evaluation.inspection import Inspection
from ratchet.packaging.loaded import LoadedModel
from ratchet.spans.ingestion import ingest_ground_truth
from ratchet.steps.decide_gate import GateStepResult
from ratchet.steps.night import take_in
from ratchet.steps.results import read_object
from ratchet.steps.validate_ground_truth import validate_ground_truth
from tests.factories.lives import LOADED, Life, try_candidate
from tests.factories.models import Model, day, days


def gate_of(model: Model, result: GateStepResult) -> GateResult:
    return GateResult.from_json(json.loads(read_object(model.project, result.gate_uri)))


def newest_inspection(model: Model) -> Inspection:
    names = [name for name in model.store.list("runs/parcels/inspect_candidate") if name.endswith("inspection.json")]
    return Inspection.from_json(json.loads(model.store.read(names[-1])))


def take(model: Model, first: int, last: int) -> None:
    assert take_in(model.project, model.spec, days(first, last), done=lambda name, result: None)


def test_a_second_candidate_is_held_against_the_champion_by_stored_statistics(life: Life):
    found = newest_inspection(life("regated"))
    assert found.has_champion
    assert [of.feature for of in found.changes] == ["distance", "weight", "carrier", "hour"]
    assert all(of.distance is not None and of.distance < 0.2 for of in found.changes)
    assert found.disagreement is not None
    assert 0 <= found.disagreement < 0.3
    assert (found.overlap.n_test, found.overlap.n_same, found.overlap.recurring_share) == (300, 0, 0.0)
    assert found.footprint.n_timed == 20
    assert 1000 < found.footprint.package_bytes < 100_000


def test_every_check_names_the_figures_that_it_was_told_from(life: Life):
    model = life("regated")
    name = sorted(name for name in model.store.list("runs/parcels/decide_gate") if name.endswith("gate.json"))[-1]
    gate = GateResult.from_json(json.loads(model.store.read(name)))
    assert all(check.evidence_uri and model.store.has(check.evidence_uri) for check in gate.checks)
    files = {check.name: (check.evidence_uri or "").rpartition("/")[2] for check in gate.checks}
    assert (files["floor"], files["leakage"]) == ("evaluation.json", "inspection.json")


def test_a_candidate_of_other_data_waits_for_a_person(life: Life):
    model = life("champion")
    model.deliver(*days(LOADED + 1, 21), farther=90.0)
    take(model, LOADED + 1, 21)
    check = gate_of(model, try_candidate(model, day(21), "drift")).check("window")
    assert check.verdict == "undecided"
    assert check.observed > 0.5
    assert check.reason.startswith("Jensen-Shannon distance of distance (")


def test_a_candidate_that_decides_the_other_way_waits_for_a_person_even_when_it_is_better(life: Life):
    model = life("champion")
    model.deliver(*days(10, 19), turned=True)
    ingest_ground_truth(model.project, model.spec, days(10, 12))
    validate_ground_truth(model.project, model.spec, days(11, 13))
    take(model, LOADED + 1, 19)
    model.edit({"train.train_spans": 6})
    gate = gate_of(model, try_candidate(model, day(19), "drift"))
    assert gate.check("champion").verdict == "pass"
    assert gate.check("champion").observed > 0.5
    check = gate.check("disagreement")
    assert (gate.verdict, check.verdict) == ("undecided", "undecided")
    assert "even if it is better" in check.reason
    assert [one.name for one in gate.checks if one.verdict != "pass"] == ["disagreement"]


def test_a_candidate_that_answers_nothing_fails_its_gate_and_no_step_crashes(
    life: Life, monkeypatch: pytest.MonkeyPatch
):
    model = life("loaded")
    monkeypatch.setattr(LoadedModel, "raw_scores", lambda self, frame: np.full(frame.height, np.nan))
    gate = gate_of(model, try_candidate(model, day(LOADED), "cold_start"))
    assert gate.verdict == "fail"
    for name in ("predictions", "stability"):
        assert gate.check(name).verdict == "fail"
        assert gate.check(name).reason.startswith("E-PREDICTIONS")
    assert model.ledger.read_state().gate_verdict == "fail"


@pytest.mark.parametrize(("drawn", "words"), [("span", "by 2 spans"), ("entity", "by 300 entities")])
def test_spans_and_entities_are_drawn_where_the_spec_says_so(life: Life, drawn: str, words: str):
    model = life("loaded")
    model.edit({"evaluate.resample_by": drawn})
    check = gate_of(model, try_candidate(model, day(LOADED), "cold_start")).check("units")
    assert words in check.reason
    assert check.verdict == ("undecided" if drawn == "span" else "pass")
