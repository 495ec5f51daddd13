"""What ``ratchet look`` prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.cli.running import read_range
from ratchet.errors import InputError
from ratchet.spans.calendar import Calendar
from ratchet.steps.look import look_at_file, look_at_source

if TYPE_CHECKING:
    from rich.console import Console

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


def look_at_a_file(
    path: Path, console: Console, *, label: str | None, time: str | None, entity: str | None, page: Path | None
) -> None:
    """Look at a file, write the page, and print what it suggests."""
    found = look_at_file(path, label=label, time=time, entity=entity)
    page = page or Path(f"{path.name.split('.')[0]}-look.html")
    page.write_text(found.page, encoding="utf-8")
    for one in found.suggestions:
        console.print(f"{one.column}: {one.act}, {one.reason}", markup=False)
    console.print(found.diff, markup=False)
    console.print(f"page: {page}", markup=False)


def look_at_a_model(
    project: Project, spec: ModelSpec, console: Console, *, first: str | None, last: str | None
) -> None:
    """Look at what a model's source delivers, and print what it suggests to change in the spec."""
    if first is None or last is None:
        raise InputError("A look at a model's source needs its spans: --from FIRST --to LAST.")
    result = look_at_source(project, spec, read_range(Calendar.of(spec.source), first, last))
    for words in result.suggestions:
        console.print(words, markup=False)
    console.print(result.diff or "nothing to change in the spec", markup=False)
    console.print(f"page: {result.report_uri}", markup=False)
