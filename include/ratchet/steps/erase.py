"""Erase an entity: from all tables and their old files, from results and logs, and say so in the ledger.

The ledger and the plan name the entity by a keyed HMAC. The plan is written first, and holds what is known only as long
as the rows are there: which spans, and which model versions were trained on them. Killed anywhere, a rerun goes on; the
ledger's entry comes last, after the absence was proven.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.crashpoints import crash_point
from ratchet.errors import InputError, LostRaceError, MissingSpanError, StoreError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.spans.contract import count_reasons
from ratchet.spans.erased import make_key, name_of
from ratchet.spans.manifests import ManifestStore, SpanManifest, row_mark
from ratchet.spans.open_span import TABLE as OPEN_TABLE
from ratchet.spans.open_span import OpenSpan, find_batches_with, span_of_batch
from ratchet.spans.pseudonyms import pseudonym_of
from ratchet.spans.reading import read_revision
from ratchet.spans.records import DELIVERED_IN, DELIVERY, SPAN, Table
from ratchet.spans.traces import Trace, clean_logs, data_files, find_traces, holds_anywhere, span_of, superseded
from ratchet.spans.writing import NO_VERSION, Draft, read_quarantined, write_drafts
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.compute_statistics import compute_statistics
from ratchet.steps.dependants import record_revisions, training_results
from ratchet.steps.outcome_statistics import write_label_statistics
from ratchet.steps.redaction import SHORT, Redaction
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.ledger.entries import Author
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

SCHEMA_VERSION = 1
REASON = "erasure"
_TABLES: tuple[Table, ...] = ("examples", "ground_truth", "predictions")
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is erased: the spans of each table, and the versions trained on a revision that held the entity.

    ``batches`` says of each partition of the open spans how many rows are left of it.
    """

    number: int
    spans: Mapping[str, tuple[str, ...]]
    rows: int
    versions: tuple[Mapping[str, str], ...]
    batches: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was erased of one model, and the ledger's entry; None when there was nothing of the entity, ever."""

    model: str
    entity_hmac: str
    entry: int | None
    rows: int
    spans: Mapping[str, tuple[str, ...]]
    versions: tuple[str, ...]
    redacted: int
    files_scanned: int
    objects_scanned: int


def erase(project: Project, spec: ModelSpec, entity: str, *, author: Author, at: datetime) -> Erasure:
    """Erase an entity of one model, prove that it is gone, and append the ledger's entry; once, however often called.

    Raises
    ------
    InputError
        If the key is empty, or the home has no place for the HMAC's key and the environment names none.
    StoreError
        If the entity is still found afterwards; the names of the objects are told. Nothing is entered in the ledger.
    """
    if not entity.strip():
        raise InputError("The entity's key must not be empty.")
    return _Erasing(project, spec, entity).run(author=author, at=at)


