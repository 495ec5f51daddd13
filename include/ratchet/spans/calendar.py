"""Span keys and the instants they stand for.

A span is a local day, week (from Monday) or month of the spec's time zone, or an hour of UTC. Its range of instants is
computed from the key: a day of 23 or 25 hours is one span, the next span begins where one ends, and no instant belongs
to two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ratchet.errors import InputError
from ratchet.spec.cadence import FORMS, Cadence, KeyForm

if TYPE_CHECKING:
    from ratchet.spec.source import Source


@dataclass(frozen=True, slots=True)
class Calendar:
    """The spans of one model."""

    time_zone: str
    span: Cadence = "day"

    @classmethod
    def of(cls, source: Source) -> Calendar:
        """Return the calendar that a spec's source names."""
        return cls(source.time_zone, source.span)

    @property
    def clock(self) -> str:
        """The IANA name of the zone that spans begin in: hours are those of UTC, as a local one may come twice."""
        return "UTC" if self.span == "hour" else self.time_zone

    @property
    def words(self) -> str:
        """How a key is written: ``a date, YYYY-MM-DD``."""
        return self._form.words

    def parse(self, text: str) -> str:
        """Return the key, if it is one.

        Raises
        ------
        InputError
            Unless ``text`` names an existing hour ``2026-10-25T00Z``, day ``2026-10-25``, week ``2026-W43`` or month
            ``2026-10``, as the spans are.
        """
        if not self._form.is_key(text):
            raise InputError(f"A span key must be {self.words}. Got {str(text)[:40]!r}.")
        return text

    def shift(self, key: str, spans: int) -> str:
        """Return the key that many spans later, or earlier when negative."""
        return self._key(self._number(key) + spans)

    def distance(self, first: str, last: str) -> int:
        """Return how many spans ``last`` is after ``first``; negative when it is before."""
        return self._number(last) - self._number(first)

    def is_nth(self, key: str, n: int) -> bool:
        """Say whether that is a span of each ``n``-th one, counted from a fixed one: the same whoever asks."""
        return self._number(key) % n == 0

    def latest_nth(self, key: str, n: int) -> str:
        """Return the newest of each ``n``-th span that is not after this one."""
        number = self._number(key)
        return self._key(number - number % n)

    def range(self, first: str, last: str) -> list[str]:
        """Return all keys from ``first`` to ``last``, both included; none when ``last`` is earlier."""
        return [self._key(number) for number in range(self._number(first), self._number(last) + 1)]

    def bounds(self, key: str) -> tuple[datetime, datetime]:
        """Return the first instant of the span and the first after it, in UTC."""
        number = self._number(key)
        return _start(self.clock, self.span, number), _start(self.clock, self.span, number + 1)

    def containing(self, instant: datetime) -> str:
        """Return the key of the span that an aware instant belongs to."""
        if instant.tzinfo is None:
            raise InputError(f"An instant must carry its time zone. Got {instant!r}.")
        number = self._form.number_at(instant.astimezone(ZoneInfo(self.clock)))
        # A clock put back just after midnight shows the old day again, one put forward just before skips midnight: the
        # bounds decide, or an instant would be in a span that it is not between the bounds of.
        if instant < _start(self.clock, self.span, number):
            return self._key(number - 1)
        if instant >= _start(self.clock, self.span, number + 1):
            return self._key(number + 1)
        return self._key(number)

    @property
    def _form(self) -> KeyForm:
        return FORMS[self.span]

    def _number(self, key: str) -> int:
        return self._form.number_at(self._form.start_of(key))

    def _key(self, number: int) -> str:
        return self._form.key_of(self._form.start_at(number))


@lru_cache(4096)  # asked for each row of a request
def _start(clock: str, span: Cadence, number: int) -> datetime:
    return FORMS[span].start_at(number).replace(tzinfo=ZoneInfo(clock)).astimezone(UTC)
