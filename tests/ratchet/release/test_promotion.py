from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.errors import ChecksumError, InputError, LostRaceError, ModelError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.ledger.versions import ModelVersion
from ratchet.release.mirror import CHALLENGER, CHAMPION
from ratchet.release.promotion import promote as append_promotion
from ratchet.steps.decide_gate import GateStepResult
from ratchet.steps.promote import PromoteResult, promote
from ratchet.storage.objects import open_store
from ratchet.training.versions import mirror_alias, read_alias
from ratchet.verdicts import Verdict
from tests.factories.lives import REGATED, Life, Stage, gate_of
from tests.factories.models import AUTHOR, Model, at, day
from tests.factories.processes import killed_at, race

# In the order in which a promotion passes them.
POINTS = (
    "promote.before_append",
    "ledger.append.before_write",
    "storage.write_once.before_link",
    "storage.write_once.after_link",
    "ledger.append.after_write",
    "promote.after_append",
    "promote.before_alias",
    "promote.after_alias_champion",
    "promote.after_alias_challenger",
    "promote.before_result",
)
NIGHT = at(day(REGATED))


def aliases(model: Model) -> tuple[str | None, str | None]:
    read = [read_alias(model.project.tracking_uri, ModelId("parcels"), name) for name in (CHAMPION, CHALLENGER)]
    return read[0], read[1]


def promote_now(model: Model, gate: GateStepResult) -> PromoteResult:
    return promote(model.project, model.spec, gate, author=AUTHOR, at=NIGHT)


def promotions(model: Model) -> list[str]:
    return [
        entry.body["version"]["version"] for entry in model.ledger.entries() if entry.kind in ("bootstrap", "promotion")
    ]


# The first champion takes the same way; three points stand for it.
KILLS = [("regated", point) for point in POINTS] + [
    ("gated", point) for point in ("promote.before_append", "promote.after_append", "promote.before_alias")
]


def test_every_point_of_a_promotion_is_among_those_tried(life: Life, monkeypatch: pytest.MonkeyPatch):
    model, passed = life("regated"), list[str]()
    for name, module in list(sys.modules.items()):
        if name.startswith("ratchet.") and hasattr(module, "crash_point"):
            monkeypatch.setattr(module, "crash_point", passed.append)
    promote_now(model, gate_of(model))
    assert tuple(dict.fromkeys(passed)) == POINTS


class TestKilled:
    @pytest.mark.parametrize(("stage", "point"), KILLS)
    def test_the_rerun_finishes_what_is_left_and_nothing_is_done_twice(self, life: Life, stage: Stage, point: str):
        model = life(stage)
        gate, before = gate_of(model), model.ledger.read_state()
        killed_at(point, promote, model.project, model.spec, gate, author=AUTHOR, at=NIGHT)
        halfway = model.ledger.read_state().champion
        assert halfway in (before.champion, gate.candidate)
        assert model.ledger.verify() == []

        result = promote_now(model, gate)
        state = model.ledger.read_state()
        assert (result.version, result.number) == (gate.candidate_version, before.number + 1)
        assert (state.champion, state.number) == (gate.candidate, before.number + 1)
        assert promotions(model) == ([gate.candidate_version] if stage == "gated" else ["1", "2"])
        assert model.ledger.verify() == []
        assert aliases(model) == (gate.candidate_version, None)


