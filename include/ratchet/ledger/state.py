"""The state of a model, as the pure fold of its ledger's entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any, get_args

from ratchet.errors import InputError
from ratchet.ledger.entries import Entry, format_instant, parse_instant
from ratchet.ledger.versions import ModelVersion
from ratchet.verdicts import Verdict

# Raise it when the fold changes: a stored state of another version is not read, and the entries are folded instead.
STATE_VERSION = 2

# Every so many entries, one carries the whole state.
SNAPSHOT_EVERY = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """What holds after entry ``number``; an empty ledger is ``LedgerState()``.

    Parameters
    ----------
    number : int
        Number of the newest entry; 0 when there is none. What ``Ledger.append`` takes as ``after``.
    head : str or None
        Digest of the newest entry.
    at : datetime or None
        When this state began: the latest time among its entries, as writers' clocks may differ.
    champion : ModelVersion or None
        The version of record. None until a bootstrap.
    champion_number : int or None
        The entry that made it so.
    previous_champions : tuple of ModelVersion
        Former champions, the last one last; each digest once, the present champion not among them.
    candidate : ModelVersion or None
        The version that the newest gate entry judged.
    gate_verdict, gate_number : Verdict or None, int or None
        That gate's verdict, and its entry.
    traffic : mapping or None
        Body of the newest traffic entry since the champion changed; None: the champion serves everybody.
    not_reproducible : mapping of str to int
        Digests of the versions that were trained on examples erased since, to the first entry that says so.
    counts : mapping of str to int
        Entries by kind.
    decisions : mapping of str to int
        Decision ids to numbers, of the block of 100 entries to which ``number`` belongs. Each whole block is kept by
        its last entry, so a decision is found without reading the block.
    """

    number: int = 0
    head: str | None = None
    at: datetime | None = None
    champion: ModelVersion | None = None
    champion_number: int | None = None
    previous_champions: tuple[ModelVersion, ...] = ()
    candidate: ModelVersion | None = None
    gate_verdict: Verdict | None = None
    gate_number: int | None = None
    traffic: Mapping[str, Any] | None = None
    not_reproducible: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    decisions: Mapping[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain values, without ``head``: an entry that carries them cannot hold its own digest."""
        values = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "head"}
        return {
            **values,
            "schema_version": STATE_VERSION,
            "at": None if self.at is None else format_instant(self.at),
            "champion": None if self.champion is None else self.champion.to_json(),
            "previous_champions": [version.to_json() for version in self.previous_champions],
            "candidate": None if self.candidate is None else self.candidate.to_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any], *, head: str) -> LedgerState:
        """Return the state that ``to_json`` wrote into the entry whose digest is ``head``.

        Raises
        ------
        InputError
            If the values are of another form.
        """
        plain = {name: value for name, value in values.items() if name != "schema_version"}
        expected = {item.name for item in fields(cls)} - {"head"}
        if values.get("schema_version") != STATE_VERSION or set(plain) != expected:
            raise InputError(
                f"A state must be of version {STATE_VERSION} with {sorted(expected)}. Got {sorted(values)}."
            )
        return cls(
            **{
                **plain,
                "head": head,
                "at": None if plain["at"] is None else parse_instant(plain["at"]),
                "champion": _optional_version(plain["champion"]),
                "previous_champions": tuple(map(ModelVersion.from_json, plain["previous_champions"])),
                "candidate": _optional_version(plain["candidate"]),
            }
        )


def apply(state: LedgerState, entry: Entry) -> LedgerState:
    """Return the state after the entry.

    Bodies that are read: ``{"version": {...}}`` of bootstrap, promotion and roll back; ``{"verdict": ...,
    "candidate": {...}}`` of a gate, whose candidate may be null when training gave none. Other keys are evidence and
    left alone; ``{"versions": [{"digest": ...}, ...]}`` of an erasure. Other kinds change nothing but the counts, and
    ``traffic``.

    Raises
    ------
    InputError
        If the entry is not the next one, or may not follow: a bootstrap beside a champion, a promotion without one or
        of the champion itself, a roll back to what never was champion.
    """
    if entry.number != state.number + 1 or entry.previous != state.head:
        raise InputError(
            f"Entry {entry.number} does not follow entry {state.number}: it names {entry.previous} as the one before, "
            f"and that is {state.head}."
        )
    moved = replace(
        state,
        number=entry.number,
        head=entry.digest,
        at=entry.at if state.at is None else max(state.at, entry.at),
        counts={**state.counts, entry.kind: state.counts.get(entry.kind, 0) + 1},
        decisions={**_block_decisions(state), entry.decision_id: entry.number},
    )
    match entry.kind:
        case "bootstrap" | "promotion" | "roll_back":
            return _crown(moved, entry)
        case "gate":
            return _judge(moved, entry)
        case "traffic":
            return replace(moved, traffic=entry.body)
        case "erasure":
            return replace(moved, not_reproducible={**_erased_from(entry), **state.not_reproducible})
        case _:
            return moved


def _block_decisions(state: LedgerState) -> Mapping[str, int]:
    return {} if state.number % SNAPSHOT_EVERY == 0 else state.decisions


def _crown(state: LedgerState, entry: Entry) -> LedgerState:
    version = _version(entry, "version")
    old = state.champion
    if entry.kind == "bootstrap" and old is not None:
        raise InputError(f"A bootstrap needs a ledger without a champion; version {old.version} is champion. Promote.")
    if entry.kind != "bootstrap" and old is None:
        raise InputError(f"A {entry.kind} needs a champion to take over from. Append a bootstrap instead.")
    if old is not None and old.digest == version.digest:
        raise InputError(f"Version {version.version} ({version.digest}) is the champion already.")
    if entry.kind == "roll_back" and version not in state.previous_champions:
        former = [f"{past.version} ({past.digest})" for past in state.previous_champions]
        raise InputError(
            f"A roll back must restore a former champion, as it was recorded: {', '.join(former) or 'there is none'}. "
            f"Got {version.version} ({version.digest})."
        )
    remaining = tuple(past for past in state.previous_champions if past.digest != version.digest)
    return replace(
        state,
        champion=version,
        champion_number=entry.number,
        previous_champions=remaining if old is None else (*remaining, old),
        traffic=None,
    )


def _judge(state: LedgerState, entry: Entry) -> LedgerState:
    verdict = entry.body.get("verdict")
    if verdict not in get_args(Verdict):
        raise InputError(f"The verdict of a gate must be one of {', '.join(get_args(Verdict))}. Got {verdict!r}.")
    candidate = None if entry.body.get("candidate") is None else _version(entry, "candidate")
    return replace(state, candidate=candidate, gate_verdict=verdict, gate_number=entry.number)


def _erased_from(entry: Entry) -> dict[str, int]:
    versions = entry.body.get("versions")
    if not isinstance(versions, list) or not all(isinstance(one, Mapping) and "digest" in one for one in versions):
        raise InputError("The versions of an erasure must be a list, each with a digest.")
    return {one["digest"]: entry.number for one in versions}


def _version(entry: Entry, key: str) -> ModelVersion:
    try:
        return ModelVersion.from_json(entry.body.get(key))
    except InputError as error:
        raise InputError(f"The {key} in a {entry.kind}'s body: {error.args[0]}") from error


def _optional_version(values: Any) -> ModelVersion | None:
    return None if values is None else ModelVersion.from_json(values)
