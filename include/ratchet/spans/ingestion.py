"""Taking spans in: each is written into its Delta table in one commit, then vouched for by its manifest.

The same bytes again do nothing. Other bytes for a known span make a new revision, and so do late rows, which are taken
into the span of their event time when the spec says so. A process killed between the commit and the manifest leaves
rows that no manifest vouches for; the rerun replaces them, whatever is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import StoreError
from ratchet.identity import ModelId
from ratchet.spans.calendar import Calendar
from ratchet.spans.contract import Bounds, Sorted, sort_examples, sort_ground_truth
from ratchet.spans.erased import ErasedEntities, read_erased
from ratchet.spans.joined import read_examples
from ratchet.spans.late import Arrived, plan_revisions
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.open_span import read_sealed
from ratchet.spans.outcomes import read_outcomes_of
from ratchet.spans.sources import Delivery, SpanWindow
from ratchet.spans.writing import Draft, restore, write_drafts
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spans.records import Table
    from ratchet.spec.model import ModelSpec

_TRIES = 5
# What a revision is recorded with when nobody said why.
FIRST, AGAIN = "first delivery", "delivered again with other bytes"

Sort = Callable[[str, "pl.DataFrame", Mapping[str, Bounds]], Sorted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Who takes a span in, and why it is taken in again; an empty reason is the usual one."""

    reason: str = ""
    author: str = ""


def ingest_examples(
    project: Project, spec: ModelSpec, spans: Sequence[str], *, why: Why | None = None
) -> list[SpanManifest]:
    """Take in the examples of these spans, in one commit, and return their newest manifests in that order.

    Late rows may have made new revisions of other spans: those are named in ``moved_to``.
    """
    calendar = Calendar.of(spec.source)

    def sort(span: str, frame: pl.DataFrame, earlier: Mapping[str, Bounds]) -> Sorted:
        return sort_examples(frame, spec, calendar.bounds(span), earlier=earlier)

    def read(span: str) -> Delivery:
        return (read_sealed if spec.source.arrival.batches else read_examples)(project, spec, span)

    return _Ingestion(project, spec, "examples", read, sort, why or Why()).take_in(spans)


def ingest_ground_truth(
    project: Project, spec: ModelSpec, spans: Sequence[str], *, why: Why | None = None
) -> list[SpanManifest]:
    """Take in the outcomes of these spans, in one commit, and return their newest manifests in that order."""
    source, calendar = spec.source, Calendar.of(spec.source)

    def read(span: str) -> Delivery:
        return read_outcomes_of(project, spec, SpanWindow.of(calendar, span))

    def sort(span: str, frame: pl.DataFrame, earlier: Mapping[str, Bounds]) -> Sorted:
        return sort_ground_truth(frame, source.entity, spec.label, source.max_quarantined, rows=source.rows)

    return _Ingestion(project, spec, "ground_truth", read, sort, why or Why()).take_in(spans)


class _Ingestion:
    def __init__(
        self,
        project: Project,
        spec: ModelSpec,
        table: Table,
        read: Callable[[str], Delivery],
        sort: Sort,
        why: Why,
    ) -> None:
        self._project, self._spec, self._table, self._why = project, spec, table, why
        self._read, self._sort, self._model = read, sort, ModelId(spec.name)
        self._manifests = ManifestStore(open_store(project.home), self._model, table)
        self._erased: ErasedEntities | None = None

    def take_in(self, spans: Sequence[str]) -> list[SpanManifest]:
        delivered, contested = {span: self._read(span) for span in spans}, set[str]()
        for _ in range(_TRIES):
            drafts = self._plan(delivered)
            standing = write_drafts(
                self._project,
                self._model,
                self._table,
                drafts,
                commit={"spans": f"{spans[0]}..{spans[-1]}"} if spans else {},
                point="ingest",
            )
            if len(standing) == len(drafts):
                self._restore([_known(self._manifests.newest(span)) for span in sorted(contested)])
                return [_known(self._manifests.newest(span)) for span in spans]
            # Another run took in one of these spans meanwhile: what it wrote is the ground to decide on.
            contested |= {draft.manifest.span for draft in drafts}
        raise StoreError(f"{self._model}: other writers of {self._table} came first {_TRIES} times. Try again.")

    def _plan(self, delivered: Mapping[str, Delivery]) -> list[Draft]:
        known = {span: self._manifests.newest(span) for span in delivered}
        changed = [
            span for span, before in known.items() if before is None or before.delivered != delivered[span].digest
        ]
        self._restore([before for span, before in known.items() if before is not None and span not in changed])
        if not changed:
            return []
        earlier = self._earlier(changed)
        arrived = {span: self._arrive(span, delivered[span], earlier, known[span]) for span in changed}
        return plan_revisions(self._project, self._spec, self._table, arrived)

    def _arrive(
        self, span: str, delivery: Delivery, earlier: Mapping[str, Bounds], before: SpanManifest | None
    ) -> Arrived:
        if self._erased is None:
            self._erased = read_erased(self._project, self._model)
        frame = self._erased.drop(delivery.frame, self._spec.source)
        return Arrived(
            delivery=delivery,
            rows=self._sort(span, frame, earlier),
            n_erased=delivery.frame.height - frame.height,
            before=before,
            reason=self._why.reason or (AGAIN if before else FIRST),
            author=self._why.author,
        )

    def _restore(self, manifests: Sequence[SpanManifest]) -> None:
        restore(self._project, self._model, self._table, manifests)

    def _earlier(self, changed: Sequence[str]) -> dict[str, Bounds]:
        if self._table != "examples" or self._spec.source.rows.late != "own_span":
            return {}
        calendar = Calendar.of(self._spec.source)
        return {span: calendar.bounds(span) for span in sorted({*self._manifests.revisions(), *changed})}


def _known(manifest: SpanManifest | None) -> SpanManifest:
    if manifest is None:
        raise AssertionError("a span that was neither known nor taken in")
    return manifest
