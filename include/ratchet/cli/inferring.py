"""``ratchet infer``: proposals are shown as diffs, and written only when asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import InputError
from ratchet.steps.infer import infer, read_unstored

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

Print = Callable[[str], None]
EXPECTATIONS, HISTOGRAMS = "expectations.yaml", "histograms.yaml"


def propose_files(
    project: Project, spec: ModelSpec, spans: Sequence[str], *, write: bool, ask: Callable[[], bool], show: Print
) -> None:
    """Show what both files would be made of, as diffs, and write them after a yes.

    Raises
    ------
    InputError
        If they are to be written and one is there already: nothing is written.
    """
    folder = project.model_path(spec.name)
    proposal = infer(project, spec, spans)
    files = {folder / EXPECTATIONS: proposal.expectations, folder / HISTOGRAMS: proposal.histograms}
    there = [path for path in files if path.exists()]
    if write and there:
        raise InputError(f"{there[0]} is there already, and may have been edited. Use --update, or move it away first.")
    for path, text in files.items():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        sys.stdout.write("".join(_diff(path, before, text)))
    if write or (not there and ask()):
        _write(files, show)


def propose_changes(
    project: Project,
    spec: ModelSpec,
    spans: Sequence[str],
    *,
    write: bool,
    widen: bool,
    narrow: bool,
    show: Print,
) -> None:
    """Show what new spans ask of expectations.yaml, each kind apart; write the new columns and the kinds asked for.

    The histogram edges stay: statistics over other edges could not be compared with those kept so far.
    """
    from ratchet.validation.updating import propose_update

    path = project.model_path(spec.name) / EXPECTATIONS
    update = propose_update(path, read_unstored(project, spec, spans), spec)
    _show(show, "New columns", update.diff(str(path), add=True), "written by --write")
    _show(
        show, "Narrower, as these spans would allow", update.diff(str(path), "narrowed"), "written by --write --narrow"
    )
    what = "WIDER, as these spans would need: each lets more through from now on"
    _show(show, what, update.diff(str(path), "widened"), "written by --write --widen")
    for place in update.unmet:
        show(f"not met, and no bound of it would do: {place}. Mend the data, or edit it by hand.")
    if not update.changes and not update.added and not update.unmet:
        show("these spans ask for nothing: every expectation is met, and none could be narrower")
    after = update.apply(*(["widened"] if widen else []), *(["narrowed"] if narrow else []), add=True)  # type: ignore[arg-type]
    if write and after != update.text:
        _write({path: after}, show)


def _show(show: Print, title: str, diff: str, how: str) -> None:
    if diff:
        show(f"=== {title} ({how})")
        sys.stdout.write(diff)


def _write(files: Mapping[Path, str], show: Print) -> None:
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        show(f"wrote {path}: read it, and edit what you know better")


def _diff(path: Path, before: str, after: str) -> list[str]:
    name = str(path)
    return list(unified_diff(before.splitlines(True), after.splitlines(True), name if before else "/dev/null", name))
