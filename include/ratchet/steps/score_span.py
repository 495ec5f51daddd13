"""Score a span with the champion; every prediction names the version that made it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import MissingSpanError, ModelError, StoreError
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.package import load_package
from ratchet.packaging.telling import tell
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.records import SCHEMA_VERSION as RECORD_VERSION
from ratchet.spans.records import SPAN, prediction_columns
from ratchet.spans.writing import NO_VERSION, Draft, restore, write_drafts
from ratchet.steps.examples import read_all_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.features.unfamiliar import Unfamiliar
    from ratchet.ledger.versions import ModelVersion
    from ratchet.packaging.loaded import LoadedModel
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResult(StepResult):
    """Who scored how many examples; undecided while there is no champion.

    ``unfamiliar`` counts, by column, cells that the champion's training held nothing like: ``unseen`` categories,
    ``infinite`` numbers, ``new_nulls``. They were scored as missing.
    """

    version: str | None
    digest: str | None
    n_examples: int
    n_unseen_categories: int
    n_infinities: int
    n_new_nulls: int
    unfamiliar: Mapping[str, Mapping[str, int]]


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
    examples = _validated(ManifestStore(store, model, "examples"), model, span)
    known, counted = _known(project, model, examples), None
    if known is None:
        champion = Ledger(store, model).read_state().champion
        if champion is None:
            return _no_champion(project, spec, span, examples)
        counted = _score(project, spec, examples, champion, at)
        # Whoever wrote the manifest first, by whichever champion, has scored the span; its rows are put back.
        known = _known(project, model, examples)
        if known is not None and known.inputs["digest"] != champion.digest:
            counted = None
    if known is None:
        raise StoreError(f"{model}: another revision of {span} was scored meanwhile. Score it again.")
    return _result(project, spec, examples, known, counted)


def _known(project: Project, model: ModelId, examples: SpanManifest) -> SpanManifest | None:
    """Return the manifest of the predictions on these examples, whose rows are there; None when there are none."""
    known = ManifestStore(open_store(project.home), model, "predictions").newest(examples.span)
    if known is None or known.inputs["examples"] != examples.delivery:
        return None
    restore(project, model, "predictions", [known])
    return known


def _validated(manifests: ManifestStore, model: ModelId, span: str) -> SpanManifest:
    examples = manifests.newest(span)
    if examples is None or not manifests.is_validated(span):
        raise MissingSpanError(f"{model}: the examples of {span} are not there, or did not pass validation.")
    return examples


def _score(
    project: Project, spec: ModelSpec, examples: SpanManifest, champion: ModelVersion, at: datetime
) -> Unfamiliar:
    model, span, store = ModelId(spec.name), examples.span, open_store(project.home)
    before = ManifestStore(store, model, "predictions").newest(span)
    loaded = load_package(store, model, champion.digest, folder=spec.folder)
    inputs = {"examples": examples.delivery, "version": champion.version, "digest": champion.digest}
    rows = read_all_examples(project, spec, [span], manifests=[examples])
    frame = make_predictions(spec, loaded, champion, rows, at)
    manifest = SpanManifest(
        model=str(model),
        table="predictions",
        span=span,
        revision=before.revision + 1 if before else 1,
        delivery="sha256:" + hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest(),
        rows_in=frame.height,
        rows_kept=frame.height,
        rows_quarantined=0,
        quarantine_reasons={},
        columns_withheld=(),
        columns_unknown=(),
        table_version=NO_VERSION,
        inputs=inputs,
        reason=f"new revision {examples.revision} of the examples" if before else "first scored",
        author="score_span",
    )
    draft = Draft(manifest=manifest, kept=frame)
    write_drafts(project, model, "predictions", [draft], commit={"version": champion.version}, point="score_span")
    return loaded.count_unfamiliar(rows)


def make_predictions(
    spec: ModelSpec, loaded: LoadedModel, champion: ModelVersion, examples: pl.DataFrame, at: datetime
) -> pl.DataFrame:
    """Return one prediction an example, in the columns of ``records.prediction_columns``."""
    if loaded.card.form != AnswerForm.of(spec.label):
        raise ModelError(
            f"{spec.name}: version {champion.version} was trained on a {loaded.card.form.kind} label, and the spec now "
            f"says {spec.label.kind}, or other classes. Take label back, or give the new label a model folder of its "
            "own: what is kept of the old one cannot be compared with it."
        )
    entity, schema = pl.col(spec.source.entity), prediction_columns(spec.label.kind)
    told = tell(loaded.predict(examples), loaded.card)
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
        **{name: pl.lit(None) if column is None else pl.lit(pl.Series(column)) for name, column in told.items()},
        "inputs": pl.lit(None),
        "scored_at": pl.lit(at),
    }
    return examples.select(values[name].cast(of).alias(name) for name, of in schema.items())


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
        n_unseen_categories=0,
        n_infinities=0,
        n_new_nulls=0,
        unfamiliar={},
    )


def _result(
    project: Project, spec: ModelSpec, examples: SpanManifest, manifest: SpanManifest, counted: Unfamiliar | None
) -> ScoreResult:
    inputs = manifest.inputs
    key = StepKey(step="score_span", version=2, spec=spec, sections=("name",), span=manifest.span, inputs=inputs)

    def compute(folder: StepFolder) -> ScoreResult:
        seen = counted or _count(project, spec, examples, digest=inputs["digest"])
        return _describe(spec, manifest, seen, uri=folder.uri)

    return run_once(project, key, ScoreResult, compute)


def _count(project: Project, spec: ModelSpec, examples: SpanManifest, *, digest: str) -> Unfamiliar:
    """Count again what a run that was killed, or another one, has scored: from what is kept, so it is the same."""
    loaded = load_package(open_store(project.home), ModelId(spec.name), digest, folder=spec.folder)
    return loaded.count_unfamiliar(read_all_examples(project, spec, [examples.span], manifests=[examples]))


def _describe(spec: ModelSpec, manifest: SpanManifest, seen: Unfamiliar, *, uri: str) -> ScoreResult:
    inputs = manifest.inputs
    strange = f"; unfamiliar: {seen.words()}" if seen.words() else ""
    return ScoreResult(
        model=spec.name,
        span=manifest.span,
        verdict="pass",
        words=f"{manifest.rows_kept} examples scored by version {inputs['version']}{strange}",
        uri=uri,
        version=inputs["version"],
        digest=inputs["digest"],
        n_examples=manifest.rows_kept,
        n_unseen_categories=sum(seen.unseen.values()),
        n_infinities=sum(seen.infinite.values()),
        n_new_nulls=sum(seen.new_nulls.values()),
        unfamiliar=seen.by_column(),
    )
