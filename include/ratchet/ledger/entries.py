"""An entry of the ledger: one decision, who took it and when, and the digest of the entry before it.

Entity ids never stand in an entry: it can never be changed, and a person's id must be erasable. An entry that has to
point at an entity names a keyed HMAC of its id, whose key can be destroyed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from ratchet.errors import InputError, LedgerError
from ratchet.identity import ModelId
from ratchet.ledger.canonical import canonical_bytes, digest_of, parse_json, plain_json

EntryKind = Literal[
    "bootstrap", "gate", "sign_off", "promotion", "roll_back", "traffic", "experiment", "override", "erasure"
]
AuthorKind = Literal["service", "person"]

SCHEMA_VERSION = 1

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NONCE = re.compile(r"[0-9a-f]{32}")
_KEYS = frozenset(
    ("schema_version", "model", "number", "previous", "kind", "at", "author", "decision_id", "nonce", "body", "state")
)
_MAX_TEXT = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who decided: a service by its identity, or a person by the name under which they signed in."""

    kind: AuthorKind
    name: str

    def __post_init__(self) -> None:
        _check_one_of("author's kind", self.kind, get_args(AuthorKind))
        _check_text("author's name", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One numbered, immutable decision.

    Parameters
    ----------
    model : str
        The ``ModelId`` whose chain this is.
    number : int
        1 for the first; each is one more than the one before.
    previous : str or None
        Digest of the bytes of the entry before; None for the first.
    at : datetime
        When it was decided, as its writer says; aware, kept in UTC.
    decision_id : str
        Names the decision, whatever the number of tries: a rerun finds its entry by it.
    nonce : str
        Names the try, at random: by it a writer whose reply was lost knows its own entry. Never in a name of a result.
    body : mapping
        What was decided: plain JSON, whose form depends on the kind.
    state : mapping or None
        The whole state after this entry, in every 100th.
    """

    schema_version: int = SCHEMA_VERSION
    model: str
    number: int
    previous: str | None
    kind: EntryKind
    at: datetime
    author: Author
    decision_id: str
    nonce: str
    body: Mapping[str, Any]
    state: Mapping[str, Any] | None = None
    # Written once: a chain is read by its digests, and each would be made three times over.
    _data: bytes = field(default=b"", init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION or isinstance(self.schema_version, bool):
            raise InputError(f"The schema_version of an entry must be {SCHEMA_VERSION}. Got {self.schema_version!r}.")
        ModelId.parse(self.model)
        _check_one_of("kind", self.kind, get_args(EntryKind))
        _check_text("decision_id", self.decision_id)
        _check_place(self.number, self.previous)
        if not isinstance(self.nonce, str) or not _NONCE.fullmatch(self.nonce):
            raise InputError(f"The nonce must be 32 hexadecimal digits. Got {str(self.nonce)[:60]!r}.")
        if not isinstance(self.at, datetime) or self.at.tzinfo is None:
            raise InputError(f"The time of an entry must be an aware datetime. Got {self.at!r}.")
        object.__setattr__(self, "at", self.at.astimezone(UTC))
        object.__setattr__(self, "body", _plain_mapping("body", self.body))
        if self.state is not None:
            object.__setattr__(self, "state", _plain_mapping("state", self.state))
        author = {"kind": self.author.kind, "name": self.author.name}
        values = {name: getattr(self, name) for name in _KEYS}
        object.__setattr__(self, "_data", canonical_bytes({**values, "at": format_instant(self.at), "author": author}))

    @property
    def digest(self) -> str:
        """``sha256:...`` of the entry's bytes: what the next entry names as ``previous``."""
        return digest_of(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the canonical JSON that is stored."""
        return self._data

    @classmethod
    def from_bytes(cls, data: bytes) -> Entry:
        """Return the entry that ``to_bytes`` wrote.

        Raises
        ------
        LedgerError
            For any other bytes: not JSON, a key missing, unknown or twice, a wrong value, not the canonical form.
        """
        try:
            entry = cls(**_arguments(parse_json(data)))
        except (ValueError, TypeError, RecursionError) as error:
            raise LedgerError(f"The bytes are no entry: {_reason(error)}") from error
        if entry.to_bytes() != data:
            raise LedgerError("The bytes are no entry: they are not in the canonical form.")
        return entry


def format_instant(at: datetime) -> str:
    """Return an instant as entries hold it: ``2013-02-10T04:05:06.000000Z``."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse_instant(text: str) -> datetime:
    """Return the instant that ``format_instant`` wrote."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} is no instant")
    return at.astimezone(UTC)


def _arguments(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise TypeError("not a JSON object")
    found = set(values)
    if found != _KEYS:
        raise ValueError(f"missing keys {sorted(_KEYS - found)}, unknown keys {sorted(found - _KEYS)}")
    return {**values, "at": parse_instant(values["at"]), "author": Author(**values["author"])}


def _reason(error: Exception) -> str:
    # An InputError begins with its own code, which is not the one that the reader of a broken chain should see.
    return str(error).removeprefix(f"{InputError.code}: ")[:300]


def _plain_mapping(what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise InputError(f"The {what} must be a mapping. Got {type(value).__name__}.")
    plain: dict[str, Any] = plain_json(dict(value), what)
    return plain


def _check_place(number: Any, previous: Any) -> None:
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise InputError(f"The number of an entry must be an integer from 1. Got {number!r}.")
    is_digest = isinstance(previous, str) and _DIGEST.fullmatch(previous) is not None
    if previous is not None if number == 1 else not is_digest:
        raise InputError(
            f"The previous of entry {number} must be {'null' if number == 1 else 'sha256: and 64 digits'}. "
            f"Got {str(previous)[:80]!r}."
        )


def _check_one_of(what: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise InputError(f"The {what} must be one of {', '.join(allowed)}. Got {str(value)[:60]!r}.")


def _check_text(what: str, value: Any) -> None:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT or not value.isprintable():
        raise InputError(f"The {what} must be 1 to {_MAX_TEXT} printable characters. Got {str(value)[:60]!r}.")
