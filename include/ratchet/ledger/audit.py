"""What is wrong with a chain, in words. Works on bytes already read, so that nothing is trusted twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ratchet.errors import InputError, LedgerError
from ratchet.ledger.canonical import digest_of
from ratchet.ledger.entries import Entry
from ratchet.ledger.state import SNAPSHOT_EVERY, STATE_VERSION, LedgerState, apply

if TYPE_CHECKING:
    from ratchet.identity import ModelId

_NAME = re.compile(r"ledger/[^/]+/(\d{6,})\.json")


def find_problems(model: ModelId, objects: Mapping[str, bytes], *, seen: LedgerState | None = None) -> list[str]:
    """Return one sentence a fault; empty for a sound chain.

    Parameters
    ----------
    model : ModelId
        Whose chain it must be.
    objects : mapping of str to bytes
        Every object below the chain's folder, by name.
    seen : LedgerState, optional
        A state read earlier: the chain must still hold the entry that it ended with.
    """
    chain, problems = _by_number(objects)
    audit = _Audit(model, chain, problems)
    for number in range(1, max(chain, default=0) + 1):
        audit.look_at(number)
    if seen is not None and seen.number > 0:
        audit.compare_with(seen)
    return problems


class _Audit:
    def __init__(self, model: ModelId, chain: Mapping[int, bytes], problems: list[str]) -> None:
        self._model, self._chain, self._problems = model, chain, problems
        # None after a fault that leaves no state to go on from, until an entry carries one.
        self._state: LedgerState | None = LedgerState()
        self._previous: str | None = None

    def look_at(self, number: int) -> None:
        if number not in self._chain:
            self._problems.append(f"Entry {number} is missing.")
            self._lose_track()
            return
        data = self._chain[number]
        entry = self._parse(number, data)
        if entry is None:
            self._lose_track()
        else:
            self._check_link(entry)
            self._fold(entry)
        self._previous = digest_of(data)

    def compare_with(self, seen: LedgerState) -> None:
        data = self._chain.get(seen.number)
        if data is None:
            self._problems.append(f"The chain was cut: entry {seen.number} was seen once and is gone.")
        elif seen.head != digest_of(data):
            self._problems.append(
                f"Entry {seen.number} was rewritten: it was seen with {seen.head}, its bytes have {digest_of(data)}."
            )

    def _parse(self, number: int, data: bytes) -> Entry | None:
        try:
            entry = Entry.from_bytes(data)
        except LedgerError as error:
            self._problems.append(f"Entry {number} cannot be read ({len(data)} bytes). {error.args[0]}")
            return None
        if (entry.model, entry.number) != (str(self._model), number):
            self._problems.append(f"Entry {number} is entry {entry.number} of {entry.model}.")
            return None
        return entry

    def _check_link(self, entry: Entry) -> None:
        before = entry.number - 1
        if before in self._chain and entry.previous != self._previous:
            self._problems.append(
                f"Entry {before} was altered, or entry {entry.number} forged: entry {entry.number} names "
                f"{entry.previous}, the bytes of entry {before} have {self._previous}."
            )

    def _fold(self, entry: Entry) -> None:
        folded = self._apply(entry)
        carried = self._carried(entry)
        if folded is not None and carried is not None and folded != carried:
            names = [name for name in folded.to_json() if folded.to_json()[name] != carried.to_json()[name]]
            self._problems.append(f"The state that entry {entry.number} carries is not what follows: {names} differ.")
        self._state = folded or carried

    def _apply(self, entry: Entry) -> LedgerState | None:
        if self._state is None or entry.previous != self._state.head:
            return None  # the broken link or the missing entry is told already
        try:
            return apply(self._state, entry)
        except InputError as error:
            self._problems.append(f"Entry {entry.number} may not follow: {error.args[0]}")
            return None

    def _carried(self, entry: Entry) -> LedgerState | None:
        if (entry.state is not None) != (entry.number % SNAPSHOT_EVERY == 0):
            self._problems.append(f"Entry {entry.number} must carry a state if, and only if, it is a 100th one.")
        if entry.state is None or entry.state.get("schema_version") != STATE_VERSION:
            return None
        try:
            return LedgerState.from_json(entry.state, head=entry.digest)
        except (InputError, TypeError, ValueError, AttributeError) as error:
            self._problems.append(f"Entry {entry.number} carries no state: {error.args[0]}")
            return None

    def _lose_track(self) -> None:
        self._state = None


def _by_number(objects: Mapping[str, bytes]) -> tuple[dict[int, bytes], list[str]]:
    chain: dict[int, bytes] = {}
    problems = []
    for name, data in sorted(objects.items()):
        match = _NAME.fullmatch(name)
        number = int(match.group(1)) if match else 0
        if match and number > 0 and name.endswith(f"/{number:06d}.json"):
            chain[number] = data
        else:
            problems.append(f"{name} is no entry of the chain.")
    return chain, problems
