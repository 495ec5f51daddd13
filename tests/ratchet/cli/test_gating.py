from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.project import Project
from tests.factories.lives import LOADED, REGATED, Life, try_candidate
from tests.factories.models import day, make_model
from tests.ratchet.cli.conftest import Ratchet, assert_told


class TestGate:
    def test_the_table_that_decided_has_a_line_for_every_check(self, ratchet: Ratchet, life: Life):
        model = life("regated")
        answer = ratchet(model, "gate", "parcels", "--explain")
        first, header, *rows, last = answer.out.splitlines()
        assert first.startswith(f"parcels: version 2, {day(REGATED)} (entry 3): pass (non-inferiority)")
        assert header.split() == ["check", "observed", "interval", "bound", "verdict", "reason"]
        names = [
            *("predictions", "examples", "unseen", "floor", "dummy", "rule", "linear", "champion", "slices"),
            *("leakage", "identifiers", "times", "overlap", "stability", "label", "size", "latency"),
            *("disagreement", "window"),
        ]
        assert [row.split()[0] for row in rows] == names
        assert last.startswith("gate: pass (non-inferiority; schedule; ")
        floor = next(row for row in rows if row.startswith("floor"))
        assert "[0." in floor
        assert " pass " in floor

    def test_without_explain_it_is_one_line(self, ratchet: Ratchet, life: Life):
        assert len(ratchet(life("regated"), "gate", "parcels").out.splitlines()) == 1

    def test_as_json_and_of_a_span(self, ratchet: Ratchet, life: Life):
        model = life("regated")
        found = json.loads(ratchet(model, "gate", "parcels", "--span", day(LOADED), "--json").out)
        assert (found["entry"], found["span"], found["candidate"]["version"]) == (1, day(LOADED), "1")
        assert (found["is_intact"], found["needs_a_person"], found["gate"]["comparison"]) == (True, False, None)
        floor = next(check for check in found["gate"]["checks"] if check["name"] == "floor")
        assert floor["interval"][0] == floor["observed"] >= floor["bound"]

    def test_a_span_without_a_gate_and_a_model_without_one(self, ratchet: Ratchet, life: Life, project: Project):
        answer = ratchet(life("gated"), "gate", "parcels", "--span", day(1))
        assert_told(answer, f"has no gate of {day(1)}. The newest are of {day(LOADED)}.")
        assert_told(ratchet(make_model(project), "gate", "parcels"), "No candidate has come before a gate yet")

    def test_a_table_that_was_altered_is_said(self, ratchet: Ratchet, life: Life):
        model = life("gated")
        path = next(Path(model.project.home).glob("runs/parcels/decide_gate/*/gate.json"))
        path.chmod(0o644)
        path.write_text(path.read_text() + "\n")
        assert "warning: " in ratchet(model, "gate", "parcels").out


OFF = {"evaluate.inspect.max_feature_auc": 1.0}


class TestProduction:
    def test_a_key_that_switches_a_check_off_is_a_warning_and_in_production_a_fault(
        self, ratchet: Ratchet, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        model = make_model(project, changes=OFF)
        answer = ratchet(model, "check", "parcels")
        assert (answer.code, "warning: " in answer.out, "max_feature_auc" in answer.out) == (0, True, True)
        monkeypatch.setenv("RATCHET_PROFILE", "production")
        answer = ratchet(model, "check", "parcels")
        assert answer.code == 1
        assert "the check is switched off, which production refuses" in answer.out

    def test_the_gate_itself_refuses_it_there(self, life: Life):
        model = life("loaded")
        model.edit(OFF)
        assert try_candidate(model, day(LOADED), "cold_start").verdict == "pass"
        strict = replace(model, project=replace(model.project, profile="production"))
        gate = try_candidate(strict, day(LOADED), "cold_start")
        assert gate.verdict == "fail"
        assert "evaluate.inspect.max_feature_auc" in gate.words

    def test_a_model_under_review_waits_for_a_person(self, life: Life):
        model = life("loaded")
        model.edit({"evaluate.review": "It decides on loans."})
        gate = try_candidate(model, day(LOADED), "cold_start")
        assert gate.verdict == "undecided"
        assert "It decides on loans." in gate.words


def test_a_time_measured_again_cannot_change_what_was_decided(life: Life, monkeypatch: pytest.MonkeyPatch):
    from ratchet.steps import inspect_candidate

    model = life("loaded")
    first = try_candidate(model, day(LOADED), "cold_start")
    monkeypatch.setattr(inspect_candidate.time, "perf_counter", iter(range(10**6)).__next__)  # a second a call
    assert try_candidate(model, day(LOADED), "cold_start") == first
    # Another bound is held against the time that was kept; another evaluation would be timed anew.
    kept = json.loads(
        next(Path(model.project.home).glob("runs/parcels/inspect_candidate/*/inspection.json")).read_text()
    )
    assert 0 < kept["footprint"]["row_milliseconds"] < 1000


class TestReproduce:
    def test_says_how_equal_it_came_out(self, ratchet: Ratchet, life: Life):
        model = life("gated")
        answer = ratchet(model, "reproduce", "parcels", "1")
        assert (answer.code, answer.out) == (0, "parcels: pass: version 1: made again, equal to the bit\n")
        found = json.loads(ratchet(model, "reproduce", "parcels", "1", "--json").out)
        assert (found["equality"], found["largest"]) == ("bits", 0.0)

    def test_another_model_is_exit_code_1(self, ratchet: Ratchet, life: Life):
        model = life("gated")
        path = model.path / "features.py"
        path.write_text(path.read_text().replace("dt.hour()", "dt.minute()"))
        answer = ratchet(model, "reproduce", "parcels", "1")
        assert answer.code == 1
        assert "the first input that differs is the functions of the model folder" in answer.out
