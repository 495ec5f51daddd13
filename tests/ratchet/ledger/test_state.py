from __future__ import annotations

import json
from typing import Any

import pytest

from ratchet.errors import InputError
from ratchet.ledger.state import LedgerState, apply
from ratchet.ledger.versions import ModelVersion
from tests.ratchet.ledger.factory import AT, crown, entry, version


def follow(state: LedgerState, kind: str, body: dict[str, Any] | None = None, **changes: Any) -> LedgerState:
    number = state.number + 1
    changes = {"decision_id": f"decision-{number}", **changes}
    return apply(state, entry(number=number, previous=state.head, kind=kind, body=body or {}, **changes))


def after(*steps: tuple[str, dict[str, Any]]) -> LedgerState:
    state = LedgerState()
    for kind, body in steps:
        state = follow(state, kind, body)
    return state


BOOTSTRAPPED = after(("bootstrap", crown(1)))
PROMOTED_TWICE = after(("bootstrap", crown(1)), ("promotion", crown(2)), ("promotion", crown(3)))


def test_a_bootstrap_makes_the_first_champion():
    assert (BOOTSTRAPPED.champion, BOOTSTRAPPED.champion_number) == (version(1), 1)
    assert BOOTSTRAPPED.previous_champions == ()


def test_a_promotion_takes_over_and_the_old_champion_is_remembered():
    assert PROMOTED_TWICE.champion == version(3)
    assert PROMOTED_TWICE.previous_champions == (version(1), version(2))


def test_a_roll_back_restores_a_former_champion_and_can_itself_be_rolled_back():
    back = follow(PROMOTED_TWICE, "roll_back", crown(1))
    assert (back.champion, back.previous_champions) == (version(1), (version(2), version(3)))
    forth = follow(back, "roll_back", crown(3))
    assert (forth.champion, forth.previous_champions) == (version(3), (version(2), version(1)))


@pytest.mark.parametrize(
    ("state", "kind", "body", "message"),
    [
        pytest.param(BOOTSTRAPPED, "bootstrap", crown(2), "version 1 is champion", id="second-bootstrap"),
        pytest.param(LedgerState(), "promotion", crown(1), "needs a champion", id="promotion-of-the-first"),
        pytest.param(LedgerState(), "roll_back", crown(1), "needs a champion", id="roll-back-of-nothing"),
        pytest.param(BOOTSTRAPPED, "promotion", crown(1), "champion already", id="promotion-of-the-champion"),
        pytest.param(PROMOTED_TWICE, "roll_back", crown(3), "champion already", id="roll-back-to-the-champion"),
        pytest.param(PROMOTED_TWICE, "roll_back", crown(4), "former champion", id="roll-back-to-a-stranger"),
        pytest.param(
            PROMOTED_TWICE,
            "roll_back",
            {"version": {**version(1).to_json(), "version": "9"}},
            "as it was recorded",
            id="roll-back-under-another-name",
        ),
        pytest.param(BOOTSTRAPPED, "promotion", {}, "version in a promotion", id="no-version"),
        pytest.param(BOOTSTRAPPED, "promotion", {"version": {"version": "2"}}, "digest", id="no-digest"),
        pytest.param(
            BOOTSTRAPPED, "promotion", {"version": {**crown(2)["version"], "x": 1}}, "may have", id="unknown-key"
        ),
        pytest.param(BOOTSTRAPPED, "gate", {"verdict": "maybe"}, "verdict of a gate", id="verdict"),
    ],
)
def test_what_may_not_follow_is_refused(state: LedgerState, kind: str, body: dict[str, Any], message: str):
    with pytest.raises(InputError, match=message):
        follow(state, kind, body)


@pytest.mark.parametrize("verdict", ["pass", "fail", "undecided"])
def test_a_gate_is_remembered_and_moves_no_champion(verdict: str):
    state = follow(BOOTSTRAPPED, "gate", {"verdict": verdict, "candidate": version(2).to_json()})
    assert (state.gate_verdict, state.gate_number, state.candidate) == (verdict, 2, version(2))
    assert state.champion == version(1)


