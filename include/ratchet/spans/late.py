"""From deliveries to revisions: of the spans that were delivered, and of those that late rows belong to.

What a span holds is a function of its own delivery and of the late rows that the newest delivery of every other span
brought for it; so the same deliveries give the same revisions, whichever came first, and none is counted twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError
from ratchet.identity import ModelId
from ratchet.spans.contract import (
    TARGET,
    Sorted,
    count_reasons,
    delivered_twice,
    forget_resolution,
    refuse_too_many,
    resolve,
)
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import read_revision
from ratchet.spans.records import DELIVERED_IN, DELIVERY, REASON, SPAN, Table
from ratchet.spans.sources import Delivery, frame_digest
from ratchet.spans.writing import NO_VERSION, Draft, read_quarantined
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A span as it was delivered now, and the newest revision of it before; None when there was none."""

    delivery: Delivery
    rows: Sorted
    n_erased: int
    before: SpanManifest | None
    reason: str
    author: str


def plan_revisions(project: Project, spec: ModelSpec, table: Table, arrived: Mapping[str, Arrived]) -> list[Draft]:
    """Return the revisions that these deliveries make; those of the spans that late rows belong to come first.

    Raises
    ------
    DataError
        If a rule refuses what late rows make of a span, or too large a share of it breaks the contract then.
    """
    return _Plan(project, spec, table, arrived).drafts()


class _Plan:
    def __init__(self, project: Project, spec: ModelSpec, table: Table, arrived: Mapping[str, Arrived]) -> None:
        self._project, self._spec, self._table, self._arrived = project, spec, table, dict(arrived)
        self._model, self._entity = ModelId(spec.name), spec.source.entity
        self._manifests = ManifestStore(open_store(project.home), self._model, table)

    def drafts(self) -> list[Draft]:
        others = {span: self._newest(span) for span in self._targets() - set(self._arrived)}
        held = {span: self._held(before) for span, before in others.items()}
        for span, rows in held.items():
            self._turn_back(span, rows)
        late = [draft for span in sorted(others) if (draft := self._late_draft(others[span], held[span])) is not None]
        return [*late, *(self._own_draft(span) for span in self._arrived)]

    def _targets(self) -> set[str]:
        new = {str(span) for one in self._arrived.values() if one.rows.late.height for span in one.rows.late[TARGET]}
        former = {span for one in self._arrived.values() if one.before for span in one.before.moved_to}
        return new | former

    def _newest(self, span: str) -> SpanManifest:
        manifest = self._manifests.newest(span)
        if manifest is None:
            raise AssertionError(f"late rows were placed in {span}, which was never taken in")
        return manifest

    def _turn_back(self, span: str, held: pl.DataFrame) -> None:
        """Quarantine late rows that the span holds already: they were delivered twice, and change nothing there."""
        for key, one in self._arrived.items():
            mine = one.rows.late.filter(pl.col(TARGET) == span) if one.rows.late.height else one.rows.late
            if mine.is_empty():
                continue
            there = held.filter(pl.col(REASON).is_null(), pl.col(DELIVERED_IN).ne_missing(key))
            values = [name for name in mine.columns if name != TARGET]
            known = mine.join(there, on=values, how="semi", nulls_equal=True)
            if known.is_empty():
                continue
            rest = one.rows.late.join(known, on=[*values, TARGET], how="anti", nulls_equal=True)
            twice = delivered_twice(known.drop(TARGET), self._entity)
            quarantined = pl.concat([one.rows.quarantined, twice], how="diagonal_relaxed")
            refuse_too_many(quarantined, one.delivery.frame.height, self._spec.source.max_quarantined)
            self._arrived[key] = replace(one, rows=replace(one.rows, late=rest, quarantined=quarantined))

    def _own_draft(self, span: str) -> Draft:
        one = self._arrived[span]
        before, digest = one.before, one.delivery.digest
        manifest = SpanManifest(
            model=str(self._model),
            table=self._table,
            span=span,
            revision=before.revision + 1 if before else 1,
            delivery=digest,
            rows_in=one.delivery.frame.height,
            rows_kept=one.rows.kept.height,
            rows_quarantined=one.rows.quarantined.height,
            quarantine_reasons=one.rows.reasons(),
            columns_withheld=(*one.rows.columns_withheld, *one.delivery.withheld),
            columns_unknown=one.rows.columns_unknown,
            table_version=NO_VERSION,
            inputs=dict(one.delivery.inputs),
            moved_to=_count(one.rows.late),
            rows_erased={span: one.n_erased} if one.n_erased else {},
            reason=one.reason,
            author=one.author,
        )
        late, counts = self._late_rows(span, before)
        if not counts and not one.n_erased:
            return Draft(manifest=manifest, kept=one.rows.kept, quarantined=one.rows.quarantined)
        own = _unresolved(one.rows.kept, one.rows.quarantined, self._entity)
        erased = dict(manifest.rows_erased) | self._others(before.rows_erased if before else {}, span)
        digests = _digests(late)
        manifest = replace(manifest, delivery=_derived(digest, digests, erased), late_deliveries=digests)
        return self._resolved(manifest, [own, late], counts, erased)

    def _late_draft(self, before: SpanManifest, held: pl.DataFrame) -> Draft | None:
        span = before.span
        late, counts = self._late_rows(span, before, held)
        digests = _digests(late)
        if digests == before.late_deliveries:
            return None
        own = held.filter(pl.col(DELIVERED_IN).is_null())
        erased = {origin: n for origin, n in before.rows_erased.items() if origin not in self._arrived}
        bringing = [key for key, one in self._arrived.items() if span in {*_count(one.rows.late), *_moved(one)}]
        delivery = before.delivered if not digests and not erased else _derived(before.delivery, digests, erased)
        manifest = replace(
            before,
            revision=before.revision + 1,
            delivery=delivery,
            late_deliveries=digests,
            table_version=NO_VERSION,
            reason=f"late rows delivered with {', '.join(bringing)}",
            author=next(one.author for key, one in self._arrived.items() if key in bringing),
            schema_version=before.schema_version,
        )
        return self._resolved(manifest, [own, late], counts, erased)

    def _resolved(
        self, manifest: SpanManifest, parts: list[pl.DataFrame], counts: Mapping[str, int], erased: Mapping[str, int]
    ) -> Draft:
        rows = pl.concat([part for part in parts if part.width], how="diagonal_relaxed")
        found = resolve(rows, self._entity, self._spec.source.rows)
        try:
            refuse_too_many(found.quarantined, rows.height, self._spec.source.max_quarantined)
        except DataError as error:
            raise DataError(f"With the late rows of span {manifest.span}: {error.args[0]}") from None
        manifest = replace(
            manifest,
            rows_kept=found.kept.height,
            rows_quarantined=found.quarantined.height,
            quarantine_reasons=count_reasons(found.quarantined),
            moved_from=dict(counts),
            rows_erased=dict(erased),
        )
        return Draft(manifest=manifest, kept=found.kept, quarantined=found.quarantined)

    def _late_rows(
        self, span: str, before: SpanManifest | None, held: pl.DataFrame | None = None
    ) -> tuple[pl.DataFrame, dict[str, int]]:
        """Return the rows that other deliveries brought for a span, now and before, and how many each brought."""
        parts = []
        if before is not None and self._others(before.moved_from, span):
            former = self._held(before) if held is None else held
            parts.append(
                former.filter(pl.col(DELIVERED_IN).is_not_null(), ~pl.col(DELIVERED_IN).is_in(list(self._arrived)))
            )
        for key, one in self._arrived.items():
            if one.rows.late.height and key != span:
                mine = one.rows.late.filter(pl.col(TARGET) == span).drop(TARGET)
                beside = {DELIVERED_IN: pl.lit(key), REASON: pl.lit(None, dtype=pl.String)}
                parts.append(mine.with_columns(**beside))
        rows = pl.concat(parts, how="diagonal_relaxed") if parts else pl.DataFrame()
        counts = {} if rows.is_empty() else dict(rows.group_by(DELIVERED_IN).len().sort(DELIVERED_IN).iter_rows())
        return rows if counts else pl.DataFrame(), counts

    def _others(self, by_origin: Mapping[str, int], span: str) -> dict[str, int]:
        """Return the counts of deliveries that did not come anew."""
        return {origin: n for origin, n in by_origin.items() if origin not in self._arrived and origin != span}

    def _held(self, before: SpanManifest) -> pl.DataFrame:
        """Return every row of a revision, kept or quarantined, as it was before it was resolved."""
        kept = read_revision(self._project, self._model, self._table, before)
        quarantined = kept.clear().with_columns(pl.lit("").alias(REASON))
        if before.rows_quarantined:
            quarantined = read_quarantined(self._project, self._model, self._table, before)
        return _unresolved(kept, quarantined, self._entity).drop(SPAN, DELIVERY)


