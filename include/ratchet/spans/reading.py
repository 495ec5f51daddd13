"""Reading spans back: only rows that a manifest vouches for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ratchet.errors import MissingSpanError, StoreError
from ratchet.identity import ModelId
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.records import DELIVERY, SPAN, Table
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


def read_manifests(project: Project, model: ModelId, table: Table, spans: Sequence[str]) -> list[SpanManifest]:
    """Return the newest manifest of each span.

    Raises
    ------
    MissingSpanError
        Naming the spans that were never taken in.
    """
    store = ManifestStore(open_store(project.home), model, table)
    found = {span: store.newest(span) for span in spans}
    missing = [span for span, manifest in found.items() if manifest is None]
    if missing:
        raise MissingSpanError(f"{model}: no {table} of {_words(missing)}. Ingest the span first.")
    return [manifest for manifest in found.values() if manifest is not None]


def read_table(
    project: Project, model: ModelId, table: Table, spans: Sequence[str], *, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return the rows of these spans, sorted by span; other columns than ``columns`` are not read.

    Raises
    ------
    MissingSpanError
        If a span was never taken in.
    StoreError
        If the rows are not those of the manifest: a writer is at work, or was killed.
    """
    manifests = read_manifests(project, model, table, spans)
    wanted = None if columns is None else list(dict.fromkeys((SPAN, DELIVERY, *columns)))
    frame = SpanTable(project.uri("tables", str(model), table)).read(spans, columns=wanted)
    wrong = _find_unvouched(frame, manifests)
    if wrong:
        raise StoreError(
            f"{model}: the rows of {_words(wrong)} in {table} are not those of the newest manifest. "
            "A writer is at work, or was killed: repeat the ingestion of that span."
        )
    return frame.drop(DELIVERY).sort(SPAN, maintain_order=True)


def find_unvouched(project: Project, model: ModelId, table: Table, manifests: Sequence[SpanManifest]) -> list[str]:
    """Return the spans whose rows are not those that their manifest vouches for."""
    if not manifests:
        return []
    spans = [manifest.span for manifest in manifests]
    marks = SpanTable(project.uri("tables", str(model), table)).read(spans, columns=[SPAN, DELIVERY])
    return _find_unvouched(marks, manifests)


def read_labelled(project: Project, spec: ModelSpec, spans: Sequence[str]) -> pl.DataFrame:
    """Return the examples of these spans that have a label, with the label as a column.

    Sorted by span and entity, so that what is fitted on them does not depend on the order of delivery.
    """
    model, entity = ModelId(spec.name), spec.source.entity
    examples = read_table(project, model, "examples", spans)
    truth = read_table(project, model, "ground_truth", spans)
    return examples.join(truth, on=[SPAN, entity], how="inner").sort(SPAN, entity)


def labelled_spans(project: Project, model: ModelId) -> set[str]:
    """Return the spans whose examples and whose ground truth both passed validation."""
    store = open_store(project.home)
    examples = ManifestStore(store, model, "examples").validated()
    return examples & ManifestStore(store, model, "ground_truth").validated()


def _find_unvouched(frame: pl.DataFrame, manifests: Sequence[SpanManifest]) -> list[str]:
    seen = {(str(span), str(mark)): int(n) for span, mark, n in frame.group_by(SPAN, DELIVERY).len().iter_rows()}
    vouched = {(m.span, m.mark): m.rows_kept for m in manifests if m.rows_kept}
    return sorted({span for (span, _), _ in set(seen.items()) ^ set(vouched.items())})


def _words(spans: Sequence[str]) -> str:
    shown = ", ".join(spans[:5])
    return shown if len(spans) <= 5 else f"{shown} and {len(spans) - 5} more"
