"""Writing revisions: the rows of all spans in one commit, then a manifest for each, which vouches for them.

Two writers of one span are told apart by the manifest, which is written once. The one that comes second has replaced
rows that another's manifest vouches for: it must decide again on the newest revision, or put those rows back. A writer
killed in between leaves rows that no manifest vouches for; readers refuse them until a rerun does the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from ratchet.crashpoints import crash_point
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import find_unvouched, read_revision
from ratchet.spans.records import DELIVERY, SPAN, Table
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    from ratchet.identity import ModelId
    from ratchet.project import Project

# Of a draft: the commit that will write its rows is not made yet.
NO_VERSION = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A revision that is ready to be written; ``quarantined`` is None for a table that has no quarantine."""

    manifest: SpanManifest
    kept: pl.DataFrame
    quarantined: pl.DataFrame | None = None


def write_drafts(
    project: Project, model: ModelId, table: Table, drafts: Sequence[Draft], *, commit: Mapping[str, str], point: str
) -> list[SpanManifest]:
    """Write the revisions and return the manifests of those that stand.

    The manifests are written in the order of the drafts, up to the first whose number another writer took: that one and
    those after it must be decided again.

    Parameters
    ----------
    point : str
        Name of the crash points: ``<point>.before_rows``, ``.before_manifest`` and ``.between_manifests``.
    """
    if not drafts:
        return []
    spans = [draft.manifest.span for draft in drafts]
    # A later revision without a fault empties what an earlier one left there.
    held_back = [
        (draft, draft.quarantined)
        for draft in drafts
        if draft.quarantined is not None and (draft.manifest.revision > 1 or not draft.quarantined.is_empty())
    ]
    quarantine_version = None
    if held_back:
        quarantine_version = quarantine_of(project, model, table).replace_spans(
            pl.concat([_marked(draft, rows) for draft, rows in held_back], how="diagonal_relaxed"),
            [draft.manifest.span for draft, _ in held_back],
            commit={"table": table},
        )
    crash_point(f"{point}.before_rows")
    version = SpanTable(project.uri("tables", str(model), table)).replace_spans(
        pl.concat([_marked(draft, draft.kept) for draft in drafts], how="diagonal_relaxed"), spans, commit=commit
    )
    crash_point(f"{point}.before_manifest")
    manifests, standing = ManifestStore(open_store(project.home), model, table), []
    for draft in drafts:
        is_held_back = any(draft is one for one, _ in held_back)
        manifest = replace(
            draft.manifest, table_version=version, quarantine_version=quarantine_version if is_held_back else None
        )
        if not manifests.write(manifest):
            break
        standing.append(manifest)
        crash_point(f"{point}.between_manifests")
    return standing


def restore(project: Project, model: ModelId, table: Table, manifests: Sequence[SpanManifest]) -> None:
    """Put back the rows that these manifests vouch for, where others stand in their place."""
    wrong = set(find_unvouched(project, model, table, manifests))
    for manifest in manifests:
        if manifest.span in wrong:
            rows = read_revision(project, model, table, manifest)
            SpanTable(project.uri("tables", str(model), table)).replace_spans(
                rows, [manifest.span], commit={"restored": str(manifest.revision)}
            )
            if manifest.quarantine_version is not None:
                quarantine_of(project, model, table).replace_spans(
                    read_quarantined(project, model, table, manifest),
                    [manifest.span],
                    commit={"restored": str(manifest.revision)},
                )


def read_quarantined(project: Project, model: ModelId, table: Table, manifest: SpanManifest) -> pl.DataFrame:
    """Return the quarantined rows of a revision, with all that stands beside them."""
    rows = quarantine_of(project, model, table).read([manifest.span], version=manifest.quarantine_version)
    if DELIVERY not in rows.columns:
        return rows
    return rows.filter(pl.col(DELIVERY) == manifest.mark)


def quarantine_of(project: Project, model: ModelId, table: Table) -> SpanTable:
    """Return the table of rows that were quarantined on their way into ``table``."""
    return SpanTable(project.uri("tables", str(model), f"{table}-quarantine"))


def _marked(draft: Draft, frame: pl.DataFrame) -> pl.DataFrame:
    beside = {SPAN: draft.manifest.span, DELIVERY: draft.manifest.mark}
    return frame.with_columns(pl.lit(value).alias(name) for name, value in beside.items())
