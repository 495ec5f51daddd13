"""What a candidate relies on: which features bring what, how its score depends on them, and what they cost."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.errors import PredictionsError
from ratchet.evaluation.yardstick import BINARY
from ratchet.explanation.cost import feature_costs
from ratchet.explanation.dependence import partial_dependence
from ratchet.explanation.features import feature_importance
from ratchet.explanation.permutation import Resampling
from ratchet.explanation.results import Explanation
from ratchet.identity import ModelId
from ratchet.packaging.package import load_package
from ratchet.spans.records import SPAN
from ratchet.spec.functions import load_functions
from ratchet.steps.refits import Refits, refit
from ratchet.steps.resampled_by import units_of
from ratchet.steps.results import StepFolder, StepKey, StepResult, read_object, run_once
from ratchet.steps.train_examples import sampling_input
from ratchet.storage.objects import open_store
from ratchet.training.fit import code_labels
from ratchet.training.search.families import settle

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.evaluation.yardstick import Yardstick
    from ratchet.packaging.loaded import LoadedModel
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.select_window import WindowResult
    from ratchet.steps.train import TrainResult

_log = logging.getLogger(__name__)
# Of several classes, how many have curves of their own.
MAX_CLASSES_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainResult(StepResult):
    """The features that are proven to bring less than the floor; all figures are in ``explanation_uri``."""

    digest: str
    under_floor: tuple[str, ...]
    seconds: float
    explanation_uri: str


def explain_candidate(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    trained: TrainResult,
    train: pl.DataFrame,
    test: pl.DataFrame,
    yardstick: Yardstick = BINARY,
) -> ExplainResult | None:
    """Explain the candidate on a seeded draw of the test examples.

    None where the spec asks for nothing of it, and where the candidate answers no probabilities: that is for the gate
    to name, which an explanation must not stop.

    Parameters
    ----------
    train, test : polars.DataFrame
        The labelled train examples of the window, as `read_train_examples` reads them, and the test examples.
    yardstick : Yardstick
        What the label is; what features bring is told in its quality.
    """
    if not spec.explain.examples:
        return None
    key = StepKey(
        step="explain_candidate",
        version=2,
        spec=spec,
        sections=("features", "joins", "label", "train", "evaluate", "explain"),
        span=window.span,
        inputs={"candidate": trained.digest, "data": window.data_version, **sampling_input(spec)},
    )
    try:
        return run_once(
            project,
            key,
            ExplainResult,
            lambda folder: _explain(project, spec, window, trained, train, test, yardstick, folder),
        )
    except PredictionsError as error:
        _log.warning("%s: version %s is not explained: %s", spec.name, trained.version, error)
        return None


def read_explanation(project: Project, uri: str | None) -> Explanation | None:
    """Return the explanation that stands at a URI; None where there is none."""
    return None if uri is None else Explanation.from_json(json.loads(read_object(project, uri)))


def _explain(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    trained: TrainResult,
    train: pl.DataFrame,
    test: pl.DataFrame,
    yardstick: Yardstick,
    folder: StepFolder,
) -> ExplainResult:
    policy, started = spec.explain, time.monotonic()
    seconds: dict[str, float] = {}
    loaded = load_package(open_store(project.home), ModelId(spec.name), trained.digest, folder=spec.folder)
    examples = draw(test, spec, policy.examples)
    labels = code_labels(examples[spec.label.column], spec.label)
    with _timed(seconds, "importance"):
        how = Resampling(
            repeats=policy.repeats,
            resamples=policy.resamples,
            confidence=spec.evaluate.confidence,
            seed=spec.train.seed,
            units=units_of(spec, examples),
        )
        importance = feature_importance(
            loaded.pipeline, loaded.card.features, examples, labels, how, form=loaded.card.form, yardstick=yardstick
        )
        made = loaded.with_generated(examples)
    with _timed(seconds, "dependence"):
        shown = _shown_classes(labels, spec)
        dependence = tuple(
            curve
            for of in importance[: policy.dependence]
            for curve in (
                partial_dependence(loaded.predict_given, made, of.feature, classes=shown)
                if of.feature in loaded.generated
                else partial_dependence(loaded.predict, examples, of.feature, classes=shown)
            )
        )
    with _timed(seconds, "refits"):
        refits = _refit(spec, trained, train, examples, loaded, yardstick)
    with _timed(seconds, "cost"):
        costs = feature_costs(
            examples,
            loaded.card.features,
            [name for name, column in spec.features.columns.items() if column.derived],
            load_functions(project.model_path(spec.name), spec.features.functions),
            entity=spec.source.entity,
            hidden=spec.hidden_columns(),
        )
        costs += feature_costs(made, loaded.generated, (), (), entity=spec.source.entity, hidden=spec.hidden_columns())
    found = Explanation(
        n_examples=examples.height,
        n_refit_examples=refits.n_examples,
        confidence=spec.evaluate.confidence,
        floor=policy.floor,
        importance=importance,
        dependence=dependence,
        learning=refits.learning,
        groups=refits.groups,
        costs=costs,
        not_refitted=refits.missing,
        seconds=seconds,
    )
    return ExplainResult(
        model=spec.name,
        span=window.span,
        verdict="pass" if importance else "undecided",
        words=_words(found, yardstick),
        uri=folder.uri,
        digest=trained.digest,
        under_floor=found.under_floor,
        seconds=round(time.monotonic() - started, 3),
        explanation_uri=folder.write("explanation.json", json.dumps(found.to_json(), indent=1, allow_nan=False)),
    )


def _shown_classes(labels: NDArray[Any], spec: ModelSpec) -> dict[str, int] | None:
    """Return the most frequent classes, each with its place; None of a label that has none."""
    if spec.label.classes is None:
        return None
    counts = np.bincount(labels, minlength=len(spec.label.classes))
    frequent = np.argsort(-counts, kind="stable")[:MAX_CLASSES_SHOWN].tolist()
    return {spec.label.classes[place]: place for place in sorted(frequent)}


def draw(examples: pl.DataFrame, spec: ModelSpec, n: int) -> pl.DataFrame:
    """Return at most so many examples, drawn by the spec's seed, in the order of span and entity."""
    ordered = examples.sort(SPAN, spec.source.entity)
    chosen = np.random.default_rng(spec.train.seed).permutation(ordered.height)[:n]
    return ordered[np.sort(chosen)]


