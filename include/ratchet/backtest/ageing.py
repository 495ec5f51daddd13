"""Models of the past, each trained as on its night, scored on every span that came after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import InputError, TrainingError
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.identity import ModelId
from ratchet.monitoring.ageing import Ageing, span_quality, staleness_curve
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.loaded import score
from ratchet.packaging.package import read_manifest
from ratchet.spans.calendar import Calendar
from ratchet.spans.reading import labelled_spans, read_manifests
from ratchet.spans.records import SPAN
from ratchet.steps.champion import read_state
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.results import StepFolder, StepKey, run_once
from ratchet.steps.staleness_result import StalenessCurveResult, staleness_result
from ratchet.storage.objects import open_store
from ratchet.training.fit import fit_matrix, labelled_matrix
from ratchet.training.window import Window, select_window

if TYPE_CHECKING:
    from ratchet.features.transform import Parameters
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec

# Each night is a fit.
MAX_NIGHTS = 40
_PLACE = "place"


_MADE_HOW = (
    "Models were trained as on {nights}: on the windows that would have been selected then, with the labels known "
    "then, and with the parameters of today."
)


def backtest_staleness(
    project: Project, spec: ModelSpec, first: str, last: str, *, every: int, tolerance: float | None = None
) -> StalenessCurveResult:
    """Train as on each ``every``-th night from ``first``, and score all spans up to ``last`` with every model.

    Windows are those that production would have selected on that night, labels known then; parameters are the
    champion's of today, or the spec's while there is none. So the curve tells what age costs these parameters: a search
    on each night might have found others.

    Parameters
    ----------
    tolerance : float or None
        Quality that a longer period may lose; ``evaluate.non_inferiority_margin`` without it.

    Raises
    ------
    InputError
        If there are too many nights, or no span after the first.
    TrainingError
        If a night has no window, or too little is left to compare.
    """
    calendar, model = Calendar.of(spec.source), ModelId(spec.name)
    spans = calendar.range(calendar.shift(calendar.parse(first), 1), calendar.parse(last))
    nights = [calendar.shift(spans[i], -1) for i in range(0, len(spans), every)] if spans else []
    if not nights or len(nights) > MAX_NIGHTS:
        raise InputError(
            f"Each night is a fit, and 1 to {MAX_NIGHTS} nights can be asked for. Got {len(nights)}: "
            "change --from, --to or --every."
        )
    there = labelled_spans(project, model)
    windows = {
        night: select_window(night, calendar, there, spec.train, spec.evaluate, spec.label.known_after_spans)
        for night in nights
    }
    used = sorted({*(one for of in windows.values() for one in of.train_spans), *(set(spans) & there)})
    examples, truth = (read_manifests(project, model, table, used) for table in ("examples", "ground_truth"))
    versions = tuple((e.span, e.delivery, t.delivery) for e, t in zip(examples, truth, strict=True))
    allowed = spec.evaluate.non_inferiority_margin if tolerance is None else tolerance
    spec, parameters = _as_champion(project, spec)
    key = StepKey(
        step="staleness_curve",
        version=1,
        spec=spec,
        sections=("features", "joins", "label", "train", "evaluate"),
        span=spans[-1],
        inputs={"nights": nights, "tolerance": allowed, "data": versions, "parameters": dict(parameters)},
    )

    def compute(folder: StepFolder) -> StalenessCurveResult:
        frame = read_labelled_examples(project, spec, used, versions=versions)
        found = Ageing(
            nights=tuple(nights),
            step_spans=every,
            spans=tuple(spans),
            aucs=score_ages(frame, spec, windows, spans, parameters),
        )
        curve = staleness_curve(
            found,
            tolerance=allowed,
            resamples=spec.evaluate.resamples,
            confidence=spec.evaluate.confidence,
            seed=spec.train.seed,
        )
        return staleness_result(spec, curve, folder, made_how=_MADE_HOW.format(nights=", ".join(nights)))

    return run_once(project, key, StalenessCurveResult, compute)


def score_ages(
    frame: pl.DataFrame,
    spec: ModelSpec,
    windows: Mapping[str, Window],
    spans: Sequence[str],
    parameters: Parameters,
) -> dict[str, dict[str, float]]:
    """Return the quality on each span of the model of each earlier night; a span too small to be judged has none.

    Parameters
    ----------
    frame : polars.DataFrame
        Labelled examples of all train spans and of those to score, with derived columns.
    windows : mapping of str to Window
        By night, oldest first.
    """
    roles, label, form = feature_roles(spec.features), spec.label.column, AnswerForm.of(spec.label)
    found: dict[str, dict[str, float]] = {}
    for night, window in windows.items():
        train = frame.filter(pl.col(SPAN).is_in(window.train_spans))
        try:
            pipeline = fit_matrix(labelled_matrix(train, spec), spec, parameters)
        except TrainingError as error:
            raise TrainingError(f"As on {night}: {error.args[0]}") from error
        # Keys of one cadence sort as their spans do.
        after = frame.filter(pl.col(SPAN).is_in([span for span in spans if span > night]))
        after = after.filter(pl.col(label).is_not_null())
        answers = score(pipeline, to_matrix(after, roles), form)
        places = after.select(SPAN, pl.int_range(pl.len()).alias(_PLACE))
        for (span,), rows in places.group_by(SPAN):
            there = rows[_PLACE].to_numpy()
            quality = span_quality(spec, after[label][there], answers[there])
            if quality is not None:
                found.setdefault(str(span), {})[night] = quality
    return found


def _as_champion(project: Project, spec: ModelSpec) -> tuple[ModelSpec, Parameters]:
    """Return the spec with the champion's features, and its parameters; the spec's own where they do not fit it."""
    champion = read_state(project, spec).champion
    if champion is None:
        return spec, {}
    card = read_manifest(open_store(project.home), ModelId(spec.name), champion.digest).card
    if card.estimator != spec.train.estimator or not set(card.features) <= set(spec.features.columns):
        return spec, {}
    generated = spec.features.generated.roles() if spec.features.generated else ()
    return spec.model_copy(update={"features": spec.features.only((*card.features, *generated))}), card.parameters
