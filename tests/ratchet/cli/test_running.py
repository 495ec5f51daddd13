from __future__ import annotations

import json
from pathlib import Path

import pytest

from ratchet.project import Project
from tests.factories.lives import Life
from tests.factories.models import day, make_model
from tests.ratchet.cli.conftest import Ratchet, assert_told


class TestRun:
    def test_two_nights_are_two_lines(self, ratchet: Ratchet, life: Life):
        model = life("champion")
        answer = ratchet(model, "run", "parcels", "--from", day(13), "--to", day(14))
        assert (answer.code, answer.err) == (0, "")
        first, second = answer.out.splitlines()
        assert first == (
            f"{day(13)} | 150 rows in, 150 kept, 0 quarantined; 150 outcomes | 150 examples scored by version 1 | "
            "drift pass | quality undecided | hold"
        )
        assert second.endswith("| drift pass | quality pass | hold")

    def test_a_first_load_and_the_first_champion_are_one_night(self, ratchet: Ratchet, life: Life):
        model = life("loaded")
        answer = ratchet(model, "run", "parcels", "--load-from", day(1), "--from", day(12), "--to", day(12))
        assert answer.code == 0
        assert "1800 rows in, 1800 kept, 0 quarantined; 1650 outcomes" in answer.out
        assert "request | gate: pass (cold start): all 16 checks passed | promote: version 1 is champion" in answer.out

    def test_a_stopped_span_is_said_so_and_the_next_night_goes_on(self, ratchet: Ratchet, life: Life):
        model = life("champion")
        model.deliver(day(13), farther=500.0)
        answer = ratchet(model, "run", "parcels", "--from", day(13), "--to", day(14))
        first, second = answer.out.splitlines()
        assert "| stopped: FAIL parcels" in first
        assert (answer.code, second.startswith(f"{day(14)} | 150 rows in")) == (0, True)

    def test_a_delivery_that_is_refused_ends_it_after_the_nights_before(self, ratchet: Ratchet, life: Life):
        model = life("champion")
        model.deliver(day(14), twice=30)
        answer = ratchet(model, "run", "parcels", "--from", day(13), "--to", day(15))
        assert answer.code == 1
        assert answer.out.startswith(f"{day(13)} | ")
        assert answer.out.count("\n") == 1
        assert answer.err.startswith("E-DATA: 30 of 180 rows")
        assert answer.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(["--from", day(2), "--to", day(1)], "must not be before the first", id="backwards"),
            pytest.param(["--from", "x", "--to", day(1)], "must be a date", id="no-key"),
            pytest.param(
                ["--load-from", day(3), "--from", day(2), "--to", day(2)], "must not be before", id="load-later"
            ),
        ],
    )
    def test_a_range_that_is_none_is_refused_and_nothing_is_done(
        self, ratchet: Ratchet, project: Project, arguments: list[str], words: str
    ):
        model = make_model(project)
        assert_told(ratchet(model, "run", "parcels", *arguments), "E-INPUT", words)
        assert not Path(project.home).exists()


class TestStatus:
    def test_before_anything_was_done(self, ratchet: Ratchet, project: Project):
        model = make_model(project, changes={"objective.goal": "Find [bold]late[/bold] parcels [/x]."})
        answer = ratchet(model, "status", "parcels")
        assert (answer.code, answer.err) == (0, "")
        assert "Find [bold]late[/bold] parcels [/x]." in answer.out
        assert "champion               none yet" in " ".join(answer.out.splitlines())
        values = json.loads(ratchet(model, "status", "parcels", "--json").out)
        assert (values["champion"], values["entries"], values["spans_ingested"]) == (None, 0, 0)

    def test_says_who_is_champion_since_when_and_by_whom(self, ratchet: Ratchet, life: Life):
        model = life("second")
        answer = ratchet(model, "status", "parcels")
        assert answer.code == 0
        assert "trained through 2024-03-16, since 2024-03-20T08:00:00+00:00 by tests (entry 4)" in answer.out
        assert "19 ingested, newest 2024-03-19" in answer.out

    def test_as_json_holds_the_same(self, ratchet: Ratchet, life: Life):
        model = life("second")
        model.deliver(day(20), farther=500.0)
        ratchet(model, "run", "parcels", "--from", day(20), "--to", day(20))
        values = json.loads(ratchet(model, "status", "parcels", "--json").out)
        assert (values["schema_version"], values["model"], values["owner"]) == (1, "parcels", "logistics")
        assert (values["champion"]["version"], values["former_champions"]) == ("2", ["1"])
        assert values["champion_by"] == "tests"
        assert (values["spans_ingested"], values["spans_stopped"], values["newest_span"]) == (20, [day(20)], day(20))
        gate = values["newest_gate"]
        assert (gate["candidate"], gate["verdict"], gate["needs_a_person"], gate["entry"]) == ("2", "pass", False, 3)

    def test_of_no_model_is_refused(self, ratchet: Ratchet, project: Project):
        assert_told(ratchet(make_model(project), "status", "parcel"), "E-SPEC", "did you mean 'parcels'?")


