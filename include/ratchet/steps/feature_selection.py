"""Leave out the features that bring nothing, if the model is as good without them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ratchet.evaluation.yardstick import Yardstick
from ratchet.explanation.features import feature_importance
from ratchet.explanation.permutation import Resampling
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.loaded import score
from ratchet.steps.explain_candidate import draw
from ratchet.steps.resampled_by import units_of
from ratchet.training.fit import LabelledMatrix, code_labels, fit_matrix

if TYPE_CHECKING:
    import polars as pl
    from sklearn.pipeline import Pipeline

    from ratchet.evaluation.metrics import Floats
    from ratchet.explanation.permutation import Importance
    from ratchet.features.transform import Parameters
    from ratchet.spec.model import ModelSpec

_REPEATS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The pipeline that is kept, and what it reads; ``words`` say what was left out, or why nothing was."""

    pipeline: Pipeline
    kept: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    words: str = ""


def select_features(
    spec: ModelSpec, pipeline: Pipeline, examples: LabelledMatrix, validate: pl.DataFrame, parameters: Parameters
) -> Selected:
    """Return the pipeline refitted without the features that are proven to bring less than the floor.

    Told on the validation spans alone: the test spans stay unseen. Of features that tell the same each may seem idle
    as long as the other is there; so the refit must reach the quality of the whole model, less the floor, or nothing is
    left out. Without ``features.selection`` the pipeline is returned as it is.

    Parameters
    ----------
    examples : LabelledMatrix
        What the pipeline was fitted on.
    validate : polars.DataFrame
        Labelled examples of the validation spans, with derived columns.
    """
    whole, policy = spec.features.names(), spec.features.selection
    if policy is None:
        return Selected(pipeline=pipeline, kept=whole)
    held_out = draw(validate.drop_nulls(spec.label.column), spec, policy.examples)
    labels, yardstick = code_labels(held_out[spec.label.column], spec.label), _yardstick(spec, examples)
    found = feature_importance(
        pipeline,
        feature_roles(spec.features),
        held_out,
        labels,
        Resampling(
            repeats=_REPEATS,
            resamples=spec.explain.resamples,
            confidence=spec.evaluate.confidence,
            seed=spec.train.seed,
            units=units_of(spec, held_out),
        ),
        form=AnswerForm.of(spec.label),
        yardstick=yardstick,
    )
    idle = _idle(found, policy.floor, _with_sources(spec, policy.keep))
    if not idle:
        return Selected(pipeline=pipeline, kept=whole, words="; no feature was left out")
    narrowed = spec.model_copy(update={"features": spec.features.only([name for name in whole if name not in idle])})
    # What is generated of a feature that is left out goes with it.
    kept = narrowed.features.names()
    idle = tuple(name for name in whole if name not in kept)
    read = examples.features[list(narrowed.features.columns)]
    without = fit_matrix(LabelledMatrix(features=read, labels=examples.labels), narrowed, parameters)
    truth = yardstick.check_labels(labels)
    before, after = (
        yardstick.quality(truth, answers)
        for answers in (_score(pipeline, held_out, spec), _score(without, held_out, narrowed))
    )
    if before is None or after is None or after < before - policy.floor:
        fall = f"{yardstick.name} falls from {_told(before)} to {_told(after)}"
        words = f"; {', '.join(idle)} seem idle, and {fall} without them: kept"
        return Selected(pipeline=pipeline, kept=whole, words=words)
    return Selected(pipeline=without, kept=kept, left_out=idle, words=f"; left out: {', '.join(idle)}")


def _idle(found: tuple[Importance, ...], floor: float, keep: tuple[str, ...]) -> tuple[str, ...]:
    """Return the features under the floor, but never the one that brings most."""
    return tuple(of.feature for of in found[1:] if of.is_under(floor) and of.feature not in keep)


def _with_sources(spec: ModelSpec, keep: tuple[str, ...]) -> tuple[str, ...]:
    """Return the features that are kept, and what the generated ones among them are made of."""
    generated = spec.features.generated
    made = generated.made() if generated else ()
    return (*keep, *(source for name, _, pair in made if name in keep for source in pair))


def _yardstick(spec: ModelSpec, examples: LabelledMatrix) -> Yardstick:
    """Return what the label is judged by; of numbers beside the best constant of those that were fitted on."""
    yardstick = Yardstick.of(spec)
    if yardstick.kind != "regression":
        return yardstick
    return replace(yardstick, reference=yardstick.loss.constant(examples.labels))


def _score(pipeline: Pipeline, frame: pl.DataFrame, spec: ModelSpec) -> Floats:
    return score(pipeline, to_matrix(frame, feature_roles(spec.features)), AnswerForm.of(spec.label))


def _told(quality: float | None) -> str:
    return "unknown" if quality is None else f"{quality:.4f}"
