"""The scan of one column that is counted by its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ratchet.statistics.column import ColumnStatistics, TextLengths
from ratchet.statistics.distinct import add_hashes, hash_texts, new_registers
from ratchet.statistics.merging import keep_frequent, max_values

if TYPE_CHECKING:
    from ratchet.statistics.column import Kind

# A text longer than this is named by its beginning and a hash of the whole: it is no category, and a thousand of them
# must not fill the table.
MAX_TEXT = 200
_SHOWN_TEXT = 60
# Values counted while the scan runs: the rest are dropped at twice as many, so that dropping stays rare.
_HELD_VALUES = 20_000


class TextScan:
    """Counts by value, lengths and the sketch of distinct values of a column, fed part by part."""

    def __init__(self, column: str, role: Kind) -> None:
        self._column, self._role = column, role
        self._n = self._n_null = self._n_other = self._count_error = 0
        self._held = _no_value()
        self._parts: list[pl.DataFrame] = []
        self._registers = new_registers()
        self._is_sketched = False
        self._lengths: TextLengths | None = None

    def add(self, series: pl.Series) -> None:
        """Take in the values of one batch."""
        self._n += len(series)
        self._n_null += series.null_count()
        counted = _count(series)
        if counted.is_empty():
            return
        self._measure(counted)
        self._parts.append(counted.with_columns(name_texts(counted["value"])))
        if self._held.height + sum(part.height for part in self._parts) > 2 * _HELD_VALUES:
            self._join()
        if self._held.height > _HELD_VALUES:
            self._drop_rare()

    def _measure(self, counted: pl.DataFrame) -> None:
        if not self._column_is_text(counted):
            return
        lengths = counted["value"].str.len_chars().cast(pl.Int64)
        total = int((lengths * counted["n"]).sum())
        shortest, longest = int(lengths.min()), int(lengths.max())  # type: ignore[arg-type]  # there is a value
        before = self._lengths
        self._lengths = TextLengths(
            shortest=min(shortest, before.shortest) if before else shortest,
            longest=max(longest, before.longest) if before else longest,
            total=total + (before.total if before else 0),
        )

    @staticmethod
    def _column_is_text(counted: pl.DataFrame) -> bool:
        return bool(counted["is_text"][0])

    def _join(self) -> None:
        parts = [part.select("value", "n") for part in self._parts]
        self._held = pl.concat([self._held, *parts]).group_by("value").agg(pl.col("n").sum()) if parts else self._held
        self._parts = []

    def _sketch_held(self) -> None:
        add_hashes(self._registers, hash_texts(self._held["value"]))
        self._is_sketched = True

    def _drop_rare(self) -> None:
        self._sketch_held()
        ranked = self._held.sort(["n", "value"], descending=[True, False])
        kept, dropped = ranked[: _HELD_VALUES // 2], ranked[_HELD_VALUES // 2 :]
        self._n_other += int(dropped["n"].sum())
        self._count_error += int(dropped["n"][0])
        self._held = kept

    def result(self) -> ColumnStatistics:
        """Return the statistics of what was taken in so far."""
        self._join()
        if self._held.height > max_values(self._role) or self._is_sketched:
            self._sketch_held()
        values = dict(zip(self._held["value"].to_list(), self._held["n"].to_list(), strict=True))
        return ColumnStatistics(
            column=self._column,
            role=self._role,
            n=self._n,
            n_null=self._n_null,
            distinct_sketch=self._registers.tobytes() if self._is_sketched else None,
            lengths=self._lengths,
            **keep_frequent(values, self._role, n_other=self._n_other, count_error=self._count_error),
        )


def name_texts(texts: pl.Series) -> pl.Series:
    """Return the names that texts are counted by: a long one's is its beginning and a hash of the whole."""
    lengths = texts.str.len_chars()
    longest = lengths.max()
    if not isinstance(longest, int) or longest <= MAX_TEXT:
        return texts
    is_long = lengths > MAX_TEXT
    whole = texts.filter(is_long)
    hashes = [f"{value:016x}" for value in hash_texts(whole).tolist()]
    names = whole.str.slice(0, _SHOWN_TEXT) + "…" + pl.Series(hashes, dtype=pl.String)
    rows = is_long.arg_true()
    return texts.scatter(rows, names)


def _no_value() -> pl.DataFrame:
    return pl.DataFrame(schema={"value": pl.String, "n": pl.Int64})


def _count(series: pl.Series) -> pl.DataFrame:
    """Return each text with the examples that hold it, and whether the column holds texts at all."""
    # The lazy group-by takes a third less than value_counts.
    counted = series.alias("value").drop_nulls().to_frame().lazy().group_by("value").agg(pl.len().alias("n")).collect()
    # Text is made of the distinct values only: casting a million numbers costs more than counting them.
    is_text = series.dtype in (pl.String, pl.Categorical, pl.Enum)
    return counted.select(pl.col("value").cast(pl.String), pl.col("n").cast(pl.Int64), pl.lit(is_text).alias("is_text"))
