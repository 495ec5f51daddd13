"""Reading spans back: only rows that a manifest vouches for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ratchet.errors import MissingSpanError, StoreError
from ratchet.identity import ModelId
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.records import DELIVERED_IN, DELIVERY, SPAN, Table
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


# Span, and the deliveries of its examples and of its ground truth.
DataVersion = tuple[str, str, str]


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


def with_late_spans(project: Project, model: ModelId, spans: Sequence[str]) -> list[str]:
    """Return these spans, and before them those that late rows of their deliveries were taken into, in order."""
    moved = {late for manifest in read_manifests(project, model, "examples", spans) for late in manifest.moved_to}
    return [*sorted(moved - set(spans)), *spans]


def read_table(
    project: Project,
    model: ModelId,
    table: Table,
    spans: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    manifests: Sequence[SpanManifest] | None = None,
) -> pl.DataFrame:
    """Return the rows of these spans, sorted by span; other columns than ``columns`` are not read.

    Parameters
    ----------
    manifests : sequence of SpanManifest, optional
        The revisions to read, one a span; without them the newest. One that was replaced since is read from the
        table's history, so that what was decided on a revision is computed on it.

    Raises
    ------
    MissingSpanError
        If a span was never taken in.
    StoreError
        If the rows are not those of the manifest: a writer is at work, or was killed.
    """
    import polars as pl

    newest = read_manifests(project, model, table, spans)
    wanted = {manifest.span: manifest for manifest in (newest if manifests is None else manifests)}
    present = [manifest for manifest in newest if manifest.delivery == wanted[manifest.span].delivery]
    former = [wanted[manifest.span] for manifest in newest if manifest not in present]
    names = None if columns is None else list(dict.fromkeys((SPAN, DELIVERY, *columns)))
    frame = SpanTable(project.uri("tables", str(model), table)).read([m.span for m in present], columns=names)
    wrong = _find_unvouched(frame, present)
    if wrong:
        raise StoreError(
            f"{model}: the rows of {_words(wrong)} in {table} are not those of the newest manifest. "
            "A writer is at work, or was killed: repeat the ingestion of that span."
        )
    if former:
        older = [read_revision(project, model, table, manifest, columns=names) for manifest in former]
        frame = pl.concat([frame, *older] if present else older, how="diagonal_relaxed")
    return frame.drop(DELIVERY, *([DELIVERED_IN] if columns is None else []), strict=False).sort(
        SPAN, maintain_order=True
    )


def read_revision(
    project: Project, model: ModelId, table: Table, manifest: SpanManifest, *, columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """Return the rows that a manifest vouches for, with all that stands beside them, also after they were replaced.

    Raises
    ------
    StoreError
        If they are not in the table's history any more: the revision cannot be reproduced.
    """
    frame = SpanTable(project.uri("tables", str(model), table)).read(
        [manifest.span], columns=columns, version=manifest.table_version
    )
    if _find_unvouched(frame, [manifest]):
        raise StoreError(f"{model}: revision {manifest.revision} of {manifest.span} in {table} is not there any more.")
    return frame


def find_unvouched(project: Project, model: ModelId, table: Table, manifests: Sequence[SpanManifest]) -> list[str]:
    """Return the spans whose rows are not those that their manifest vouches for."""
    if not manifests:
        return []
    spans = [manifest.span for manifest in manifests]
    marks = SpanTable(project.uri("tables", str(model), table)).read(spans, columns=[SPAN, DELIVERY])
    return _find_unvouched(marks, manifests)


def read_labelled(
    project: Project, spec: ModelSpec, spans: Sequence[str], *, versions: Sequence[DataVersion] | None = None
) -> pl.DataFrame:
    """Return the examples of these spans that have a label, with the label as a column.

    Sorted by span and entity, so that what is fitted on them does not depend on the order of delivery.

    Parameters
    ----------
    versions : sequence of (span, examples' delivery, ground truth's delivery), optional
        The revisions to read, as a window pinned them; without them the newest.
    """
    model, entity = ModelId(spec.name), spec.source.entity
    examples_of = truth_of = None
    if versions is not None:
        pinned = {version[0]: version for version in versions}
        examples_of = pin_manifests(project, model, "examples", {span: pinned[span][1] for span in spans})
        truth_of = pin_manifests(project, model, "ground_truth", {span: pinned[span][2] for span in spans})
    examples = read_table(project, model, "examples", spans, manifests=examples_of)
    truth = read_table(project, model, "ground_truth", spans, manifests=truth_of)
    return examples.join(truth, on=[SPAN, entity], how="inner").sort(SPAN, entity)


def pin_manifests(project: Project, model: ModelId, table: Table, deliveries: Mapping[str, str]) -> list[SpanManifest]:
    """Return, of each span, the newest revision that holds the rows of that delivery.

    Raises
    ------
    MissingSpanError
        If a span never held them.
    """
    store = ManifestStore(open_store(project.home), model, table)
    found = {span: store.of_delivery(span, delivery) for span, delivery in deliveries.items()}
    missing = [span for span, manifest in found.items() if manifest is None]
    if missing:
        raise MissingSpanError(f"{model}: no revision of {_words(missing)} in {table} holds the rows that were pinned.")
    return [manifest for manifest in found.values() if manifest is not None]


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
