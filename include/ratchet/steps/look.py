"""The first look at a table, of a file or of a model's source, and what it suggests to change in the spec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import DataError, InputError
from ratchet.reports.look import render_look
from ratchet.spans.calendar import Calendar
from ratchet.spans.joined import read_examples
from ratchet.spans.outcomes import read_outcomes_of
from ratchet.spans.sources import SpanWindow
from ratchet.statistics.look import look_at
from ratchet.statistics.suggestions import suggest
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.steps.spec_edits import apply_suggestions, diff_of, draft_features

if TYPE_CHECKING:
    import polars as pl

    from ratchet.project import Project
    from ratchet.spans.sources import Delivery
    from ratchet.spec.model import ModelSpec
    from ratchet.statistics.look import TableLook
    from ratchet.statistics.suggestions import Suggestion

SPEC = "spec.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLook:
    """A look at a file: the page, and the changes that it suggests to a spec that takes every column as it comes."""

    look: TableLook
    suggestions: tuple[Suggestion, ...]
    diff: str
    page: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LookResult(StepResult):
    """Where the page of a model's source is, and the changes that it suggests to the spec."""

    spans: tuple[str, ...]
    suggestions: tuple[str, ...]
    diff: str
    report_uri: str


def look_at_file(path: Path, *, label: str | None, time: str | None, entity: str | None) -> FileLook:
    """Return the first look at a Parquet or CSV file.

    Raises
    ------
    InputError
        If the file is not there, or of another kind.
    DataError
        If it cannot be read, or a column that was named is not there.
    """
    look = look_at(read_file(path), label=label, time=time, entity=entity)
    suggestions = suggest(look)
    draft = draft_features(look)
    diff = diff_of(draft, apply_suggestions(draft, suggestions), SPEC)
    page = render_look(look, suggestions, {SPEC: diff}, title=f"First look at {path.name}")
    return FileLook(look=look, suggestions=tuple(suggestions), diff=diff, page=page)


def read_file(path: Path) -> pl.DataFrame:
    """Return the rows of a Parquet or CSV file, which may be compressed."""
    import polars as pl

    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    name = path.name.lower()
    try:
        if name.endswith((".parquet", ".pq")):
            return pl.read_parquet(path)
        if name.endswith((".csv", ".csv.gz", ".csv.zst")):
            return pl.read_csv(path, infer_schema_length=10_000, null_values=["", "NA"])
    except (pl.exceptions.PolarsError, OSError) as error:
        # Polars quotes the line that it could not read; an error must not hold data.
        raise DataError(f"{path.name} cannot be read as its ending says ({type(error).__name__}).") from None
    raise InputError(f"A table must be a .parquet, .csv or .csv.gz file. Got {path.name!r}.")


def look_at_source(project: Project, spec: ModelSpec, spans: Sequence[str]) -> LookResult:
    """Return the first look at what a model's source and label deliver for these spans, before anything is withheld.

    Rows without an outcome count in everything but what concerns the label.
    """
    calendar = Calendar.of(spec.source)
    examples = [read_examples(project, spec, span) for span in spans]
    outcomes = [read_outcomes_of(project, spec, SpanWindow.of(calendar, span)) for span in spans]
    before = (project.model_path(spec.name) / SPEC).read_text(encoding="utf-8")
    key = StepKey(
        step="look",
        version=1,
        spec=spec,
        sections=("source", "joins", "label", "features"),
        span=spans[-1],
        inputs={
            "examples": [(span, delivery.digest) for span, delivery in zip(spans, examples, strict=True)],
            "ground_truth": [(span, delivery.digest) for span, delivery in zip(spans, outcomes, strict=True)],
        },
    )
    return run_once(
        project, key, LookResult, lambda folder: _look(spec, spans, _labelled(spec, examples, outcomes), before, folder)
    )


def _labelled(spec: ModelSpec, examples: Sequence[Delivery], outcomes: Sequence[Delivery]) -> pl.DataFrame:
    import polars as pl

    entity, label = spec.source.entity, spec.label.column
    frame = pl.concat([delivery.frame for delivery in examples], how="diagonal_relaxed")
    truth = pl.concat([delivery.frame.select(entity, label) for delivery in outcomes])
    frame = frame.drop(label, strict=False)
    return frame.join(truth.unique(entity, keep="any"), on=entity, how="left")


def _look(spec: ModelSpec, spans: Sequence[str], frame: pl.DataFrame, before: str, folder: StepFolder) -> LookResult:
    import polars as pl

    label = spec.label
    # Of several classes the most frequent one is told from all others.
    counts = frame[label.column].drop_nulls().cast(pl.String).value_counts(name="n").sort("n", label.column)
    value = counts[label.column][-1] if label.kind == "multiclass" and counts.height else None
    look = look_at(frame, label=label.column, label_value=value, time=spec.source.time, entity=spec.source.entity)
    suggestions = suggest(look)
    diff = diff_of(before, apply_suggestions(before, _new(spec, suggestions)), SPEC)
    title = f"{spec.name}: first look at {spans[0]} to {spans[-1]}"
    page = render_look(look, suggestions, {SPEC: diff}, title=title)
    return LookResult(
        model=spec.name,
        span=spans[-1],
        verdict="pass",
        words=f"{look.n} examples, {len(look.columns)} columns, {len(suggestions)} suggestion(s)",
        uri=folder.uri,
        spans=tuple(spans),
        suggestions=tuple(f"{one.column}: {one.act}, {one.reason}" for one in suggestions),
        diff=diff,
        report_uri=folder.write("report.html", page),
    )


def _new(spec: ModelSpec, suggestions: Sequence[Suggestion]) -> list[Suggestion]:
    """Return the suggestions that the spec does not follow already."""
    return [one for one in suggestions if one.column not in spec.features.leaks]
