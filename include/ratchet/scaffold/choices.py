"""Sensible beginnings: how long a span is, how many of them train, which rule to beat, which slices to judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import InputError
from ratchet.spans.calendar import Calendar

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.scaffold.profile import ColumnProfile
    from ratchet.spec.cadence import Cadence

# A span should hold enough rows for its shares to mean something.
_WANTED_ROWS = 100
_EVERY: dict[Cadence, str] = {"day": "1d", "week": "1w", "month": "1mo"}
# Train at the most, at the least, validate, test, and spans to compare drift over.
_WINDOWS: dict[Cadence, tuple[int, int, int, int, int]] = {
    "day": (60, 14, 2, 7, 7),
    "week": (52, 8, 1, 4, 4),
    "month": (12, 3, 1, 3, 3),
}
_MOST_SLICES, _MOST_SLICE_VALUES = 3, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """The spans of a table: their cadence, the first and the last key, and the rows of each."""

    cadence: Cadence
    first: str
    last: str
    rows: tuple[int, ...]
    missing: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def median_rows(self) -> int:
        """The rows of a usual span."""
        return sorted(self.rows)[len(self.rows) // 2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How many spans train, validate and test."""

    train: int
    least: int
    validate: int
    test: int
    drift: int
    min_examples: int


def choose_spans(times: pl.Series, zone: str, cadence: Cadence | None) -> Spans:
    """Return the shortest spans of which nearly none is missing and the usual one holds 100 rows; months otherwise.

    Raises
    ------
    InputError
        If there is no time.
    """
    if times.null_count() == len(times):
        raise InputError("The table holds no event time.")
    found = [_spans(times, zone, each) for each in ([cadence] if cadence else list(_EVERY))]
    good = [each for each in found if each.median_rows >= _WANTED_ROWS and len(each.missing) <= 0.02 * len(each.keys)]
    return (good or found[-1:])[0]


def _spans(times: pl.Series, zone: str, cadence: Cadence) -> Spans:
    calendar = Calendar(zone, cadence)
    local = times.drop_nulls().dt.convert_time_zone(zone).dt.truncate(_EVERY[cadence])
    counted = local.value_counts(name="n").sort(local.name)
    starts: list[datetime] = counted[local.name].to_list()
    keys = [calendar.containing(start) for start in starts]
    every = calendar.range(keys[0], keys[-1])
    return Spans(
        cadence=cadence,
        first=keys[0],
        last=keys[-1],
        rows=tuple(counted["n"].to_list()),
        missing=tuple(sorted(set(every) - set(keys))),
        keys=tuple(keys),
    )


def choose_window(spans: Spans) -> Window:
    """Return a window that the table's history can fill."""
    train, least, validate, test, drift = _WINDOWS[spans.cadence]
    room = max(3, len(spans.keys) // 3)
    test = min(test, max(1, room // 3))
    least = min(least, max(1, room - validate - test))
    min_examples = max(30, min(500, spans.median_rows * test // 2))
    return Window(
        train=max(train, least),
        least=least,
        validate=validate,
        test=test,
        drift=min(drift, room),
        min_examples=min_examples,
    )


def choose_rule(frame: pl.DataFrame, label: pl.Series, numeric: Sequence[ColumnProfile]) -> tuple[str, float]:
    """Return the numeric column that tells most by itself, and the bound that parts the outcomes best.

    Raises
    ------
    InputError
        If there is no numeric column: a spec needs a rule that every candidate must beat.
    """
    if not numeric:
        raise InputError("The table has no numeric column that could be a feature, and the rule to beat needs one.")
    best = max(numeric, key=lambda column: column.auc or 0)
    both = pl.DataFrame({"x": frame[best.name].cast(pl.Float64), "y": label.cast(pl.Float64)}).drop_nulls()
    bounds = {float(both["x"].quantile(share / 10) or 0) for share in range(1, 10)}

    def gap(bound: float) -> float:
        above, below = both.filter(pl.col("x") >= bound)["y"], both.filter(pl.col("x") < bound)["y"]
        if not len(above) or not len(below):
            return 0.0
        return abs(float(above.mean()) - float(below.mean()))  # type: ignore[arg-type]  # of numbers that are there

    return best.name, max(sorted(bounds), key=gap)


def choose_slices(categorical: Sequence[ColumnProfile]) -> list[str]:
    """Return the categories of few values: groups in which a model may be worse."""
    few = [column for column in categorical if column.n_distinct <= _MOST_SLICE_VALUES]
    return [column.name for column in few[:_MOST_SLICES]]
