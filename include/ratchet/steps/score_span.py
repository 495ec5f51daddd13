"""Score a span with the champion; every prediction names the version that made it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import MissingSpanError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.package import load_package
from ratchet.spans.manifests import ManifestStore, SpanManifest, row_mark
from ratchet.spans.records import DELIVERY, PREDICTION, SPAN
from ratchet.spans.records import SCHEMA_VERSION as RECORD_VERSION
from ratchet.steps.examples import read_all_examples
from ratchet.steps.results import StepKey, StepResult, run_once
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.ledger.versions import ModelVersion
    from ratchet.packaging.loaded import LoadedModel
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResult(StepResult):
    """Who scored how many examples; undecided while there is no champion."""

    version: str | None
    digest: str | None
    n_examples: int


def score_span(project: Project, spec: ModelSpec, span: str, *, at: datetime) -> ScoreResult:
    """Score the validated examples of a span once.

    The predictions of a span are evidence of what was predicted then: a rerun, under whichever champion,
    finds them and changes nothing. Only a new revision of the examples is scored anew.

    Parameters
    ----------
    at : datetime
        When, in UTC; written beside the predictions.

    Raises
    ------
    MissingSpanError
        If the span has not been taken in, or its newest revision did not pass validation.
    """
    model, store = ModelId(spec.name), open_store(project.home)
    manifests = ManifestStore(store, model, "predictions")
    examples = _validated(ManifestStore(store, model, "examples"), model, span)
    known = manifests.newest(span)
    if known is None or known.inputs["examples"] != examples.delivery:
        champion = Ledger(store, model).read_state().champion
        if champion is None:
            return _no_champion(project, spec, span, examples)
        known = _score(project, spec, examples, champion, at, revision=1 if known is None else known.revision + 1)
    return _result(project, spec, span, known)


def _validated(manifests: ManifestStore, model: ModelId, span: str) -> SpanManifest:
    examples = manifests.newest(span)
    if examples is None or span not in manifests.validated():
        raise MissingSpanError(f"{model}: the examples of {span} are not there, or did not pass validation.")
    return examples


def _score(
    project: Project, spec: ModelSpec, examples: SpanManifest, champion: ModelVersion, at: datetime, *, revision: int
) -> SpanManifest:
    model, span, store = ModelId(spec.name), examples.span, open_store(project.home)
    loaded = load_package(store, model, champion.digest)
    inputs = {"examples": examples.delivery, "version": champion.version, "digest": champion.digest}
    frame = make_predictions(spec, loaded, champion, read_all_examples(project, spec, [span]), at)
    delivery = "sha256:" + hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()
    table = SpanTable(project.uri("tables", str(model), "predictions"))
    version = table.replace_spans(
        frame.with_columns(pl.lit(row_mark(delivery)).alias(DELIVERY)), [span], commit={"version": champion.version}
    )
    manifest = SpanManifest(
        model=str(model),
        table="predictions",
        span=span,
        revision=revision,
        delivery=delivery,
        rows_in=frame.height,
        rows_kept=frame.height,
        rows_quarantined=0,
        quarantine_reasons={},
        columns_withheld=(),
        columns_unknown=(),
        table_version=version,
        inputs=inputs,
    )
    manifests = ManifestStore(store, model, "predictions")
    return manifest if manifests.write(manifest) else manifests.newest(span) or manifest


def make_predictions(
    spec: ModelSpec, loaded: LoadedModel, champion: ModelVersion, examples: pl.DataFrame, at: datetime
) -> pl.DataFrame:
    """Return one prediction an example, in the columns of ``records.PREDICTION``."""
    threshold, entity = loaded.card.threshold, pl.col(spec.source.entity)
    values: dict[str, pl.Expr] = {
        "schema_version": pl.lit(RECORD_VERSION),
        "prediction_id": pl.format("{}/{}", SPAN, entity),
        "model": pl.lit(spec.name),
        "model_version": pl.lit(champion.version),
        "model_digest": pl.lit(champion.digest),
        "span": pl.col(SPAN),
        "entity": entity,
        "origin": pl.lit("batch"),
        "arm": pl.lit("champion"),
        "propensity": pl.lit(1.0),
        "score": pl.lit(pl.Series(loaded.predict(examples))),
        "threshold": pl.lit(threshold),
        "is_expected": pl.lit(None),
        "inputs": pl.lit(None),
        "scored_at": pl.lit(at),
    }
    frame = examples.select(value.cast(PREDICTION[name]).alias(name) for name, value in values.items())
    return frame.with_columns(is_expected=pl.col("score") >= pl.col("threshold"))


def _no_champion(project: Project, spec: ModelSpec, span: str, examples: SpanManifest) -> ScoreResult:
    # Never written: the next run of this span may find a champion.
    return ScoreResult(
        model=spec.name,
        span=span,
        verdict="undecided",
        words="not scored: there is no champion yet",
        uri="",
        version=None,
        digest=None,
        n_examples=examples.rows_kept,
    )


def _result(project: Project, spec: ModelSpec, span: str, manifest: SpanManifest) -> ScoreResult:
    inputs = manifest.inputs
    key = StepKey(step="score_span", version=1, spec=spec, sections=("name",), span=span, inputs=inputs)
    return run_once(
        project,
        key,
        ScoreResult,
        lambda folder: ScoreResult(
            model=spec.name,
            span=span,
            verdict="pass",
            words=f"{manifest.rows_kept} examples scored by version {inputs['version']}",
            uri=folder.uri,
            version=inputs["version"],
            digest=inputs["digest"],
            n_examples=manifest.rows_kept,
        ),
    )