class _Erasing:
    def __init__(self, project: Project, spec: ModelSpec, entity: str) -> None:
        self._project, self._spec = project, spec
        entity = self._entity = pseudonym_of(project, spec, entity)
        self._model, self._store = ModelId(spec.name), open_store(project.home)
        self._name = name_of(entity, make_key(project))
        self._ledger = Ledger(self._store, self._model)
        self._redaction = Redaction(self._store, self._model, entity)

    def run(self, *, author: Author, at: datetime) -> Erasure:
        plan = self._plan()
        if plan is None:
            return self._answer(None, None, redacted=0)
        crash_point("erase.planned")
        for table in _TABLES:
            self._rewrite(table, plan)
            crash_point(f"erase.{table}")
        for partition, rows in plan.batches.items():
            OpenSpan(self._project, self._spec, span_of_batch(partition)).forget(self._entity, partition, rows=rows)
        crash_point("erase.batches")
        self._refresh_statistics(plan)
        crash_point("erase.statistics")
        self._delete_files(plan)
        crash_point("erase.files")
        redacted = self._redaction.redact()
        self._redaction.sweep()
        crash_point("erase.redacted")
        self._prove()
        entry = self._enter(plan, author=author, at=at)
        return self._answer(plan, entry, redacted=len(redacted))

    # What there is to erase.

    def _plan(self) -> Plan | None:
        """Return the plan that is not carried out yet, or one of what is found now; None when nothing is."""
        folder = f"erasures/{self._model}/{self._name}"
        names = self._store.list(folder)
        if names:
            newest = _plan_from(json.loads(self._store.read(names[-1])))
            if self._ledger.find(self._decision(newest.number)) is None:
                return newest
        traces = find_traces(self._project, self._store, self._model, self._spec, self._entity)
        batches = find_batches_with(self._project, self._spec, self._entity)
        if not traces and not batches and not self._redaction.left():
            return None
        plan = Plan(
            number=len(names) + 1,
            spans={table: _spans(traces, table) for table in _TABLES},
            rows=self._count_rows(traces),
            versions=tuple(self._versions(traces)),
            batches=batches,
        )
        data = json.dumps({"schema_version": SCHEMA_VERSION, **asdict(plan)}, indent=1, sort_keys=True).encode()
        name = f"{folder}/{plan.number:06d}.json"
        self._store.write_once(name, data)
        return _plan_from(json.loads(self._store.read(name)))

    def _count_rows(self, traces: Sequence[Trace]) -> int:
        live = {
            table: set(superseded(self._project, self._model, table, [t.name for t in traces if t.table == table]))
            for table in {trace.table for trace in traces}
        }
        return sum(sum(trace.marks.values()) for trace in traces if trace.name not in live[trace.table])

    def _versions(self, traces: Sequence[Trace]) -> Iterator[Mapping[str, str]]:
        held = {(t.table, t.span, mark) for t in traces for mark in t.marks}
        seen = set()
        for inputs, result in training_results(self._store, self._model):
            read = {
                key
                for span, examples, truth in inputs["data"]
                for key in (("examples", span, row_mark(examples)), ("ground_truth", span, row_mark(truth)))
            }
            if read & held and result["digest"] not in seen:
                seen.add(result["digest"])
                yield {"version": result["version"], "digest": result["digest"]}

    # Tables.

    def _rewrite(self, table: Table, plan: Plan) -> None:
        for _ in range(_TRIES):
            drafts = [draft for span in self._affected(table, plan) if (draft := self._draft(table, span, plan))]
            standing = write_drafts(
                self._project, self._model, table, drafts, commit={"table": table, "reason": REASON}, point="erase"
            )
            if len(standing) == len(drafts):
                break
        else:
            raise StoreError(f"{self._model}: other writers of {table} came first {_TRIES} times. Try again.")
        manifests = ManifestStore(self._store, self._model, table)
        newest = [one for span in self._affected(table, plan) if (one := manifests.newest(span))]
        for one in newest:
            evidence = manifests.validation_of(one.span, one.revision - 1) if one.reason == REASON else None
            if evidence is not None:
                # Fewer rows of what passed: nothing that it was judged by is there anew.
                manifests.mark_validated(one.span, one.revision, evidence)
        if table != "predictions":
            record_revisions(self._project, self._spec, [one for one in newest if one.reason == REASON])

    def _affected(self, table: Table, plan: Plan) -> list[str]:
        beside = plan.spans["examples"] if table == "predictions" else ()
        return sorted({*plan.spans[table], *beside})

    def _draft(self, table: Table, span: str, plan: Plan) -> Draft | None:
        """Return the revision without the entity; None when the newest one does not hold it."""
        before = ManifestStore(self._store, self._model, table).newest(span)
        if before is None:
            return None
        column = "entity" if table == "predictions" else self._spec.source.entity
        kept = read_revision(self._project, self._model, table, before)
        quarantined = None
        if table != "predictions":
            quarantined = kept.clear().with_columns(pl.lit("").alias("reason"))
            if before.rows_quarantined:
                quarantined = read_quarantined(self._project, self._model, table, before)
        parts = [kept] if quarantined is None else [kept, quarantined]
        gone = pl.concat([part.filter(pl.col(column) == self._entity) for part in parts], how="diagonal_relaxed")
        inputs = self._inputs(table, before)
        if gone.is_empty() and inputs == before.inputs:
            return None
        rest = self._without(kept, column)
        held_back = None if quarantined is None else self._without(quarantined, column)
        erased = dict(before.rows_erased)
        for origin, n in _by_origin(gone, span).items():
            erased[origin] = erased.get(origin, 0) + n
        manifest = replace(
            before,
            revision=before.revision + 1,
            delivery=_derived(before.delivery, plan.number, self._name),
            rows_kept=rest.height,
            rows_quarantined=0 if held_back is None else held_back.height,
            quarantine_reasons={} if held_back is None else count_reasons(held_back),
            table_version=NO_VERSION,
            rows_erased=erased,
            inputs=inputs,
            reason=REASON,
            author="ratchet erase",
        )
        return Draft(manifest=manifest, kept=rest, quarantined=held_back)

    def _without(self, rows: pl.DataFrame, column: str) -> pl.DataFrame:
        return rows.filter(pl.col(column).ne_missing(self._entity)).drop(SPAN, DELIVERY)

    def _inputs(self, table: Table, before: SpanManifest) -> Mapping[str, str]:
        """Return the inputs; predictions go on to stand for examples that lost an entity, or would be made anew."""
        if table != "predictions":
            return before.inputs
        newest = ManifestStore(self._store, self._model, "examples").newest(before.span)
        if newest is None or newest.reason != REASON:
            return before.inputs
        every = ManifestStore(self._store, self._model, "examples").all_of(before.span)
        former = every[-2].delivery if len(every) > 1 else None
        return {**before.inputs, "examples": newest.delivery} if before.inputs["examples"] == former else before.inputs

    def _refresh_statistics(self, plan: Plan) -> None:
        """Compute the statistics of the spans anew: sketches keep values of the rows they have seen."""
        table = StatisticsTable(self._project.home, self._model)
        manifests = ManifestStore(self._store, self._model, "examples")
        for span in plan.spans["examples"]:
            newest = manifests.newest(span)
            try:
                table.read([span])
            except MissingSpanError:
                continue
            if newest is not None and newest.rows_kept:
                compute_statistics(self._project, self._spec, [span])
            else:
                statistics = SpanTable(table.uri)
                statistics.replace_spans(statistics.read([span]).clear(), [span], commit={"reason": REASON})
        self._refresh_outcome_statistics(plan)

    def _refresh_outcome_statistics(self, plan: Plan) -> None:
        known = StatisticsTable(self._project.home, self._model, "ground_truth").revisions(plan.spans["ground_truth"])
        truths = ManifestStore(self._store, self._model, "ground_truth")
        newest = (truths.newest(span) for span in known)
        write_label_statistics(self._project, self._spec, [one for one in newest if one is not None and one.rows_kept])
        # Those of scores are made again when they are asked for.
        scores = SpanTable(StatisticsTable(self._project.home, self._model, "scores").uri)
        told = [row for row in scores.spans() if row.partition(".")[0] in plan.spans["predictions"]]
        if told:
            scores.replace_spans(scores.read(told).clear(), told, commit={"reason": REASON})

    def _delete_files(self, plan: Plan) -> None:
        for trace in find_traces(self._project, self._store, self._model, self._spec, self._entity):
            for name in superseded(self._project, self._model, trace.table, [trace.name]):
                self._store.delete(name)
        for table, spans in self._rewritten(plan).items():
            old = [name for name in data_files(self._store, self._model, table) if span_of(name) in spans]
            for name in superseded(self._project, self._model, table, old):
                self._store.delete(name)
        clean_logs(self._store, self._model)

    def _rewritten(self, plan: Plan) -> dict[str, set[str]]:
        """Return the partitions of the tables that are rewritten besides those of entities."""
        scores = data_files(self._store, self._model, "statistics-scores")
        return {
            "statistics": set(plan.spans["examples"]),
            "statistics-ground_truth": set(plan.spans["ground_truth"]),
            "statistics-scores": {
                row for row in map(span_of, scores) if row.partition(".")[0] in plan.spans["predictions"]
            },
            OPEN_TABLE: set(plan.batches),
        }

    # Proof and ledger.

    def _prove(self) -> None:
        files = [name for name in self._files() if holds_anywhere(self._project, name, self._entity)]
        logs = [name for name in self._table_logs() if self._entity.encode() in self._store.read(name)]
        # A short key stands for other things in a log, which keeps no value of a column.
        left = [*files, *(logs if len(self._entity) >= SHORT else ()), *self._redaction.left()]
        if left:
            raise StoreError(
                f"{self._model}: the entity is still named in {', '.join(left[:5])}"
                f"{f' and {len(left) - 5} more' if len(left) > 5 else ''}. The erasure is not complete; run it again, "
                "and look at these if it says so again."
            )

    def _files(self) -> Iterator[str]:
        for name in self._store.list(""):
            is_of_model = name.partition("/")[2].startswith(f"{self._model}/")
            if is_of_model and name.endswith(".parquet") and "/_delta_log/" not in name:
                yield name

    def _table_logs(self) -> list[str]:
        return [name for name in self._store.list(f"tables/{self._model}") if "/_delta_log/" in name]

    def _decision(self, number: int) -> str:
        return f"{REASON}:{self._name}:{number}"

    def _enter(self, plan: Plan, *, author: Author, at: datetime) -> int:
        body = {
            "entity_hmac": f"hmac-sha256:{self._name}",
            "rows": plan.rows,
            "spans": {table: list(spans) for table, spans in plan.spans.items()},
            "versions": [dict(one) for one in plan.versions],
            "words": f"{plan.rows} rows erased; trained on them: "
            + (f"versions {', '.join(one['version'] for one in plan.versions)}" if plan.versions else "no version"),
        }
        for tries_left in reversed(range(_TRIES)):
            after = self._ledger.read_state().number
            try:
                return self._ledger.append(
                    "erasure", body, decision_id=self._decision(plan.number), author=author, at=at, after=after
                ).number
            except LostRaceError:
                if not tries_left:
                    raise
        raise AssertionError("the last try raises")

    def _answer(self, plan: Plan | None, entry: int | None, *, redacted: int) -> Erasure:
        done = None
        if plan is None:
            names = self._store.list(f"erasures/{self._model}/{self._name}")
            if names:
                plan = _plan_from(json.loads(self._store.read(names[-1])))
                done = self._ledger.find(self._decision(plan.number))
        return Erasure(
            model=str(self._model),
            entity_hmac=self._name,
            entry=done.number if done else entry,
            rows=plan.rows if plan else 0,
            spans=plan.spans if plan else {},
            versions=tuple(one["version"] for one in plan.versions) if plan else (),
            redacted=redacted,
            files_scanned=sum(1 for _ in self._files()),
            objects_scanned=self._redaction.count(),
        )


def _spans(traces: Sequence[Trace], table: str) -> tuple[str, ...]:
    return tuple(sorted({trace.span for trace in traces if trace.table in (table, f"{table}-quarantine")}))


def _by_origin(gone: pl.DataFrame, span: str) -> dict[str, int]:
    if DELIVERED_IN not in gone.columns:
        return {span: gone.height} if gone.height else {}
    origins = gone.with_columns(pl.col(DELIVERED_IN).cast(pl.String).fill_null(span))
    return dict(origins.group_by(DELIVERED_IN).len().iter_rows())


def _derived(delivery: str, number: int, name: str) -> str:
    made_of = json.dumps([delivery, REASON, number, name])
    return "sha256:" + hashlib.sha256(made_of.encode()).hexdigest()


def _plan_from(values: dict[str, Any]) -> Plan:
    return Plan(
        number=values["number"],
        spans={table: tuple(spans) for table, spans in values["spans"].items()},
        rows=values["rows"],
        versions=tuple(values["versions"]),
        batches=values.get("batches", {}),
    )