def _refit(
    spec: ModelSpec,
    trained: TrainResult,
    train: pl.DataFrame,
    examples: pl.DataFrame,
    loaded: LoadedModel,
    yardstick: Yardstick,
) -> Refits:
    if not spec.explain.refit_examples or not (spec.explain.learning_points or spec.feature_groups()):
        return Refits(n_examples=0)
    if trained.trained_until is not None:
        return Refits(n_examples=0, missing=("learning curve and groups: an imported model cannot be fitted again",))
    # As the search has settled it, and without what was left out.
    chosen = settle(spec, trained.family, trained.features)
    read = [name for name in (*loaded.card.features, *loaded.generated) if name in chosen.features.names()]
    chosen = chosen.model_copy(update={"features": chosen.features.only(read)})
    return refit(chosen, train, examples, loaded.predict, trained.parameters, yardstick, n_train=trained.n_examples)


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[part] = round(time.monotonic() - started, 3)


def _words(found: Explanation, yardstick: Yardstick) -> str:
    if not found.importance:
        alike = "have the same number" if yardstick.kind == "regression" else "are of one class"
        return f"nothing could be told from {found.n_examples} examples: they {alike}"
    first = found.importance[0]
    under = found.under_floor
    few = f"; under the floor of {found.floor:g}: {', '.join(under)}" if under else ""
    return f"{first.feature} brings most, {yardstick.name} {first.drop}{few}"
