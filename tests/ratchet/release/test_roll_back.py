from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.errors import ChecksumError, InputError, ModelError
from ratchet.ledger.chain import Ledger
from ratchet.ledger.state import LedgerState
from ratchet.ledger.versions import ModelVersion
from ratchet.release.mirror import CHALLENGER, CHAMPION
from ratchet.release.roll_back import choose_target
from ratchet.steps.roll_back import roll_back
from ratchet.training.versions import read_alias
from tests.factories.lives import Life
from tests.factories.models import AUTHOR, Model, at, day
from tests.factories.processes import killed_at, race

NIGHT = at(day(20))


def back(model: Model, version: str | None = None, reason: str = "late parcels missed") -> int:
    return roll_back(model.project, model.spec, version=version, reason=reason, author=AUTHOR, at=NIGHT).number


def aliases(model: Model) -> tuple[str | None, str | None]:
    read = [read_alias(model.project.tracking_uri, model.id, name) for name in (CHAMPION, CHALLENGER)]
    return read[0], read[1]


def champion(model: Model) -> str:
    found = model.ledger.read_state().champion
    assert found is not None
    return found.version


class TestTarget:
    @pytest.mark.parametrize("version", [None, "1"])
    def test_is_the_last_champion_or_the_one_named(self, life: Life, version: str | None):
        model = life("second")
        former = model.ledger.read_state().previous_champions
        assert back(model, version) == 5
        state = model.ledger.read_state()
        assert state.champion == former[-1]
        assert [one.version for one in state.previous_champions] == ["2"]
        assert model.ledger.verify() == []
        # One that was rolled back competes no more.
        assert aliases(model) == ("1", None)

    def test_of_several_is_the_one_before_or_any_that_is_named(self, life: Life):
        ledger = life("second").ledger
        state = ledger.read_state()
        third = ModelVersion(version="3", digest="3" * 64)
        ledger.append(
            "promotion", {"version": third.to_json()}, decision_id="third", author=AUTHOR, at=NIGHT, after=state.number
        )
        state = ledger.read_state()
        assert choose_target(ledger, state, None).version == "2"
        assert choose_target(ledger, state, "1").version == "1"

    def test_keeps_the_reason_and_what_it_replaced(self, life: Life):
        model = life("second")
        back(model, reason="late parcels missed")
        *_, entry = model.ledger.entries()
        assert (entry.kind, entry.author, entry.at) == ("roll_back", AUTHOR, NIGHT)
        assert (entry.body["reason"], entry.body["replaced"]["version"]) == ("late parcels missed", "2")


class TestRefused:
    @pytest.mark.parametrize(
        ("version", "reason", "words"),
        [
            pytest.param(
                "7", "why", "Version 7 never was champion before the present one. Former champions: 1.", id="unknown"
            ),
            pytest.param("2", "why", "Version 2 is champion already, since entry 4.", id="the-present-one"),
            pytest.param(None, "", "A roll back needs a reason", id="no-reason"),
            pytest.param("1", " \n", "A roll back needs a reason", id="blank-reason"),
        ],
    )
    def test_with_the_champion_unchanged(self, life: Life, version: str | None, reason: str, words: str):
        model = life("second")
        before = model.ledger.read_state()
        with pytest.raises(InputError, match=words):
            back(model, version, reason)
        assert model.ledger.read_state() == before

    def test_when_nobody_was_champion_before(self, life: Life):
        model = life("champion")
        with pytest.raises(InputError, match="There is no former champion to roll back to."):
            back(model)
        assert champion(model) == "1"

    def test_without_any_champion(self, life: Life):
        ledger: Ledger = life("loaded").ledger
        with pytest.raises(InputError, match="There is no former champion"):
            choose_target(ledger, LedgerState(), None)

    @pytest.mark.parametrize("file", ["model.skops", "package.json"])
    @pytest.mark.parametrize("damage", ["altered", "missing"])
    def test_when_the_target_is_damaged(self, life: Life, file: str, damage: str):
        model = life("second")
        target = model.ledger.read_state().previous_champions[-1]
        path = Path(model.project.home) / "models" / "parcels" / target.digest / file
        path.write_bytes(path.read_bytes() + b" ") if damage == "altered" else path.unlink()
        before = model.ledger.read_state()
        with pytest.raises((ChecksumError, ModelError), match=file):
            back(model)
        assert model.ledger.read_state() == before
        assert champion(model) == "2"


class TestRepeated:
    def test_without_a_version_it_does_not_bring_back_what_was_rolled_back(self, life: Life):
        model = life("second")
        back(model)
        with pytest.raises(InputError, match="Version 1 came back by a roll back already, entry 5. .* name a version"):
            back(model)
        assert champion(model) == "1"
        assert back(model, "2") == 6  # said by name, it is meant
        assert champion(model) == "2"

    @pytest.mark.parametrize(
        "point", ["ledger.append.after_write", "promote.before_alias", "promote.after_alias_champion"]
    )
    def test_after_a_kill_it_says_so_and_mends_the_aliases(self, life: Life, point: str):
        model = life("second")
        killed_at(point, roll_back, model.project, model.spec, version=None, reason="why", author=AUTHOR, at=NIGHT)
        assert champion(model) == "1"
        with pytest.raises(InputError, match="came back by a roll back already"):
            back(model)
        assert (champion(model), aliases(model)) == ("1", ("1", None))

    def test_killed_before_the_entry_it_is_done_by_the_rerun(self, life: Life):
        model = life("second")
        killed_at(
            "ledger.append.before_write",
            roll_back,
            model.project,
            model.spec,
            version=None,
            reason="why",
            author=AUTHOR,
            at=NIGHT,
        )
        assert champion(model) == "2"
        assert back(model) == 5

    def test_of_two_at_once_one_entry_comes_and_the_other_is_told(self, life: Life):
        model = life("second")
        call = (back, (model,), {})
        answers = race(call, call)
        # Decided on the same state it is the same decision; decided on the state after it, it is refused.
        assert 5 in answers
        assert all(answer == 5 or "came back by a roll back already" in answer for answer in answers)
        assert [entry.kind for entry in model.ledger.entries()].count("roll_back") == 1
        assert champion(model) == "1"
        assert model.ledger.verify() == []
