"""Statistics of outcomes and of scores, kept as those of the columns are: the windows of both are compared likewise.

A row of scores is named by its span and the first digits of what it was told from, so that another champion makes
another row. Outcomes are scanned when they are taken in; those of a revision that was not are scanned when asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from ratchet.identity import ModelId
from ratchet.packaging.answers import leading_scores
from ratchet.packaging.package import load_package
from ratchet.spans.reading import read_manifests, read_table
from ratchet.spans.records import SPAN
from ratchet.statistics.edges import HISTOGRAMS, load_edges
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.examples import read_all_examples
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from ratchet.ledger.versions import ModelVersion
    from ratchet.project import Project
    from ratchet.spans.manifests import SpanManifest
    from ratchet.spec.model import ModelSpec
    from ratchet.statistics.column import ColumnStatistics, Kind

SCORE, LABEL = ":score", ":label"
# Of probabilities: fixed for every model, so that the scores of any two can be compared.
SCORE_EDGES = (0.005, 0.01, 0.02, *(round(0.05 * i, 2) for i in range(1, 20)), 0.98, 0.99, 0.995)
_DIGITS = 16

BySpan = Mapping[str, Mapping[str, "ColumnStatistics"]]


def read_label_statistics(project: Project, spec: ModelSpec, spans: Sequence[str]) -> BySpan:
    """Return the statistics of the outcomes known of each span, as the column ``:label``: numeric of numbers alone."""
    model = ModelId(spec.name)
    table = StatisticsTable(project.home, model, "ground_truth")
    known = table.revisions(spans)
    manifests = read_manifests(project, model, "ground_truth", spans)
    write_label_statistics(project, spec, [m for m in manifests if known.get(m.span) != m.revision])
    return {span: {LABEL: replace(of[spec.label.column], column=LABEL)} for span, of in table.read(spans).items()}


def write_label_statistics(project: Project, spec: ModelSpec, manifests: Sequence[SpanManifest]) -> None:
    """Scan the outcomes of these revisions and store their statistics, in one commit."""
    if not manifests:
        return
    model, label = ModelId(spec.name), spec.label.column
    frame = read_table(project, model, "ground_truth", [m.span for m in manifests], columns=[label])
    kinds: dict[str, Kind] = {label: "numeric" if spec.label.kind == "regression" else "categorical"}
    edges = _label_edges(project, spec)
    StatisticsTable(project.home, model, "ground_truth").write_spans(
        {m.span: scan_statistics(frame.filter(pl.col(SPAN) == m.span), kinds, edges) for m in manifests},
        {m.span: m.revision for m in manifests},
        {"step": "compute_statistics"},
    )


def read_score_statistics(
    project: Project, spec: ModelSpec, version: ModelVersion, spans: Sequence[str], *, scored: bool
) -> BySpan:
    """Return the statistics of a version's scores on all examples of each span, as the numeric column ``:score``.

    Parameters
    ----------
    scored : bool
        Whether this version has scored these spans on their night; otherwise it does so now, once.
    """
    model = ModelId(spec.name)
    rows = {
        m.span: f"{m.span}.{_digits(_scoring(m.delivery, version))}"
        for m in read_manifests(project, model, "examples", spans)
    }

    def read(missing: Sequence[str]) -> pl.DataFrame:
        if scored:
            return read_table(project, model, "predictions", missing, columns=["score"]).rename({"score": SCORE})
        examples = read_all_examples(project, spec, missing)
        loaded = load_package(open_store(project.home), model, version.digest, folder=spec.folder)
        return examples.select(SPAN, pl.Series(SCORE, leading_scores(loaded.predict(examples))))

    table = StatisticsTable(project.home, model, "scores")
    # A predicted number is counted over the edges of the label.
    edges = _label_edges(project, spec).get(spec.label.column, SCORE_EDGES)
    return _read(table, rows, read, edges)


def _label_edges(project: Project, spec: ModelSpec) -> dict[str, Sequence[float]]:
    """Return the histogram edges of the label, by its column; none of a label that is no number."""
    if spec.label.kind != "regression":
        return {}
    edges = load_edges(project.model_path(spec.name) / HISTOGRAMS).edges
    return {column: inner for column, inner in edges.items() if column == spec.label.column}


def _read(
    table: StatisticsTable,
    rows: Mapping[str, str],
    read: Callable[[Sequence[str]], pl.DataFrame],
    score_edges: Sequence[float],
) -> BySpan:
    known = table.revisions(rows.values())
    missing = [span for span, row in rows.items() if row not in known]
    if missing:
        frame, edges = read(missing), {SCORE: score_edges}
        by_span = {span: frame.filter(pl.col(SPAN) == span) for span in missing}
        scanned = {rows[span]: scan_statistics(of, {SCORE: "numeric"}, edges) for span, of in by_span.items()}
        table.write_spans(scanned, dict.fromkeys(scanned, 1), {"step": "sense_drift"})
    found = table.read(rows.values())
    return {span: found[row] for span, row in rows.items()}


def _scoring(examples_delivery: str, version: ModelVersion) -> str:
    inputs = {"examples": examples_delivery, "digest": version.digest}
    return "sha256:" + hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def _digits(delivery: str) -> str:
    return delivery.rpartition(":")[2][:_DIGITS]