class TestLedger:
    def test_is_shown_an_entry_a_line(self, ratchet: Ratchet, life: Life):
        model = life("second")
        answer = ratchet(model, "ledger", "show", "parcels")
        kinds = [line.split("│")[3].strip() for line in answer.out.splitlines() if line.startswith("│")]
        assert (answer.code, kinds) == (0, ["gate", "bootstrap", "gate", "promotion"])

    def test_as_json_is_the_very_bytes_that_are_kept(self, ratchet: Ratchet, life: Life):
        model = life("second")
        lines = ratchet(model, "ledger", "show", "parcels", "--json").out.splitlines()
        assert [f"{line}\n".encode() for line in lines] == list(model.objects("ledger/parcels").values())

    def test_that_is_sound_verifies(self, ratchet: Ratchet, life: Life):
        model = life("second")
        answer = ratchet(model, "ledger", "verify", "parcels")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == f"parcels: 4 entries, sound; head {model.ledger.read_state().head}\n"

    # That the newest entry is the one that was written is told by a head kept elsewhere, not by the chain.
    @pytest.mark.parametrize(
        ("tampering", "number"),
        [("altered", 1), ("altered", 3), ("deleted", 1), ("deleted", 3), ("cut-short", 1), ("cut-short", 4)],
    )
    def test_that_was_tampered_with_does_not(self, ratchet: Ratchet, life: Life, tampering: str, number: int):
        model = life("second")
        path = Path(model.project.home) / "ledger" / "parcels" / f"{number:06d}.json"
        match tampering:
            case "altered":
                path.write_text(path.read_text().replace('"tests"', '"somebody"'))
            case "deleted":
                path.unlink()
            case _:
                path.write_bytes(path.read_bytes()[:-20])
        answer = ratchet(model, "ledger", "verify", "parcels")
        assert answer.code == 1
        assert any(f"{number:06d}" in line or f"ntry {number}" in line for line in answer.out.splitlines())
        assert "sound" not in answer.out
        assert "Traceback" not in answer.out + answer.err

    @pytest.mark.parametrize("command", ["show", "verify"])
    def test_of_no_model_is_refused_rather_than_sound(self, ratchet: Ratchet, project: Project, command: str):
        answer = ratchet(make_model(project), "ledger", command, "parcel")
        assert_told(answer, "E-INPUT", "There is no model parcel, and no ledger of it. Models: parcels.")

    def test_of_a_model_whose_folder_is_gone_still_verifies(self, ratchet: Ratchet, life: Life):
        model = life("second")
        (model.path / "spec.yaml").unlink()
        assert "4 entries, sound" in ratchet(model, "ledger", "verify", "parcels").out


class TestRollBack:
    def test_restores_the_former_champion(self, ratchet: Ratchet, life: Life):
        model = life("second")
        answer = ratchet(model, "roll-back", "parcels", "--reason", "late parcels missed")
        assert (answer.code, answer.err) == (0, "")
        assert answer.out == "parcels: version 1 is champion again, by entry 5 of the ledger\n"
        state = model.ledger.read_state()
        assert state.champion is not None
        assert state.champion.version == "1"
        *_, entry = model.ledger.entries()
        assert (entry.author.kind, entry.body["reason"]) == ("person", "late parcels missed")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            pytest.param(["--reason", " "], "A roll back needs a reason", id="blank-reason"),
            pytest.param(["--reason", "x", "--version", "9"], "Version 9 never was champion", id="unknown-version"),
        ],
    )
    def test_is_refused_with_the_champion_unchanged(
        self, ratchet: Ratchet, life: Life, arguments: list[str], words: str
    ):
        model = life("second")
        assert_told(ratchet(model, "roll-back", "parcels", *arguments), "E-INPUT", words)
        assert model.ledger.read_state().number == 4

    def test_to_a_damaged_package_is_refused(self, ratchet: Ratchet, life: Life):
        model = life("second")
        target = model.ledger.read_state().previous_champions[-1]
        path = Path(model.project.home) / "models" / "parcels" / target.digest / "model.skops"
        path.write_bytes(path.read_bytes()[:-1])
        assert_told(ratchet(model, "roll-back", "parcels", "--reason", "x"), "E-CHECKSUM", "model.skops")
        assert model.ledger.read_state().number == 4
