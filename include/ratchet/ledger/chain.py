"""The ledger of one model: numbered write-once objects, each with the digest of the one before.

Put-if-absent of the next number is the only lock, and it decides who is champion. Nothing here lists the store but
``verify``: a reader asks for the next number.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ratchet.crashpoints import crash_point
from ratchet.errors import InputError, LedgerError, LostRaceError
from ratchet.ledger.audit import find_problems
from ratchet.ledger.entries import Author, Entry, EntryKind
from ratchet.ledger.state import SNAPSHOT_EVERY, STATE_VERSION, LedgerState, apply
from ratchet.storage.objects import ObjectMissingError, ObjectStore

if TYPE_CHECKING:
    from ratchet.identity import ModelId


class Ledger:
    """The chain of decisions of one model (or of one segment of it).

    It remembers the newest state that it has read: what is asked again costs a look for the next number.
    """

    def __init__(self, store: ObjectStore, model: ModelId) -> None:
        self._store = store
        self._model = model
        self._newest: LedgerState | None = None

    def __repr__(self) -> str:
        return f"Ledger({str(self._model)!r} in {self._store.uri!r})"

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """Give the entries with numbers above ``after``, in order.

        Raises
        ------
        LedgerError
            At the first one that is damaged, missing, or does not name the one before.
        """
        previous: Entry | None = None
        while (entry := self._next(after if previous is None else previous.number)) is not None:
            if previous is not None and entry.previous != previous.digest:
                raise LedgerError(
                    f"Entry {entry.number} of {self._model} names {entry.previous} as the one before, and the bytes of "
                    f"entry {previous.number} have {previous.digest}: one of them was altered. Run the verification."
                )
            yield entry
            previous = entry

    def read_state(self, at: datetime | None = None) -> LedgerState:
        """Return the present state, or the one that held at an instant.

        Parameters
        ----------
        at : datetime, optional
            An aware instant: entries count up to the first one that was written later. All are read from the first on.
        """
        if at is not None and at.tzinfo is None:
            raise InputError(f"The instant must be an aware datetime. Got {at!r}.")
        if at is None:
            state = self._newest or self._newest_snapshot()
            for entry in self.entries(after=state.number):
                state = self._step(state, entry)
            self._newest = state
            return state
        state = LedgerState()
        for entry in self.entries():
            if entry.at > at:
                break
            state = self._step(state, entry)
        return state

    def find(self, decision_id: str) -> Entry | None:
        """Return the entry of a decision, whichever try wrote it; None when it was not taken yet."""
        state = self.read_state()
        return self._find(decision_id, state)

    def append(
        self,
        kind: EntryKind,
        body: Mapping[str, Any],
        *,
        decision_id: str,
        author: Author,
        at: datetime,
        after: int,
    ) -> Entry:
        """Write entry ``after + 1``, once; the same decision again returns the entry it has.

        Parameters
        ----------
        kind, body
            What was decided; see ``ratchet.ledger.state.apply`` for the keys that are read. Never an entity id.
        decision_id : str
            The same for every try of this decision, another for every other entry.
        after : int
            The number of the state on which the decision was taken.

        Raises
        ------
        LostRaceError
            If another decision has taken the number: read the state and decide again.
        InputError
            If the entry is malformed or may not follow that state, or the decision id belongs to an entry of another
            kind. Nothing is written.
        StoreError
            If the store did not answer. The entry may be there nevertheless: try again with the same decision id.
        """
        state = self.read_state()
        done = self._find(decision_id, state)
        if done is not None:
            return _same_kind(done, kind)
        self._check_after(after, state)
        entry = Entry(
            model=str(self._model),
            number=after + 1,
            previous=state.head,
            kind=kind,
            at=at,
            author=author,
            decision_id=decision_id,
            nonce=secrets.token_hex(16),
            body=body,
        )
        return self._put(_with_state(entry, apply(state, entry)))

    def verify(self, seen: LedgerState | None = None) -> list[str]:
        """Return what is wrong with the chain, in words; empty when it is sound.

        Parameters
        ----------
        seen : LedgerState, optional
            A state that was read earlier and kept elsewhere (its number and head suffice). Without it nobody can know
            that the newest entries were cut off or rewritten.
        """
        names = self._store.list(f"ledger/{self._model}")
        return find_problems(self._model, {name: self._store.read(name) for name in names}, seen=seen)

    def _put(self, entry: Entry) -> Entry:
        crash_point("ledger.append.before_write")
        is_written = self._store.write_once(entry_name(self._model, entry.number), entry.to_bytes())
        crash_point("ledger.append.after_write")
        if is_written:
            return entry
        theirs = self._read(entry.number)
        if theirs is not None and theirs.nonce == entry.nonce:
            return theirs  # the store had written it, and its reply was lost
        if theirs is not None and theirs.decision_id == entry.decision_id:
            return _same_kind(theirs, entry.kind)
        raise self._lost(entry.number, theirs)

    def _check_after(self, after: int, state: LedgerState) -> None:
        if after < 0 or after > state.number:
            raise InputError(f"The ledger of {self._model} ends at entry {state.number}; nothing can follow {after}.")
        if after < state.number:
            raise self._lost(after + 1, self._read(after + 1))

    def _lost(self, number: int, theirs: Entry | None) -> LostRaceError:
        by = "" if theirs is None else f", a {theirs.kind} by {theirs.author.name} (decision {theirs.decision_id})"
        return LostRaceError(
            f"Entry {number} of {self._model} is taken{by}. Read the state and decide again on what it is now."
        )

    def _next(self, number: int) -> Entry | None:
        """Return the entry after ``number``; None at the end of the chain, LedgerError at a hole in it."""
        entry = self._read(number + 1)
        if entry is None and self._store.has(entry_name(self._model, number + 2)):
            entry = self._read(number + 1)  # both may have been written since the first look
            if entry is None:
                raise LedgerError(
                    f"Entry {number + 1} of {self._model} is missing, and entry {number + 2} is there. Nothing may be "
                    "appended until a person has looked: run the verification."
                )
        return entry

    def _read(self, number: int) -> Entry | None:
        name = entry_name(self._model, number)
        try:
            entry = Entry.from_bytes(self._store.read(name))
        except ObjectMissingError:
            return None
        except LedgerError as error:
            raise LedgerError(f"{name}: {error.args[0]}") from error
        if (entry.model, entry.number) != (str(self._model), number):
            raise LedgerError(f"{name} holds entry {entry.number} of {entry.model}.")
        return entry

    def _step(self, state: LedgerState, entry: Entry) -> LedgerState:
        try:
            return apply(state, entry)
        except InputError as error:
            raise LedgerError(f"Entry {entry.number} of {self._model} may not be there: {error.args[0]}") from error

    def _newest_snapshot(self) -> LedgerState:
        """Return the newest state that an entry carries; the empty one before the 100th entry."""
        number = 0
        while self._store.has(entry_name(self._model, number + SNAPSHOT_EVERY)):
            number += SNAPSHOT_EVERY
        while number > 0:
            state = self._snapshot(number)
            if state is not None:
                return state
            number -= SNAPSHOT_EVERY
        return LedgerState()

    def _snapshot(self, number: int) -> LedgerState | None:
        """Return the state that an entry carries; None when it is of another version than ours."""
        entry = self._read(number)
        if entry is None or entry.state is None or entry.state.get("schema_version") != STATE_VERSION:
            return None
        try:
            return LedgerState.from_json(entry.state, head=entry.digest)
        except InputError as error:
            raise LedgerError(f"Entry {number} of {self._model} carries no state: {error.args[0]}") from error

    def _find(self, decision_id: str, state: LedgerState) -> Entry | None:
        """Look in the newest block, then in the states that close the blocks before it."""
        while state.number > 0:
            number = state.decisions.get(decision_id)
            if number is not None:
                return self._read(number)
            block_end = (state.number - 1) // SNAPSHOT_EVERY * SNAPSHOT_EVERY
            if block_end == 0:
                break
            state = self._snapshot(block_end) or self._fold_through(block_end)
        return None

    def _fold_through(self, number: int) -> LedgerState:
        state = LedgerState()
        for entry in self.entries():
            state = self._step(state, entry)
            if entry.number == number:
                break
        return state


def entry_name(model: ModelId, number: int) -> str:
    """Return the object's name of one entry."""
    return f"ledger/{model}/{number:06d}.json"


def _with_state(entry: Entry, state: LedgerState) -> Entry:
    """Return the entry, carrying the state after it when it closes a block."""
    return replace(entry, state=state.to_json()) if entry.number % SNAPSHOT_EVERY == 0 else entry


def _same_kind(entry: Entry, kind: EntryKind) -> Entry:
    if entry.kind != kind:
        raise InputError(
            f"Decision {entry.decision_id} is entry {entry.number} already, a {entry.kind}. A {kind} needs another id."
        )
    return entry
