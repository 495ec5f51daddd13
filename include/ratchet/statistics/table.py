"""Statistics of spans, kept in the home: one row a span and column."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from ratchet.errors import DataError, MissingSpanError
from ratchet.statistics.column import FEATURE_KINDS, ColumnStatistics, TextLengths
from ratchet.statistics.merging import merge_all
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.statistics.column import Kind

# 2: higher moments, text lengths, distinct values of every column; the registers of these replace an older sketch.
SCHEMA_VERSION = 2

Of = Literal["examples", "ground_truth", "scores"]

_INTEGERS = ("n", "n_null", "n_nan", "n_infinite", "n_zero", "n_other", "count_error")
_LENGTHS = ("shortest", "longest", "total_length")
_SCHEMA: dict[str, pl.DataType] = {
    "schema_version": pl.Int64(),
    "span": pl.String(),
    "revision": pl.Int64(),
    "column": pl.String(),
    "role": pl.String(),
    **{name: pl.Int64() for name in _INTEGERS},
    **{name: pl.Float64() for name in ("minimum", "maximum", "mean", "m2", "m3", "m4")},
    "edges": pl.List(pl.Float64()),
    "counts": pl.List(pl.Int64()),
    "sketch": pl.Binary(),
    "values": pl.List(pl.String()),
    "value_counts": pl.List(pl.Int64()),
    "distinct_sketch": pl.Binary(),
    **{name: pl.Int64() for name in _LENGTHS},
}
# What a row does not hold in the same form as ColumnStatistics does.
_OTHER = {"schema_version", "span", "revision", "edges", "counts", "values", "value_counts", *_LENGTHS}
_PLAIN = tuple(name for name in _SCHEMA if name not in _OTHER)


class StatisticsTable:
    """The stored statistics of one model's spans; a span holds those of its newest revision.

    Those of the examples, of the ground truth and of the champion's scores are tables of their own: a label is no
    feature, and is known later.
    """

    def __init__(self, home_uri: str, model: ModelId, of: Of = "examples") -> None:
        name = "statistics" if of == "examples" else f"statistics-{of}"
        self.uri = f"{home_uri.rstrip('/')}/tables/{model}/{name}"
        self.of = of
        self._table = SpanTable(self.uri)

    def write(
        self, span: str, revision: int, statistics: Mapping[str, ColumnStatistics], commit: Mapping[str, str]
    ) -> int:
        """Replace the statistics of one span in one commit, and return the table's version."""
        return self.write_spans({span: statistics}, {span: revision}, commit)

    def write_spans(
        self,
        statistics: Mapping[str, Mapping[str, ColumnStatistics]],
        revisions: Mapping[str, int],
        commit: Mapping[str, str],
    ) -> int:
        """Replace the statistics of several spans in one commit, and return the table's version."""
        rows = [
            _to_row(span, revisions[span], column)
            for span, columns in statistics.items()
            for column in columns.values()
        ]
        return self._table.replace_spans(pl.DataFrame(rows, schema=_SCHEMA), list(statistics), commit=commit)

    def spans(self) -> list[str]:
        """Return the sorted keys of the spans that have statistics."""
        return self._table.spans()

    def revisions(self, spans: Iterable[str]) -> dict[str, int]:
        """Return which revision the statistics of each of these spans are of; a span without any is left out."""
        wanted = list(dict.fromkeys(spans))
        if not wanted or self._table.version() is None:
            return {}
        return dict(self._table.read(wanted, columns=["span", "revision"]).unique().iter_rows())

    def read(
        self, spans: Iterable[str], *, kinds: Collection[Kind] = FEATURE_KINDS
    ) -> dict[str, dict[str, ColumnStatistics]]:
        """Return the statistics by span and column, in the order asked for.

        Parameters
        ----------
        kinds : collection of Kind
            Columns of these kinds: features and slices by default, without the event time and the entity.

        Raises
        ------
        MissingSpanError
            If a span has no statistics; the message names all such.
        DataError
            If they were computed by another version of Ratchet, and must be recomputed.
        """
        wanted = list(dict.fromkeys(spans))
        found: dict[str, dict[str, ColumnStatistics]] = {span: {} for span in wanted}
        for row in self._table.read(wanted).iter_rows(named=True) if wanted else ():
            if row["role"] in kinds:
                found[row["span"]][row["column"]] = _from_row(row)
        missing = [span for span, columns in found.items() if not columns]
        if missing:
            raise MissingSpanError(
                f"There are no statistics of {len(missing)} of {len(wanted)} spans: {', '.join(missing[:10])}"
                f"{', ...' if len(missing) > 10 else ''}. Ingest them, then compute their statistics."
            )
        return found

    def merged(self, spans: Iterable[str], *, kinds: Collection[Kind] = FEATURE_KINDS) -> dict[str, ColumnStatistics]:
        """Return the statistics of all these spans together, by column.

        A column that some of the spans have no statistics of is left out, rather than told from a part of them.

        Raises
        ------
        MissingSpanError
            If a span has no statistics.
        DataError
            If spans were counted over different histogram edges.
        """
        return merge_spans(list(self.read(spans, kinds=kinds).values()))


def merge_spans(by_span: Sequence[Mapping[str, ColumnStatistics]]) -> dict[str, ColumnStatistics]:
    """Return the statistics of all these spans together, of the columns that every one of them has."""
    columns = [column for column in (by_span[0] if by_span else ()) if all(column in of for of in by_span)]
    return {column: merge_all([of[column] for of in by_span]) for column in columns}


def _to_row(span: str, revision: int, statistics: ColumnStatistics) -> dict[str, Any]:
    row = {name: getattr(statistics, name) for name in _PLAIN}
    row |= {"edges": list(statistics.edges), "counts": list(statistics.counts)}
    row |= {"values": list(statistics.values), "value_counts": list(statistics.values.values())}
    lengths = statistics.lengths
    row |= dict(zip(_LENGTHS, (lengths.shortest, lengths.longest, lengths.total) if lengths else (), strict=False))
    return row | {"schema_version": SCHEMA_VERSION, "span": span, "revision": revision}


def _from_row(row: dict[str, Any]) -> ColumnStatistics:
    if row["schema_version"] != SCHEMA_VERSION:
        raise DataError(
            f"The statistics of span {row['span']} are of schema version {row['schema_version']}; "
            f"this version of Ratchet reads {SCHEMA_VERSION}. Recompute them: run the step compute_statistics of these "
            "spans again (ratchet statistics MODEL --from FIRST --to LAST)."
        )
    shortest, longest, total = (row[name] for name in _LENGTHS)
    lengths = None if shortest is None else TextLengths(shortest=shortest, longest=longest, total=total)
    values = dict(zip(row["values"], row["value_counts"], strict=True))
    named = {name: row[name] for name in _PLAIN}
    edges, counts = tuple(row["edges"]), tuple(row["counts"])
    return ColumnStatistics(**named, edges=edges, counts=counts, values=values, lengths=lengths)