def _unresolved(kept: pl.DataFrame, quarantined: pl.DataFrame, entity: str) -> pl.DataFrame:
    sound = kept.with_columns(pl.lit(None, dtype=pl.String).alias(REASON))
    rows = pl.concat([sound, forget_resolution(quarantined, entity)], how="diagonal_relaxed")
    return (
        rows if DELIVERED_IN in rows.columns else rows.with_columns(pl.lit(None, dtype=pl.String).alias(DELIVERED_IN))
    )


def _count(late: pl.DataFrame) -> dict[str, int]:
    return {} if late.is_empty() else dict(late.group_by(TARGET).len().sort(TARGET).iter_rows())


def _moved(one: Arrived) -> Mapping[str, int]:
    return one.before.moved_to if one.before else {}


def _digests(late: pl.DataFrame) -> dict[str, str]:
    """Return the digest of the late rows by the span that was delivered with them, in whatever order they came."""
    if late.is_empty():
        return {}
    rows = late.drop(REASON).select(sorted(name for name in late.columns if name != REASON))
    origins = sorted(set(rows[DELIVERED_IN]))
    return {key: frame_digest(rows.filter(pl.col(DELIVERED_IN) == key).sort(rows.columns)) for key in origins}


def _derived(base: str, late: Mapping[str, str], erased: Mapping[str, int]) -> str:
    made_of = json.dumps([base, sorted(late.items()), sorted(erased.items())], separators=(",", ":"))
    return "sha256:" + hashlib.sha256(made_of.encode()).hexdigest()
