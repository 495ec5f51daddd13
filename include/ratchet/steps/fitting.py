"""The fit of a training: whole, in rounds, span by span, or shared by workers; then without what brings nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ratchet.features.unfamiliar import complete_columns
from ratchet.spec.estimators import estimator_kind
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.feature_selection import Selected, select_features
from ratchet.steps.long_fits import fit_long, rounds_of
from ratchet.steps.shared_fits import SpanReader, fit_by_members, fit_shared
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
    from ratchet.training.parallel.data_parallel import SharedFit
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
    shared : SharedFit or None
        How the rows were shared by workers.
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
    shared: SharedFit | None
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
    read = SpanReader(project=project, spec=spec, versions=window.data_version)
    chosen, parameters = settle(spec, tuned.family, tuned.features), tuned.parameters
    validate = read_labelled_examples(project, spec, window.validate_spans, versions=window.data_version)
    held_out, long, selected, shared = labelled_matrix(validate, spec), None, None, None
    inputs = {"data": window.fitted_version, "lock": lock}
    with measured() as usage:
        if chosen.train.feed == "spans" and chosen.train.engine == "dask":
            told: dict[str, Any] = {"folder": folder, "run": run, "inputs": inputs, "usage": usage}
            shared = fit_shared(read, window.train_spans, held_out, chosen, parameters, **told)
            long, pipeline, examples = shared.long, shared.long.pipeline, shared.seen.sample
            n_examples, complete = shared.seen.n_examples, shared.seen.complete
            parameters = {**parameters, **rounds_of(chosen, long)}
        elif chosen.train.feed == "spans":
            by_spans = fit_by_spans(window.train_spans, read, chosen, parameters)
            pipeline, examples = by_spans.pipeline, by_spans.seen.sample
            n_examples, complete = by_spans.seen.n_examples, by_spans.seen.complete
        else:
            examples = read(*window.train_spans)
            n_examples, complete = len(examples.labels), complete_columns(examples.features)
            if chosen.train.engine == "dask":
                pipeline = fit_by_members(examples, chosen, parameters, usage=usage)
            elif chosen.train.checkpoint_rounds is None or estimator_kind(chosen.train.estimator).rounds is None:
                pipeline = fit_matrix(examples, chosen, parameters)
            else:
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
        shared=shared,
        words=_words(selected, long, shared),
    )


def _words(selected: Selected | None, long: LongFit | None, shared: SharedFit | None) -> str:
    rows = f"; rows of the workers: {', '.join(str(of.n_rows) for of in shared.shares)}" if shared else ""
    again = f"; begun again {shared.restarts} time(s), as a worker died" if shared and shared.restarts else ""
    return (selected.words if selected else "") + rows + again + (f"; {long.ended}" if long and long.ended else "")