class TestRefused:
    @pytest.mark.parametrize("verdict", ["fail", "undecided"])
    def test_without_a_passed_gate(self, life: Life, verdict: Verdict):
        model = life("regated")
        before = model.ledger.read_state()
        with pytest.raises(InputError, match=f"Version 2 may not be promoted: the verdict of its gate is {verdict}"):
            promote_now(model, replace(gate_of(model), verdict=verdict))
        assert model.ledger.read_state() == before
        assert aliases(model)[0] in ("1", None)

    def test_when_the_champion_has_changed_since_the_gate(self, life: Life):
        model = life("regated")
        gate, state = gate_of(model), model.ledger.read_state()
        other = ModelVersion(version="9", digest="9" * 64)
        model.ledger.append(
            "promotion", {"version": other.to_json()}, decision_id="other", author=AUTHOR, at=NIGHT, after=state.number
        )
        with pytest.raises(LostRaceError, match=r"Version 2 was compared with another champion than .* \(version 9\)"):
            promote_now(model, gate)
        assert model.ledger.read_state().champion == other

    @pytest.mark.parametrize("damage", ["altered", "cut-short", "missing", "one-more"])
    def test_when_the_package_could_not_be_served(self, life: Life, damage: str):
        model = life("regated")
        gate, before = gate_of(model), model.ledger.read_state()
        file = Path(model.project.home) / "models" / "parcels" / gate.candidate_digest / "model.skops"
        data = file.read_bytes()
        match damage:
            case "altered":
                file.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
            case "cut-short":
                file.write_bytes(data[:-1])
            case "missing":
                file.unlink()
            case _:
                file.with_name("loader.py").write_text("print('never run')")
        with pytest.raises((ChecksumError, ModelError)):
            promote_now(model, gate)
        assert model.ledger.read_state() == before


class TestRaces:
    def test_two_runs_of_one_promotion_make_one_entry(self, life: Life):
        model = life("regated")
        call = (promote, (model.project, model.spec, gate_of(model)), {"author": AUTHOR, "at": NIGHT})
        first, second = race(call, call)
        assert first == second
        assert promotions(model) == ["1", "2"]
        assert model.ledger.verify() == []

    def test_of_four_candidates_one_takes_over_and_the_others_are_told(self, life: Life):
        model = life("champion")
        champion = model.ledger.read_state().champion
        assert champion is not None
        answers = race(*((append, (model.project.home, number, champion.digest), {}) for number in range(4)))
        assert sorted(answer.partition(":")[0] for answer in answers) == ["LostRaceError"] * 3 + ["promoted"]
        assert len(promotions(model)) == 2
        assert model.ledger.verify() == []


def append(home: str, number: int, over: str) -> str:
    """Promote a made-up candidate, at the ledger alone."""
    ledger = Ledger(open_store(home), ModelId("parcels"))
    candidate = ModelVersion(version=f"1{number}", digest=f"{number:064x}")
    append_promotion(
        ledger,
        candidate=candidate,
        verdict="pass",
        over=over,
        gate_uri="gate",
        gate_digest=f"sha256:{number}",
        author=AUTHOR,
        at=NIGHT,
    )
    return f"promoted: {candidate.version}"


class TestAliases:
    def test_a_gated_candidate_is_the_challenger_until_it_is_champion(self, life: Life):
        from ratchet.release.mirror import mirror_aliases

        model = life("regated")
        mirror_aliases(model.project.tracking_uri, model.id, model.ledger.read_state())
        assert aliases(model) == ("1", "2")
        promote_now(model, gate_of(model))
        assert aliases(model) == ("2", None)

    def test_moved_by_hand_they_are_brought_back_and_decide_nothing(self, life: Life):
        model = life("second")
        mirror_alias(model.project.tracking_uri, model.id, CHAMPION, "1")
        promote_now(model, gate_of(model))
        assert aliases(model) == ("2", None)
        assert len(promotions(model)) == 2

    def test_a_late_rerun_does_not_turn_them_back(self, life: Life):
        model = life("regated")
        first = next(entry for entry in model.ledger.entries() if entry.kind == "gate")
        promote_now(model, gate_of(model))
        bootstrap = _gate_named(model, first.body["gate_digest"])
        assert promote_now(model, bootstrap).version == "1"
        assert aliases(model) == ("2", None)


def _gate_named(model: Model, digest: str) -> GateStepResult:
    from ratchet.steps.results import read_result

    names = [name for name in model.store.list("runs/parcels/decide_gate") if name.endswith("result.json")]
    found = [read_result(model.project, f"{model.store.uri}/{name}", GateStepResult) for name in names]
    return next(gate for gate in found if gate.gate_digest == digest)
