"""Messages that say that a span, or a batch of an open one, has arrived.

Three kinds are understood: a span's key alone, a JSON object ``{"span": ..., "batch": ...}``, and S3's notification
of a created object whose key the spec's pattern matches. Whatever else a queue holds is refused, never guessed at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from ratchet.errors import InputError
from ratchet.spans.calendar import Calendar
from ratchet.spans.open_span import check_batch

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

MAX_CHARACTERS = 64 * 1024
_MAX_RECORDS = 1000
_PART = {"{span}": r"(?P<span>[^/]{1,40})", "{batch}": r"(?P<batch>[^/]{1,128})"}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Arrival:
    """A span that has arrived, or one batch of it."""

    span: str
    batch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a bunch of messages says, each arrival once, and why others were refused."""

    arrivals: tuple[Arrival, ...]
    refused: tuple[str, ...]
    n_messages: int

    def batches(self) -> dict[str, list[str]]:
        """Return the names of the arrived batches, by span."""
        found: dict[str, list[str]] = {}
        for arrival in self.arrivals:
            found.setdefault(arrival.span, []).extend([arrival.batch] if arrival.batch else [])
        return found


def judge_messages(bodies: Iterable[str | None], spec: ModelSpec, *, now: datetime) -> Judged:
    """Read messages; one that is refused does not keep the others from being read.

    Parameters
    ----------
    bodies : iterable of str or None
        None stands for a message that was too large to be handed on.
    now : datetime
        A span that has not begun by then cannot have arrived.
    """
    arrivals: dict[Arrival, None] = {}
    refused: list[str] = []
    n_messages = 0
    for body in bodies:
        n_messages += 1
        try:
            arrivals |= dict.fromkeys(read_message(body, spec, now=now))
        except InputError as error:
            refused.append(str(error))
    return Judged(arrivals=tuple(arrivals), refused=tuple(refused), n_messages=n_messages)


def read_message(body: str | None, spec: ModelSpec, *, now: datetime) -> list[Arrival]:
    """Return what one message says has arrived; nothing for the test that S3 sends when notifications are set up.

    Raises
    ------
    InputError
        If it is no message that is understood, or names what the model does not have. Its text is not repeated.
    """
    if body is None or len(body) > MAX_CHARACTERS:
        raise InputError(f"A message must be at most {MAX_CHARACTERS} characters.")
    named = [_Named(span=body.strip())] if not body.lstrip().startswith(("{", "[")) else _parse(body, spec)
    return [_check(one, spec, now) for one in named]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    span: Any
    batch: Any = None


def _parse(body: str, spec: ModelSpec) -> list[_Named]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("The message looks like JSON and is none.") from None
    if not isinstance(values, dict):
        raise InputError("A message of JSON must be an object.")
    if values.get("Event") == "s3:TestEvent":
        return []
    if "Records" in values:
        return [_named_by_object(record, spec) for record in _records(values)]
    unknown = sorted(set(values) - {"span", "batch"})
    if unknown or "span" not in values:
        raise InputError('A message must be a span key, {"span": ..., "batch": ...}, or a notification of S3.')
    return [_Named(span=values["span"], batch=values.get("batch"))]


def _records(values: Mapping[str, Any]) -> Sequence[Any]:
    records = values["Records"]
    if not isinstance(records, list) or not 0 < len(records) <= _MAX_RECORDS:
        raise InputError(f"A notification must hold a list of 1 to {_MAX_RECORDS} records.")
    return records


def _named_by_object(record: Any, spec: ModelSpec) -> _Named:
    try:
        event, key = record["eventName"], unquote_plus(record["s3"]["object"]["key"])
        is_created = event.startswith("ObjectCreated:")
    except (KeyError, TypeError, AttributeError):
        raise InputError("The message holds records that are none of S3.") from None
    pattern = getattr(spec.source.arrival, "object_pattern", None)
    if pattern is None:
        raise InputError(f"{spec.name} names no source.arrival.object_pattern, so no object can be one of its spans.")
    if not is_created:
        raise InputError("The notification is not of a created object.")
    match = re.fullmatch(_expression(pattern), key)
    if match is None:
        raise InputError(f"The notification is of an object whose key does not match {pattern!r}.")
    return _Named(span=match["span"], batch=match.groupdict().get("batch"))


def _expression(pattern: str) -> str:
    parts = re.split(r"(\{span\}|\{batch\})", pattern)
    return "".join(_PART.get(part) or re.escape(part) for part in parts)


def _check(named: _Named, spec: ModelSpec, now: datetime) -> Arrival:
    source, calendar = spec.source, Calendar.of(spec.source)
    span = calendar.parse(named.span)
    if span < source.first_span or (source.last_span is not None and span > source.last_span):
        raise InputError(f"{span} is none of the spans of {spec.name}: they begin with {source.first_span}.")
    if calendar.bounds(span)[0] > now:
        raise InputError(f"{span} has not begun, so nothing of it can have arrived.")
    takes_batches = source.arrival.batches is not None
    if takes_batches != (named.batch is not None):
        raise InputError(
            f"{spec.name} takes {'batches, and the message names none' if takes_batches else 'no batches'}."
        )
    return Arrival(span=span, batch=check_batch(named.batch) if takes_batches else None)
