"""What ``ratchet ingest``, ``ratchet spans`` and ``ratchet revisions`` do and print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from rich.table import Table as Printed

from ratchet.errors import InputError
from ratchet.identity import ModelId
from ratchet.spans.ingestion import Why
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.records import Table
from ratchet.steps.dependants import Revision, read_revisions
from ratchet.steps.ingest_span import ingest_span
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from rich.console import Console

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

SCHEMA_VERSION = 1
_DELIVERED: tuple[Table, ...] = ("examples", "ground_truth")


def take_in(project: Project, spec: ModelSpec, spans: Sequence[str], why: Why, console: Console) -> None:
    """Ingest, and name every revision that this made and what depends on the one before."""
    model = ModelId(spec.name)
    before = {_identity(one) for one in read_revisions(project, model, *_DELIVERED)}
    result = ingest_span(project, spec, spans, why=why)
    console.print(f"{spec.name}: {result.words}", markup=False)
    new = [one for one in read_revisions(project, model, *_DELIVERED) if _identity(one) not in before]
    for one in new:
        console.print(f"  {one.table} {one.span}, revision {one.revision}: {one.reason}", markup=False)
        console.print(f"    depends on the one before: {one.words}", markup=False)
    if new:
        console.print("Compute the statistics and validate them: ratchet run, or the ingest DAG.", markup=False)


def read_spans(project: Project, model: ModelId, table: Table) -> list[dict[str, Any]]:
    """Return what is held of every span, by its newest revision."""
    manifests = ManifestStore(open_store(project.home), model, table)
    validated, rows = manifests.validated(), []
    for span in sorted(manifests.revisions()):
        newest = manifests.newest(span)
        if newest is None:
            continue
        rows.append(
            {
                "span": span,
                "revision": newest.revision,
                "rows_in": newest.rows_in,
                "rows_late": sum(newest.moved_from.values()),
                "rows_kept": newest.rows_kept,
                "rows_quarantined": newest.rows_quarantined,
                "rows_moved": sum(newest.moved_to.values()),
                "rows_erased": newest.n_erased,
                "is_validated": span in validated if table == "examples" else None,
                "reason": newest.reason,
            }
        )
    return rows


def print_spans(rows: Sequence[dict[str, Any]], console: Console) -> None:
    """Print one line a span."""
    table = Printed("span", "revision", "in", "late", "kept", "quarantined", "moved", "erased", "validated", "reason")
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table, markup=False)


def print_revisions(revisions: Sequence[Revision], console: Console) -> None:
    """Print one line a revision beyond the first."""
    table = Printed("table", "span", "revision", "reason", "by", "depended on the one before")
    for one in revisions:
        table.add_row(one.table, one.span, str(one.revision), one.reason, one.author, one.words)
    console.print(table, markup=False)


def parse_table(text: str) -> Table:
    """Return the name of a table that has manifests.

    Raises
    ------
    InputError
        If there is no such table.
    """
    for table in get_args(Table):
        if table == text and table in (*_DELIVERED, "predictions"):
            return table  # type: ignore[no-any-return]  # get_args gives what it was given
    raise InputError(f"The table must be examples, ground_truth or predictions. Got {text[:40]!r}.")


def _identity(one: Revision) -> tuple[str, str, int]:
    return one.table, one.span, one.revision


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
