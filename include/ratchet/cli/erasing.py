"""``ratchet erase``: an entity out of one model or of all, one line each."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ratchet.ledger.entries import Author
from ratchet.spec.loading import load_spec
from ratchet.steps.erase import Erasure, erase

if TYPE_CHECKING:
    from rich.console import Console

    from ratchet.project import Project


def erase_from(project: Project, models: Sequence[str], entity: str, console: Console) -> None:
    """Erase an entity from each of these models, and print what was found; the key itself is never printed."""
    author = Author(kind="person", name=getpass.getuser())
    # Read first: a spec that is broken stops it before anything is erased.
    for spec in [load_spec(project, name) for name in models]:
        found = erase(project, spec, entity, author=author, at=datetime.now(UTC))
        console.print(_words(found), markup=False)
    console.print(
        "Not part of the home, and not touched: the source itself, Airflow's logs, backups. A source that delivers the "
        "entity again is not taken at its word as long as the key of the HMAC exists.",
        markup=False,
    )


def _words(found: Erasure) -> str:
    if found.entry is None:
        return f"{found.model}: nothing of the entity was found"
    spans = sorted({span for spans in found.spans.values() for span in spans})
    versions = f"versions {', '.join(found.versions)} were" if found.versions else "no version was"
    return (
        f"{found.model}: {found.rows} rows of {len(spans)} spans erased, {found.redacted} results redacted; absent "
        f"from {found.files_scanned} table files and {found.objects_scanned} objects; {versions} trained on it "
        f"(not reproducible since entry {found.entry} of the ledger, {found.entity_hmac[:12]})"
    )
