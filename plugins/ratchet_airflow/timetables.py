"""When a span is taken in: once, as soon as it has ended.

Airflow's cron timetable counts wall-clock ticks, and does not fit in three ways. In a zone that puts its clock forward
at midnight (Cairo, Beirut) it runs that day twice and the day before it never; a week's key cannot be read back, so no
run of one could be triggered by hand; and while the scheduler is down or the DAG's one run is still waiting, it skips
all spans but the newest. Here key, instants and order are those of the model's calendar.
"""

from __future__ import annotations

from secrets import token_hex
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from airflow.exceptions import InvalidPartitionKeyError
from airflow.sdk.timezone import coerce_datetime, utcnow
from airflow.timetables.base import DagRunInfo, DataInterval, Timetable

from ratchet.errors import InputError
from ratchet.spans.calendar import Calendar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from airflow.timetables.base import TimeRestriction
    from airflow.utils.types import DagRunType
    from pendulum import DateTime

    from ratchet.spec.cadence import Cadence

# A week of hours. After a longer pause the newest span is next: the gap is seen by the watch, and is for a backfill or
# for one run over a range, instead of thousands of runs that nobody asked for.
MOST_CAUGHT_UP = 168


class SpanTimetable(Timetable):
    """
    One run a span, keyed by it, at its end; the partition date is its first instant.

    The first run is that of the newest span that has ended. From then on no span is left out, up to
    ``MOST_CAUGHT_UP`` of them, whatever ``catchup`` says.

    :param time_zone: IANA name of the zone that days, weeks and months are those of.
    :param span: How long a span is.
    """

    partitioned = True
    run_ordering = ("partition_date", "run_after")

    def __init__(self, *, time_zone: str, span: Cadence) -> None:
        self._calendar = Calendar(time_zone, span)
        self.description = f"Once a span has ended: {_WORDS[span].format(zone=time_zone)}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SpanTimetable) and self._calendar == other._calendar

    def __hash__(self) -> int:
        return hash(self._calendar)

    @property
    def summary(self) -> str:
        """What the list of DAGs says."""
        return f"each {self._calendar.span}, {self._calendar.clock}"

    def serialize(self) -> dict[str, Any]:
        """Return what ``deserialize`` makes an equal one of."""
        return {"time_zone": self._calendar.time_zone, "span": self._calendar.span}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Return what was serialized."""
        return cls(time_zone=data["time_zone"], span=data["span"])

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the run after the last one; None when the source has ended before it."""
        key = self._calendar.shift(self._calendar.containing(utcnow()), -1)
        if last_dagrun_info is not None:
            following = self._calendar.shift(self._key_of(last_dagrun_info), 1)
            key = following if self._calendar.distance(following, key) < MOST_CAUGHT_UP else key
        if restriction.earliest is not None:
            # A span that ends at this instant is the first, so the one that begins then is the second.
            key = max(key, self._calendar.shift(self._calendar.containing(restriction.earliest), -1))
        info = self._info(key)
        return None if restriction.latest is not None and restriction.latest < info.run_after else info

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterator[DagRunInfo]:
        """Yield a run for each span that begins between two times on the model's clock, both included.

        One that has not ended yet is left out: its run would hold up the backfill until then.
        """
        first, last = (self.localize_partition_datetime(bound) for bound in (earliest, latest))
        for key in self._calendar.range(self._calendar.containing(first), self._calendar.containing(last)):
            info = self._info(key)
            if info.partition_date is not None and first <= info.partition_date and info.run_after <= utcnow():
                yield info

    def localize_partition_datetime(self, dt: datetime) -> DateTime:
        """Return the instant at which the model's clock shows the time that ``dt`` shows on its own."""
        return coerce_datetime(dt.replace(tzinfo=ZoneInfo(self._calendar.clock)))

    def generate_run_id(
        self, *, run_type: DagRunType, run_after: DateTime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """Return a new run id, which names the span where there is one."""
        key = extra.get("partition_key")
        # Random at its end, as Airflow's own are: a run that exists already must not break the scheduler's session.
        parts = [run_after.isoformat(), *([key] if key else []), token_hex(4)]
        return run_type.generate_run_id(suffix="__".join(parts))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return nothing: a run without a key is of no span. The scheduler asks ``next_dagrun_info_v2``."""
        return None

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return nothing of meaning: a run by hand has a key, or is refused by its first task."""
        return DataInterval.exact(run_after)

    def _decode_partition_date(self, partition_key: str) -> datetime:
        try:
            return self._calendar.bounds(self._calendar.parse(partition_key))[0]
        except InputError as error:
            raise InvalidPartitionKeyError(str(error)) from None

    def _info(self, key: str) -> DagRunInfo:
        start, end = (coerce_datetime(instant) for instant in self._calendar.bounds(key))
        return DagRunInfo(run_after=end, data_interval=None, partition_date=start, partition_key=key)

    def _key_of(self, info: DagRunInfo) -> str:
        try:
            return self._calendar.parse(info.partition_key)  # type: ignore[arg-type]  # None is refused too
        except InputError:
            # Of the time before the spec's spans were given another length.
            return self._calendar.containing(info.partition_date or info.run_after)


_WORDS: dict[Cadence, str] = {
    "hour": "each hour of UTC",
    "day": "each midnight of {zone}",
    "week": "each Monday's midnight of {zone}",
    "month": "midnight of each month's first day in {zone}",
}
