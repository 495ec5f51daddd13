"""How long a span is, and how its key is written.

Keys of one cadence sort as text in the order of time. Pure: which instants a key stands for is the calendar's matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Cadence = Literal["hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyForm:
    """The keys of one cadence, and the times on a clock at which their spans begin.

    Spans are numbered without a gap; only differences of numbers mean anything.
    """

    words: str
    pattern: re.Pattern[str]
    start_of: Callable[[str], datetime]
    key_of: Callable[[datetime], str]
    number_at: Callable[[datetime], int]
    start_at: Callable[[int], datetime]

    def is_key(self, text: str) -> bool:
        """Say whether that is a key.

        Not in the first and the last year that Python counts: a span of theirs may begin or end outside of time.
        """
        try:
            return (
                self.pattern.fullmatch(text) is not None
                and "0002" <= text[:4] <= "9998"
                and self.key_of(self.start_of(text)) == text
            )
        except (ValueError, TypeError):
            return False


def _hour_number(time: datetime) -> int:
    return time.toordinal() * 24 + time.hour


def _hour_start(number: int) -> datetime:
    day, hour = divmod(number, 24)
    return datetime.fromordinal(day) + timedelta(hours=hour)


def _month_start(number: int) -> datetime:
    year, month = divmod(number, 12)
    return datetime(year, month + 1, 1)  # noqa: DTZ001  # a time on a clock, of whatever zone


# Patterns first, as `fromisoformat` also takes other ways to write the same.
FORMS: dict[Cadence, KeyForm] = {
    "hour": KeyForm(
        words="an hour of UTC, YYYY-MM-DDTHHZ",
        pattern=re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}Z"),
        start_of=lambda key: datetime.fromisoformat(key[:-1]),
        key_of=lambda time: time.isoformat(timespec="hours")[:13] + "Z",
        number_at=_hour_number,
        start_at=_hour_start,
    ),
    "day": KeyForm(
        words="a date, YYYY-MM-DD",
        pattern=re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        start_of=datetime.fromisoformat,
        key_of=lambda time: time.date().isoformat(),
        number_at=datetime.toordinal,
        start_at=datetime.fromordinal,
    ),
    "week": KeyForm(
        words="a week of ISO 8601, YYYY-Www",
        pattern=re.compile(r"[0-9]{4}-W[0-9]{2}"),
        start_of=lambda key: datetime.fromisoformat(f"{key}-1"),
        key_of=lambda time: "{:04}-W{:02}".format(*time.isocalendar()),
        # The first day that Python counts was a Monday, its number 1.
        number_at=lambda time: (time.toordinal() - 1) // 7,
        start_at=lambda number: datetime.fromordinal(number * 7 + 1),
    ),
    "month": KeyForm(
        words="a month, YYYY-MM",
        pattern=re.compile(r"[0-9]{4}-[0-9]{2}"),
        start_of=lambda key: datetime.fromisoformat(f"{key}-01"),
        key_of=lambda time: time.date().isoformat()[:7],
        number_at=lambda time: time.year * 12 + time.month - 1,
        start_at=_month_start,
    ),
}
