"""An open span: batches are appended until it is sealed; only then it is taken in, validated and seen.

A batch is there when its record is: rows are committed to a table of their own first, under batch and digest, so rows
of a killed or a losing writer are never read. A seal is a numbered list of batches, put once; it decides which batches
a revision of the span is made from. A batch that comes after a seal is in the next one, which makes a new revision.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ratchet.crashpoints import crash_point
from ratchet.errors import DataError, EmptyDataError, InputError, MissingSpanError, StoreError
from ratchet.identity import ModelId
from ratchet.spans.erased import read_erased
from ratchet.spans.joined import join_all
from ratchet.spans.pseudonyms import Protection
from ratchet.spans.records import SCHEMA_VERSION, SPAN, UTC_TIME
from ratchet.spans.sources import Delivery, frame_digest
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.storage.objects import ObjectStore

_BATCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
TABLE = "examples-open"
_ROW = "batch_row"
_SEAL_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """What one batch holds; written once, after its rows."""

    span: str
    batch: str
    digest: str
    rows: int
    columns: tuple[str, ...]
    schema_version: int = SCHEMA_VERSION

    @property
    def partition(self) -> str:
        """Where its rows are in the table of open spans: other bytes lie elsewhere."""
        return f"{self.span}~{self.batch}~{self.digest.removeprefix('sha256:')[:16]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The batches, by name with their digests, that one revision of a span is made from."""

    span: str
    number: int
    batches: Mapping[str, str]
    schema_version: int = SCHEMA_VERSION


def check_batch(name: str) -> str:
    """Return the name of a batch, if it is one.

    Raises
    ------
    InputError
        Unless it is letters, digits, ``.``, ``_`` and ``-``, 128 at the most, the first a letter or a digit.
    """
    if not isinstance(name, str) or not _BATCH.fullmatch(name):
        raise InputError(
            "A batch's name must be letters, digits, '.', '_' and '-', 128 at the most, the first a letter or a digit. "
            f"Got {str(name)[:40]!r}."
        )
    return name