def test_a_gate_without_a_candidate_is_a_verdict_all_the_same():
    state = follow(BOOTSTRAPPED, "gate", {"verdict": "undecided", "candidate": None})
    assert (state.gate_verdict, state.candidate) == ("undecided", None)


@pytest.mark.parametrize("kind", ["sign_off", "experiment", "override"])
def test_other_kinds_are_counted_and_change_nothing_else(kind: str):
    state = follow(PROMOTED_TWICE, kind, {"version": "whatever"})
    assert state.counts == {"bootstrap": 1, "promotion": 2, kind: 1}
    assert (state.champion, state.previous_champions) == (PROMOTED_TWICE.champion, PROMOTED_TWICE.previous_champions)


def test_an_erasure_makes_versions_irreproducible_from_the_first_that_names_them():
    first = follow(PROMOTED_TWICE, "erasure", {"versions": [{"version": "1", "digest": "sha256:1"}]})
    second = follow(first, "erasure", {"versions": [{"digest": "sha256:1"}, {"digest": "sha256:2"}]})
    assert dict(second.not_reproducible) == {"sha256:1": first.number, "sha256:2": second.number}
    assert second.champion == PROMOTED_TWICE.champion
    assert LedgerState.from_json(second.to_json(), head=str(second.head)) == second


@pytest.mark.parametrize("versions", [None, "1", [{"version": "1"}], ["sha256:1"]])
def test_an_erasure_that_does_not_say_which_versions_is_refused(versions: object):
    with pytest.raises(InputError, match="must be a list, each with a digest"):
        follow(PROMOTED_TWICE, "erasure", {"versions": versions})


def test_traffic_holds_until_the_champion_changes():
    split = follow(BOOTSTRAPPED, "traffic", {"canary": 0.1})
    assert split.traffic == {"canary": 0.1}
    assert follow(split, "override").traffic == {"canary": 0.1}
    assert follow(split, "promotion", crown(2)).traffic is None


@pytest.mark.parametrize("number", [1, 3])
def test_an_entry_of_another_number_does_not_follow(number: int):
    with pytest.raises(InputError, match="does not follow entry 1"):
        apply(BOOTSTRAPPED, entry(number=number, previous=BOOTSTRAPPED.head if number > 1 else None))


def test_an_entry_after_other_bytes_does_not_follow():
    with pytest.raises(InputError, match="does not follow entry 1"):
        apply(BOOTSTRAPPED, entry(number=2, previous="sha256:" + "0" * 64))


def test_the_state_begins_with_the_latest_time_so_far():
    late = follow(BOOTSTRAPPED, "override", at=AT.replace(year=2014))
    assert follow(late, "override", at=AT).at == AT.replace(year=2014)


def test_a_state_survives_json():
    state = follow(follow(PROMOTED_TWICE, "traffic", {"canary": 0.1}), "gate", {"verdict": "fail", "candidate": None})
    assert LedgerState.from_json(json.loads(json.dumps(state.to_json())), head=state.head) == state
    empty = LedgerState()
    assert LedgerState.from_json(json.loads(json.dumps(empty.to_json())), head="x") == LedgerState(head="x")


@pytest.mark.parametrize("changes", [{"schema_version": 3}, {"extra": 1}])
def test_a_state_of_another_form_is_refused(changes: dict[str, Any]):
    with pytest.raises(InputError, match="state must be of version 2"):
        LedgerState.from_json({**BOOTSTRAPPED.to_json(), **changes}, head="x")


@pytest.mark.parametrize("changes", [{"version": ""}, {"digest": None}, {"run_id": ""}, {"trained_through": 7}])
def test_a_model_version_is_made_of_texts(changes: dict[str, Any]):
    with pytest.raises(InputError, match="non-empty text"):
        ModelVersion(**{**version(1).to_json(), **changes})
