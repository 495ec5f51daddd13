"""Taking spans in: each is written into its Delta table in one commit, then vouched for by its manifest.

The same bytes again do nothing. Other bytes for a known span make a new revision. A process killed between
the commit and the manifest leaves rows that no manifest vouches for; the rerun replaces them, whatever is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.crashpoints import crash_point
from ratchet.identity import ModelId
from ratchet.spans.calendar import Calendar
from ratchet.spans.contract import Sorted, sort_examples, sort_ground_truth
from ratchet.spans.manifests import ManifestStore, SpanManifest, row_mark
from ratchet.spans.pseudonyms import Protection
from ratchet.spans.reading import find_unvouched
from ratchet.spans.records import DELIVERY, SPAN, Table
from ratchet.spans.sources import Delivery, read_source
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    span: str
    revision: int
    delivery: Delivery
    rows: Sorted
    withheld: tuple[str, ...] = ()


def ingest_examples(project: Project, spec: ModelSpec, spans: Sequence[str]) -> list[SpanManifest]:
    """Take in the examples of these spans, in one commit, and return their manifests in that order."""
    calendar = Calendar.of(spec.source)
    return _ingest(
        project,
        spec,
        "examples",
        spec.source.function,
        spans,
        lambda span, frame: sort_examples(frame, spec, calendar.bounds(span)),
    )


def ingest_ground_truth(project: Project, spec: ModelSpec, spans: Sequence[str]) -> list[SpanManifest]:
    """Take in the outcomes of these spans, in one commit, and return their manifests in that order."""
    return _ingest(
        project,
        spec,
        "ground_truth",
        spec.label.function,
        spans,
        lambda _, frame: sort_ground_truth(frame, spec.source.entity, spec.label, spec.source.max_quarantined),
    )


def _ingest(
    project: Project,
    spec: ModelSpec,
    table: Table,
    function: str,
    spans: Sequence[str],
    sort: Callable[[str, pl.DataFrame], Sorted],
) -> list[SpanManifest]:
    model = ModelId(spec.name)
    manifests = ManifestStore(open_store(project.home), model, table)
    calendar, model_path = Calendar.of(spec.source), project.model_path(spec.name)
    known = {span: manifests.newest(span) for span in spans}
    unvouched = find_unvouched(project, model, table, [manifest for manifest in known.values() if manifest])
    protection = Protection.of(project, spec)
    taken: list[_Taken] = []
    for span in spans:
        raw, before = read_source(model_path, function, calendar, span), known[span]
        # Personal data goes no further than this line: also digests are made of what is kept.
        delivery, withheld = protection.protect(raw), protection.withheld_in(raw.frame)
        is_known = before is not None and before.delivery == delivery.digest
        if not is_known or span in unvouched:
            revision = (before.revision if before else 0) + (not is_known)
            rows = sort(span, delivery.frame)
            taken.append(_Taken(span=span, revision=revision, delivery=delivery, rows=rows, withheld=withheld))
    written = {manifest.span: manifest for manifest in _write(project, model, table, manifests, taken)}
    return [written.get(span) or _known(known[span]) for span in spans]


def _write(
    project: Project, model: ModelId, table: Table, manifests: ManifestStore, taken: Sequence[_Taken]
) -> list[SpanManifest]:
    if not taken:
        return []
    spans = [one.span for one in taken]
    # A later revision without a fault empties what an earlier one left there.
    touched = [one for one in taken if one.revision > 1 or not one.rows.quarantined.is_empty()]
    if touched:
        SpanTable(project.uri("tables", str(model), f"{table}-quarantine")).replace_spans(
            pl.concat([_marked(one, one.rows.quarantined) for one in touched]),
            [one.span for one in touched],
            commit={"table": table},
        )
    version = SpanTable(project.uri("tables", str(model), table)).replace_spans(
        pl.concat([_marked(one, one.rows.kept) for one in taken]), spans, commit={"spans": f"{spans[0]}..{spans[-1]}"}
    )
    crash_point("ingest.before_manifest")
    return [_vouch(manifests, _manifest(model, table, one, version)) for one in taken]


def _marked(one: _Taken, frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(one.span).alias(SPAN), pl.lit(row_mark(one.delivery.digest)).alias(DELIVERY))


def _manifest(model: ModelId, table: Table, one: _Taken, version: int) -> SpanManifest:
    return SpanManifest(
        model=str(model),
        table=table,
        span=one.span,
        revision=one.revision,
        delivery=one.delivery.digest,
        rows_in=one.delivery.frame.height,
        rows_kept=one.rows.kept.height,
        rows_quarantined=one.rows.quarantined.height,
        quarantine_reasons=one.rows.reasons(),
        columns_withheld=(*one.rows.columns_withheld, *one.withheld),
        columns_unknown=one.rows.columns_unknown,
        table_version=version,
    )


def _vouch(manifests: ManifestStore, manifest: SpanManifest) -> SpanManifest:
    if manifests.write(manifest):
        return manifest
    # Another run of the same span was faster; its manifest is the one that counts.
    return _known(manifests.newest(manifest.span))


def _known(manifest: SpanManifest | None) -> SpanManifest:
    if manifest is None:
        raise AssertionError("a span that was neither known nor taken in")
    return manifest