class OpenSpan:
    """The batches and the seals of one span of a model."""

    def __init__(self, project: Project, spec: ModelSpec, span: str) -> None:
        self._project, self._spec, self.span = project, spec, span
        self._protection = Protection.of(project, spec)
        self._store: ObjectStore = open_store(project.home)
        self._table = SpanTable(project.uri("tables", str(ModelId(spec.name)), TABLE))
        self._folder = f"open/{ModelId(spec.name)}/examples/{span}"
        self.uri = project.uri(self._folder)

    def append(self, batch: str, frame: pl.DataFrame) -> BatchRecord:
        """Append a batch and return its record; the same batch again does nothing.

        Raises
        ------
        DataError
            If a batch of this name is there with other bytes, or a column is missing.
        EmptyDataError
            If there is no row.
        """
        if frame.is_empty():
            raise EmptyDataError(f"Batch {check_batch(batch)} of {self.span} holds no row. Nothing was appended.")
        frame = self._protection.apply(frame)
        kept = read_erased(self._project, ModelId(self._spec.name)).drop(frame, self._spec.source)
        record = BatchRecord(
            span=self.span,
            batch=check_batch(batch),
            digest=frame_digest(frame),
            rows=kept.height,
            columns=tuple(frame.columns),
        )
        if not self._is_known(record):
            rows = select_stored(kept, self._spec).with_columns(pl.lit(record.partition).alias(SPAN))
            self._table.replace_spans(
                rows.with_row_index(_ROW).with_columns(pl.col(_ROW).cast(pl.Int64)),
                [record.partition],
                commit={"batch": f"{self.span}/{batch}"},
            )
            crash_point("append.before_record")
            if not self._put(f"batches/{batch}", asdict(record)):
                self._is_known(record)
        return record

    def forget(self, entity: str, partition: str, *, rows: int) -> None:
        """Delete an entity's rows of one batch, of which ``rows`` are left, and say so in its record.

        The batch keeps its digest: delivered again with the same bytes, it is known.

        Raises
        ------
        StoreError
            If another number of rows is left.
        """
        (record,) = (one for one in self.records() if one.partition == partition)
        frame = self._table.read([partition])
        left = frame.filter(pl.col(self._spec.source.entity).cast(pl.String).ne_missing(entity))
        if left.height != rows:
            raise StoreError(
                f"{self._spec.name}: batch {record.batch} of {self.span} must have {rows} rows left. "
                f"Got {left.height}. Restore the table, then erase again."
            )
        if left.height != frame.height:
            self._table.replace_spans(left, [partition], commit={"erasure": f"{self.span}/{record.batch}"})
        changed = json.dumps(asdict(replace(record, rows=rows)), sort_keys=True).encode()
        self._store.write(f"{self._folder}/batches/{record.batch}.json", changed)

    def records(self) -> list[BatchRecord]:
        """Return what was appended so far, by name."""
        names = self._store.list(f"{self._folder}/batches/")
        return [self._read_record(name) for name in names]

    def newest_seal(self) -> Seal | None:
        """Return the newest seal; None while the span is open."""
        names = self._store.list(f"{self._folder}/seals/")
        return Seal(**json.loads(self._store.read(names[-1]))) if names else None

    def seal(self) -> Seal:
        """Seal what was appended so far and return the seal; where nothing came since the newest, that one.

        Raises
        ------
        EmptyDataError
            If no batch was appended: an empty span is never taken for a good one.
        """
        for _ in range(_SEAL_TRIES):
            batches = {record.batch: record.digest for record in self.records()}
            if not batches:
                raise EmptyDataError(f"{self._spec.name}: no batch of {self.span} was appended. Nothing was sealed.")
            newest = self.newest_seal()
            if newest is not None and newest.batches == batches:
                return newest
            seal = Seal(span=self.span, number=newest.number + 1 if newest else 1, batches=batches)
            crash_point("seal.before_seal")
            if self._put(f"seals/{seal.number:06d}", asdict(seal)):
                return seal
        raise StoreError(f"Other writers sealed {self.span} first {_SEAL_TRIES} times. Try again.")

    def read(self, seal: Seal) -> pl.DataFrame:
        """Return the rows of a seal's batches, in the order of their names and of their delivery.

        Raises
        ------
        StoreError
            If the table does not hold the rows that the records vouch for.
        """
        records = {record.batch: record for record in self.records() if record.batch in seal.batches}
        frame = self._table.read([record.partition for record in records.values()])
        seen = {str(partition): int(n) for partition, n in frame.group_by(SPAN).len().iter_rows()}
        wrong = sorted(name for name, record in records.items() if seen.get(record.partition, 0) != record.rows)
        if wrong or {name: record.digest for name, record in records.items()} != dict(seal.batches):
            raise StoreError(
                f"{self._spec.name}: the rows of {', '.join(wrong[:5]) or 'a batch'} of {self.span} are not those of "
                "their records. Restore the table, or append the batches under new names."
            )
        return frame.sort(SPAN, _ROW).drop(SPAN, _ROW)

    def _is_known(self, record: BatchRecord) -> bool:
        name = f"{self._folder}/batches/{record.batch}.json"
        if not self._store.has(name):
            return False
        known = self._read_record(name)
        if known.digest != record.digest:
            raise DataError(
                f"{self._spec.name}: a batch {record.batch} of {self.span} is there with other bytes ({known.rows} "
                f"rows; {record.rows} now). Deliver the same bytes, or give the new ones a name of their own."
            )
        return True

    def _read_record(self, name: str) -> BatchRecord:
        values = json.loads(self._store.read(name))
        return BatchRecord(**{**values, "columns": tuple(values["columns"])})

    def _put(self, name: str, values: Mapping[str, object]) -> bool:
        return self._store.write_once(f"{self._folder}/{name}.json", json.dumps(values, sort_keys=True).encode())


