"""Span keys and the instants they stand for.

A span is a local day of the spec's time zone, keyed by its date. Its range of instants is computed from
the key: a day of 23 or 25 hours is one span, and no instant belongs to two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from ratchet.errors import InputError

if TYPE_CHECKING:
    from ratchet.spec.source import Source

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Calendar:
    """The spans of one model."""

    time_zone: str
    span: Literal["day"] = "day"

    @classmethod
    def of(cls, source: Source) -> Calendar:
        """Return the calendar that a spec's source names."""
        return cls(source.time_zone, source.span)

    def parse(self, text: str) -> str:
        """Return the key, if it is one.

        Raises
        ------
        InputError
            Unless ``text`` is an existing date, ``YYYY-MM-DD``.
        """
        try:
            return _date(text).isoformat()
        except (ValueError, TypeError):
            raise InputError(f"A span key must be a date, YYYY-MM-DD. Got {str(text)[:40]!r}.") from None

    def shift(self, key: str, spans: int) -> str:
        """Return the key that many spans later, or earlier when negative."""
        return (_date(key) + timedelta(days=spans)).isoformat()

    def distance(self, first: str, last: str) -> int:
        """Return how many spans ``last`` is after ``first``; negative when it is before."""
        return (_date(last) - _date(first)).days

    def range(self, first: str, last: str) -> list[str]:
        """Return all keys from ``first`` to ``last``, both included; none when ``last`` is earlier."""
        return [self.shift(first, i) for i in range(self.distance(first, last) + 1)]

    def bounds(self, key: str) -> tuple[datetime, datetime]:
        """Return the first instant of the span and the first after it, in UTC."""
        return self._midnight(_date(key)), self._midnight(_date(key) + timedelta(days=1))

    def containing(self, instant: datetime) -> str:
        """Return the key of the span that an aware instant belongs to."""
        if instant.tzinfo is None:
            raise InputError(f"An instant must carry its time zone. Got {instant!r}.")
        return instant.astimezone(ZoneInfo(self.time_zone)).date().isoformat()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.time_zone)).astimezone(UTC)


def _date(text: str) -> date:
    # fromisoformat alone would also take 20130201 and 2013-W05-5.
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)
