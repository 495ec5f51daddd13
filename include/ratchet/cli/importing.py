"""``ratchet import``: a model from elsewhere, through evaluation and gate as one that was trained here."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ratchet.errors import InputError
from ratchet.identity import ModelId
from ratchet.ledger.entries import Author
from ratchet.packaging.onnx_file import read_onnx
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.steps.decide_gate import decide_gate
from ratchet.steps.evaluate import evaluate
from ratchet.steps.import_model import declared_spans, import_model, read_file
from ratchet.steps.promote import promote
from ratchet.steps.select_window import select_window
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.decide_gate import GateStepResult
    from ratchet.steps.import_model import ImportRequest


def import_file(
    project: Project,
    spec: ModelSpec,
    path: Path,
    asked: ImportRequest,
    *,
    span: str | None,
    may_promote: bool,
    console: Console,
) -> GateStepResult:
    """Bring a file before the gate of a night, and promote it if it passes; one line a step.

    Parameters
    ----------
    span : str or None
        The night that it is judged on; that of the newest validated span when None.
    may_promote : bool
        Whether a candidate whose gate passes becomes champion, as on a night of ``ratchet run``.
    """
    data = read_onnx(path)
    # Whatever is wrong with the file or with what is said of it is told before anything is done.
    read_file(spec, data, asked)
    declared_spans(project, spec, asked)
    author = Author(kind="person", name=asked.by)
    night = Calendar.of(spec.source).parse(span) if span else _newest(project, spec)

    def show(words: str) -> None:
        console.print(f"{spec.name} {night}: {words}", markup=False, soft_wrap=True)

    window = select_window(project, spec, night, reasons=("imported",))
    show(window.words.replace("trained on", "judged beside models of", 1))
    entered = import_model(project, spec, window, data, asked, at=datetime.now(UTC))
    show(entered.words)
    evaluated = evaluate(project, spec, window, entered)
    show(evaluated.words)
    gate = decide_gate(project, spec, evaluated, author=author, at=datetime.now(UTC))
    show(f"gate: {gate.words}")
    if gate.verdict == "pass" and may_promote:
        show(promote(project, spec, gate, author=author, at=datetime.now(UTC)).words)
    show(f"report: {gate.report_uri}")
    return gate


def _newest(project: Project, spec: ModelSpec) -> str:
    validated = ManifestStore(open_store(project.home), ModelId(spec.name), "examples").validated()
    if not validated:
        raise InputError(f"{spec.name} holds no validated span, on which a model could be judged. Ingest some first.")
    return max(validated)