def find_batches_with(project: Project, spec: ModelSpec, entity: str) -> dict[str, int]:
    """Return the partitions of open spans that hold an entity, with the rows that each has besides."""
    table, column = SpanTable(project.uri("tables", str(ModelId(spec.name)), TABLE)), spec.source.entity
    frame = table.read(table.spans(), columns=[SPAN, column]) if table.version() is not None else None
    if frame is None:
        return {}
    is_entity = (pl.col(column).cast(pl.String) == entity).fill_null(value=False)
    counted = frame.group_by(SPAN).agg(there=is_entity.sum(), left=(~is_entity).sum()).filter(pl.col("there") > 0)
    return {str(partition): int(left) for partition, _, left in counted.sort(SPAN).iter_rows()}


def span_of_batch(partition: str) -> str:
    """Return the span that a partition of the open table belongs to."""
    return partition.partition("~")[0]


def read_sealed(project: Project, spec: ModelSpec, span: str) -> Delivery:
    """Return what the newest seal of a span holds, with the joined columns, as one delivery.

    Raises
    ------
    MissingSpanError
        If the span was not sealed: nobody sees an open one.
    """
    opened = OpenSpan(project, spec, span)
    seal = opened.newest_seal()
    if seal is None:
        raise MissingSpanError(f"{spec.name}: {span} is open still, or no batch of it came. Seal it first.")
    frame = opened.read(seal)
    listed = json.dumps(dict(seal.batches), sort_keys=True, separators=(",", ":"))
    digest = "sha256:" + hashlib.sha256(listed.encode()).hexdigest()
    inputs = {f"batches.{name}": batch for name, batch in seal.batches.items()}
    delivery = join_all(project, spec, span, Delivery(frame=frame, digest=digest))
    return Delivery(frame=delivery.frame, digest=delivery.digest, inputs={**inputs, **delivery.inputs})


def select_stored(frame: pl.DataFrame, spec: ModelSpec) -> pl.DataFrame:
    """Return the columns of a batch that the spec names, in types that do not change from batch to batch.

    Columns that are known only after the event, or that the spec does not name, are never stored.

    Raises
    ------
    DataError
        If a column is missing.
    """
    wanted = _stored_columns(spec)
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise DataError(
            f"The batch holds no column {', '.join(missing)}. Delivered: {', '.join(frame.columns)}. "
            "Deliver it, or take it out of the spec."
        )
    return frame.select(_steady(frame, name, spec) for name in wanted)


def _stored_columns(spec: ModelSpec) -> Sequence[str]:
    joined = {column for join in spec.joins.values() for column in join.adds()}
    keys = (key for join in spec.joins.values() for key in join.keys)
    delivered = (name for name in (*spec.delivered_columns(), *spec.governed_columns()) if name not in joined)
    return list(dict.fromkeys((spec.source.entity, spec.source.time, *delivered, *keys)))


def _steady(frame: pl.DataFrame, name: str, spec: ModelSpec) -> pl.Expr:
    """Whole numbers in one batch and broken ones in the next would be two types of one column."""
    kind, column = frame.schema[name], pl.col(name)
    feature = spec.features.columns.get(name)
    if isinstance(kind, pl.Datetime) and kind.time_zone is not None:
        return column.dt.convert_time_zone("UTC").cast(UTC_TIME)
    if feature is not None and feature.role == "numeric":
        return column.cast(pl.Float64) if kind.is_numeric() or kind in (pl.Boolean, pl.Null) else column
    if feature is None and any(name in join.keys for join in spec.joins.values()):
        return column.cast(pl.Int64) if kind.is_integer() else column
    is_plain = not (kind.is_nested() or kind.is_temporal() or kind == pl.Binary)
    return column.cast(pl.String) if is_plain else column
