"""The first look at a table: how its columns are to be read, and the reading rules that follow for the spec."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from pydantic import ValidationError

from ratchet.errors import InputError
from ratchet.spans.sources.formats import read_bytes
from ratchet.spans.sources.times import read_event_times
from ratchet.spec.delivery import FilesDelivery

if TYPE_CHECKING:
    from collections.abc import Sequence

# What other programs write for a missing number; taken for one only in a column that holds numbers otherwise.
_MISSING = ("NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "-", "--", "?", ".")
_TIME_FORMATS = (
    *("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S"),
    *("%m/%d/%Y %H:%M", "%m/%d/%Y", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d", "%Y%m%d"),
)
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as its rules make it: numbers are numbers, times instants; and those rules."""

    frame: pl.DataFrame
    rename: Mapping[str, str]
    null_values: tuple[str, ...]
    time_format: str | None
    row_key: str | None


def read_table(path: Path, *, time: str, entity: str | None, zone: str, row_key: str, delimiter: str) -> Table:
    """Return the table of a file.

    Raises
    ------
    InputError
        If a column is not there, or the times cannot be read.
    DataError
        If the file cannot be read whole.
    """
    # The name is checked where the file will lie; only its ending counts here.
    ending = "".join(path.suffixes[-2:]) if path.name.endswith(".gz") else path.suffix
    try:
        delivery = FilesDelivery.model_validate({"kind": "files", "path": f"table{ending}", "delimiter": delimiter})
    except ValidationError as error:
        raise InputError(_words(path, error)) from None
    raw = read_bytes(path.read_bytes(), path.name, delivery)
    rename = _renamed(raw.columns)
    frame = raw.rename(rename)
    wanted = [name for name in (time, entity) if name is not None]
    _require(frame, [rename.get(name, name) for name in wanted])
    time = rename.get(time, time)
    frame, null_values = _numbers(frame, keep={time, entity})
    time_format = _time_format(frame, time, zone)
    frame = read_event_times(frame, time, zone=zone, what=path.name, written=time_format)
    if entity is None:
        frame = frame.with_columns(pl.int_range(1, pl.len() + 1).cast(pl.String).alias(row_key))
    return Table(
        frame=frame,
        rename=rename,
        null_values=null_values,
        time_format=time_format,
        row_key=row_key if entity is None else None,
    )


def _require(frame: pl.DataFrame, columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(f"The table has no column {', '.join(missing)}. It has: {', '.join(frame.columns)}.")


def _renamed(columns: Sequence[str]) -> dict[str, str]:
    """Return names that a spec can hold, for those columns whose own it cannot."""
    taken = {name for name in columns if _COLUMN.fullmatch(name) and name != "span"}
    renamed: dict[str, str] = {}
    for name in columns:
        if name in taken:
            continue
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").lower()[:50] or "column"
        plain = f"_{plain}" if plain[0].isdigit() else plain
        new = f"{plain}_of_the_table" if plain == "span" else plain
        while new in taken:
            new += "_"
        renamed[name] = new
        taken.add(new)
    return renamed


def _numbers(frame: pl.DataFrame, *, keep: set[str | None]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    texts = [name for name, kind in frame.schema.items() if kind == pl.String and name not in keep]
    as_numbers = frame.select(pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) for name in texts)
    numeric: list[str] = []
    null_values: set[str] = set()
    for name in texts:
        column, numbers = frame[name], as_numbers[name]
        is_number = numbers.is_finite().fill_null(value=False)
        others = column.filter(~is_number & column.is_not_null())
        if not is_number.any() or _has_leading_zero(column):
            continue
        seen = set(others.unique().head(50).to_list())
        if seen <= set(_MISSING):
            numeric.append(name)
            null_values |= seen
    finite = pl.when(pl.all().is_finite()).then(pl.all())
    return frame.with_columns(as_numbers.select(numeric).select(finite)), tuple(sorted(null_values))


def _has_leading_zero(column: pl.Series) -> bool:
    """Whether a text such as 007 occurs: a code, of which a number would lose the zeros."""
    return bool(column.str.contains(r"^0\d").any())


def _time_format(frame: pl.DataFrame, time: str, zone: str) -> str | None:
    kind, column = frame.schema[time], frame[time]
    if isinstance(kind, pl.Datetime) or kind == pl.Date:
        return None
    numbers = column.cast(pl.Float64, strict=False).drop_nulls()
    if len(numbers) and len(numbers) == len(column.drop_nulls()):
        middle = float(numbers.median())  # type: ignore[arg-type]  # of numbers, and there is one
        if 1e8 < middle < 1e10:
            return "unix_seconds"
        if 1e11 < middle < 1e13:
            return "unix_milliseconds"
    if kind == pl.String:
        for written in (None, *_TIME_FORMATS):
            if _reads(frame, time, zone, written):
                return written
    raise InputError(
        f"The times of {time!r} cannot be read: neither timestamps, nor ISO 8601, nor seconds since 1970, nor a "
        "usual way to write a date. Write them as 2024-03-01T05:00:00Z."
    )


def _reads(frame: pl.DataFrame, time: str, zone: str, written: str | None) -> bool:
    from ratchet.errors import DataError

    try:
        read = read_event_times(frame.select(time), time, zone=zone, what="", written=written)[time]
    except DataError:
        return False
    # A local hour that the clock leaves out reads as none; more than that is the wrong format.
    return read.null_count() - frame[time].null_count() <= 0.01 * frame.height


def _words(path: Path, error: ValidationError) -> str:
    fault = error.errors()[0]
    message = fault["msg"].removeprefix("Value error, ").partition(" Got ")[0]
    return f"{path.name}: the {fault['loc'][-1]} {message[0].lower()}{message[1:]}"
