"""The fit of a training: whole, in rounds with checkpoints, or span by span; then without what brings nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ratchet.features.unfamiliar import complete_columns
from ratchet.spec.estimators import estimator_kind
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.feature_selection import Selected, select_features
from ratchet.steps.long_fits import fit_long, rounds_of
from ratchet.training.fit import fit_matrix, labelled_matrix
from ratchet.training.resources import measured
from ratchet.training.search.families import settle
from ratchet.training.span_fit import fit_by_spans

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.features.transform import Parameters
    from ratchet.project import Project
    from ratchet.spec.features import Features
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.results import StepFolder
    from ratchet.steps.select_window import WindowResult
    from ratchet.steps.tune import TuneResult
    from ratchet.training.fit import LabelledMatrix
    from ratchet.training.long_fit import LongFit
    from ratchet.training.resources import Usage
    from ratchet.training.tracking import TrackingRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A fitted candidate, and what it was fitted on.

    Parameters
    ----------
    chosen : ModelSpec
        The spec as the search has settled it.
    features : Features
        What the pipeline reads.
    examples : LabelledMatrix
        What it was fitted on; of a fit that was fed by spans a sample.
    complete : tuple of str
        Columns of which no value was missing.
    parameters : mapping
        Those of the estimator: the fixed ones, what the search found, and the rounds of a long fit.
    """

    pipeline: Pipeline
    chosen: ModelSpec
    features: Features
    examples: LabelledMatrix
    n_examples: int
    held_out: LabelledMatrix
    complete: tuple[str, ...]
    parameters: Parameters
    usage: Usage
    long: LongFit | None
    left_out: tuple[str, ...]
    words: str


def fit_candidate(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    tuned: TuneResult,
    *,
    folder: StepFolder,
    run: TrackingRun,
    lock: str | None,
) -> Fitted:
    """Return the tuned pipeline, fitted on the train spans."""

    def read(*spans: str) -> LabelledMatrix:
        return labelled_matrix(read_labelled_examples(project, spec, spans, versions=window.data_version), spec)

    chosen, parameters = settle(spec, tuned.family, tuned.features), tuned.parameters
    validate = read_labelled_examples(project, spec, window.validate_spans, versions=window.data_version)
    held_out, long, selected = labelled_matrix(validate, spec), None, None
    with measured() as usage:
        if chosen.train.feed == "spans":
            by_spans = fit_by_spans(window.train_spans, read, chosen, parameters)
            pipeline, examples = by_spans.pipeline, by_spans.seen.sample
            n_examples, complete = by_spans.seen.n_examples, by_spans.seen.complete
        else:
            examples = read(*window.train_spans)
            n_examples, complete = len(examples.labels), complete_columns(examples.features)
            if chosen.train.checkpoint_rounds is None or estimator_kind(chosen.train.estimator).rounds is None:
                pipeline = fit_matrix(examples, chosen, parameters)
            else:
                inputs = {"data": window.fitted_version, "lock": lock}
                long = fit_long(project, chosen, examples, held_out, parameters, folder=folder, run=run, inputs=inputs)
                # A fit that ended early is repeated with the rounds it has.
                pipeline, parameters = long.pipeline, {**parameters, **rounds_of(chosen, long)}
            selected = select_features(chosen, pipeline, examples, validate, parameters)
    features = spec.features
    if selected is not None and selected.left_out:
        features, pipeline = chosen.features.only(selected.kept), selected.pipeline
        examples = replace(examples, features=examples.features[list(features.columns)])
        held_out = labelled_matrix(validate, spec.model_copy(update={"features": features}))
    return Fitted(
        pipeline=pipeline,
        chosen=chosen,
        features=features,
        examples=examples,
        n_examples=n_examples,
        held_out=held_out,
        complete=tuple(name for name in complete if name in examples.features.columns),
        parameters={**chosen.train.parameters, **parameters},
        usage=usage,
        long=long,
        left_out=selected.left_out if selected else (),
        words=_words(selected, long),
    )


def _words(selected: Selected | None, long: LongFit | None) -> str:
    return (selected.words if selected else "") + (f"; {long.ended}" if long and long.ended else "")
