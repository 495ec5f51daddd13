"""Roll back: appending to the ledger that a former champion is champion again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.ledger.chain import Ledger
    from ratchet.ledger.entries import Author, Entry
    from ratchet.ledger.state import LedgerState
    from ratchet.ledger.versions import ModelVersion


def choose_target(ledger: Ledger, state: LedgerState, version: str | None) -> ModelVersion:
    """Return the former champion to restore: the last one, or the one named.

    Raises
    ------
    InputError
        If there is no former champion, or none of that version; or if no version is named and the champion itself
        came back by a roll back: the last one is then the one that was rolled back, and a command that is repeated,
        or given by two people, would put it into service again.
    """
    former = state.previous_champions
    if state.champion is None or not former:
        raise InputError("There is no former champion to roll back to.")
    known = ", ".join(one.version for one in former)
    if version is None:
        if _came_back(ledger, state):
            raise InputError(
                f"Version {state.champion.version} came back by a roll back already, entry {state.champion_number}. "
                f"To change it again, name a version. Former champions: {known}."
            )
        return former[-1]
    if version == state.champion.version:
        raise InputError(f"Version {version} is champion already, since entry {state.champion_number}.")
    for one in reversed(former):
        if one.version == version:
            return one
    raise InputError(f"Version {version} never was champion before the present one. Former champions: {known}.")


def _came_back(ledger: Ledger, state: LedgerState) -> bool:
    crowned = next(ledger.entries(after=(state.champion_number or 1) - 1))
    return crowned.kind == "roll_back"


def roll_back(
    ledger: Ledger, state: LedgerState, target: ModelVersion, *, reason: str, author: Author, at: datetime
) -> Entry:
    """Append the roll back to ``target``, decided on ``state``.

    Raises
    ------
    InputError
        If no reason is given.
    LostRaceError
        If another decision was faster.
    """
    if not reason.strip():
        raise InputError("A roll back needs a reason; it is kept in the ledger.")
    replaced = state.champion.to_json() if state.champion else None
    return ledger.append(
        "roll_back",
        {"version": target.to_json(), "replaced": replaced, "reason": reason},
        # Named by the state it was decided on: the same decision on a later state is another one.
        decision_id=f"roll_back:{state.number}:{target.digest}",
        author=author,
        at=at,
        after=state.number,
    )
