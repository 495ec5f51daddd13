"""Show a span's statistics beside those of the span before, of the training window, and their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import DataError, MissingSpanError
from ratchet.identity import ModelId
from ratchet.reports.statistics import Window, render_statistics
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spec.watching import DEFAULT_BOUNDS
from ratchet.statistics.edges import HISTOGRAMS, load_edges
from ratchet.statistics.table import StatisticsTable, merge_spans
from ratchet.steps.champion import champion_evidence, read_state
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spans.records import Table
    from ratchet.spec.model import ModelSpec
    from ratchet.statistics.column import ColumnStatistics
    from ratchet.statistics.table import Of

Columns = Mapping[str, "ColumnStatistics"]

HISTORY_SPANS = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsPageResult(StepResult):
    """Where the page is, and the spans whose history it shows."""

    spans: tuple[str, ...]
    report_uri: str


def show_statistics(project: Project, spec: ModelSpec, span: str) -> StatisticsPageResult:
    """Write the statistics page of ``span``; nothing but stored statistics is read for it."""
    model, calendar = ModelId(spec.name), Calendar.of(spec.source)
    revisions = _revisions(project, model, "examples")
    history = tuple(one for one in calendar.range(calendar.shift(span, 1 - HISTORY_SPANS), span) if one in revisions)
    champion = read_state(project, spec).champion
    training = champion_evidence(project, champion).train_spans if champion else ()
    outcomes = _revisions(project, model, "ground_truth")
    key = StepKey(
        step="show_statistics",
        version=1,
        spec=spec,
        sections=("features", "label", "watch"),
        span=span,
        inputs={
            "examples": [(one, revisions[one]) for one in (*history, *training) if one in revisions],
            "ground_truth": [(one, outcomes[one]) for one in history if one in outcomes],
            "champion": champion.digest if champion else None,
            "edges": _edges_digest(project, spec),
        },
    )
    trained = tuple(one for one in training if one in revisions)
    known = tuple(one for one in history if one in outcomes)
    return run_once(
        project,
        key,
        StatisticsPageResult,
        lambda folder: _show(project, spec, span, history, trained, known, folder),
    )


def render_window(project: Project, spec: ModelSpec, spans: Sequence[str], *, title: str) -> str:
    """Return the page of a training window: the history of its spans, the newest of them against them all."""
    page = _Page(project, spec)
    history, labels = page.read(spans, "examples"), page.read(spans, "ground_truth")
    return page.render(spans[-1], history, labels, trained=spans, title=title)


def _show(
    project: Project,
    spec: ModelSpec,
    span: str,
    history: Sequence[str],
    trained: Sequence[str],
    known: Sequence[str],
    folder: StepFolder,
) -> StatisticsPageResult:
    page = _Page(project, spec)
    read, labels = page.read(history, "examples"), page.read(known, "ground_truth")
    html = page.render(span, read, labels, trained=trained, title=f"{spec.name}: statistics of {span}")
    return StatisticsPageResult(
        model=spec.name,
        span=span,
        verdict="pass",
        words=f"{len(read[span])} columns over {len(read)} span(s)",
        uri=folder.uri,
        spans=tuple(read),
        report_uri=folder.write("report.html", html),
    )


class _Page:
    """Reads what is comparable, and keeps a note of what is not."""

    def __init__(self, project: Project, spec: ModelSpec) -> None:
        self._project, self._spec, self._notes = project, spec, list[str]()

    def read(self, spans: Sequence[str], of: Of) -> dict[str, Columns]:
        """Return the statistics of those spans that have any; the newest span must, of the examples."""
        table = StatisticsTable(self._project.home, ModelId(self._spec.name), of)
        there = set(table.spans())
        wanted = [span for span in spans if span in there]
        try:
            return dict(table.read(wanted))
        except DataError as error:
            self._notes.append(f"Without history: {error}")
            return self._newest(table, wanted)

    def _newest(self, table: StatisticsTable, spans: Sequence[str]) -> dict[str, Columns]:
        try:
            return dict(table.read(spans[-1:]))
        except DataError:
            return {}

    def render(
        self,
        span: str,
        history: Mapping[str, Columns],
        labels: Mapping[str, Columns],
        *,
        trained: Sequence[str],
        title: str,
    ) -> str:
        if span not in history:
            raise MissingSpanError(f"There are no statistics of {span}. Compute them first.")
        label = self._spec.label.column
        return render_statistics(
            span,
            history,
            title=title,
            before=self._before(span, history),
            training=self._training(trained, history),
            labels={one: columns[label] for one, columns in labels.items() if label in columns},
            bounds={column: self._bound(column, of.role) for column, of in history[span].items()},
            notes=self._notes,
        )

    def _bound(self, column: str, role: str) -> float:
        # The page shows the Jensen-Shannon distance, whatever distance decides in the watch.
        distance, bound = self._spec.watch.drift.rule_of(column, role)
        return bound if distance == "jensen_shannon" else DEFAULT_BOUNDS["jensen_shannon"]

    def _before(self, span: str, history: Mapping[str, Columns]) -> Window | None:
        earlier = [one for one in history if one < span]
        return Window(kind="before", name=earlier[-1], columns=history[earlier[-1]]) if earlier else None

    def _training(self, trained: Sequence[str], history: Mapping[str, Columns]) -> Window | None:
        if not trained:
            return None
        missing = [one for one in trained if one not in history]
        try:
            read = {**history, **(self.read(missing, "examples") if missing else {})}
            columns = merge_spans([read[one] for one in trained if one in read])
        except DataError as error:
            self._notes.append(f"Not compared with the training window: {error}")
            return None
        name = f"{trained[0]} to {trained[-1]}"
        return Window(kind="training", name=name, columns=columns) if columns else None


def _revisions(project: Project, model: ModelId, of: Table) -> dict[str, int]:
    return ManifestStore(open_store(project.home), model, of).revisions()


def _edges_digest(project: Project, spec: ModelSpec) -> list[tuple[str, list[float]]]:
    edges = load_edges(project.model_path(spec.name) / HISTOGRAMS).edges
    return [(column, list(inner)) for column, inner in sorted(edges.items())]
