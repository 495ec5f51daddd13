"""How a model's quality falls as it ages, and how often it should be trained again. Arithmetic; trains nothing.

Quality is what `ratchet.evaluation.yardstick` says of the kind of label; fields that are called ``auc`` hold it. Of
numbers it is the skill against the best constant of the span's own labels: the same for all models on a span, whatever
they were trained on, so that ages are comparable, and a figure that is kept stays true as nights come and go.

Models were trained on nights that lie one step of spans apart; each span after the first night was scored by every
model of an earlier night. On each span the newest of them stands for retraining every step, and one that is ``a`` steps
older for what would have served had nobody trained since: their difference on the same span is what that age costs. A
period of ``p`` steps serves models of ages 0 to p-1 in turn, so it costs the mean of these.

Intervals are a bootstrap by span: a good day and a bad one are as many observations, whatever they held.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.errors import TrainingError
from ratchet.evaluation.bootstrap import Interval, percentile_interval
from ratchet.evaluation.yardstick import MIN_EXAMPLES_OF_A_CLASS, Yardstick
from ratchet.training.fit import code_labels

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.spec.model import ModelSpec

SCHEMA_VERSION = 1
MIN_SPANS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """Quality that models so many steps old lose against the newest on the same spans.

    ``age_spans`` is the mean number of spans since the night on which they were trained.
    """

    steps: int
    age_spans: float
    n_spans: int
    loss: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Quality of retraining every so many spans, and what it loses against the shortest period on the same spans."""

    every_spans: int
    auc: Interval
    loss: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSpan:
    """One span: quality of the newest model, and of the first one, which was never trained again."""

    span: str
    newest: float
    first: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StalenessCurve:
    """What ages cost, what periods cost, and the period that is recommended.

    ``recommended`` is the longest period that is proven, as all shorter ones are, to lose at most ``tolerance``.
    ``gain`` is its quality minus that of never training again, on the same spans.
    """

    step_spans: int
    tolerance: float
    confidence: float
    nights: tuple[str, ...]
    ages: tuple[Age, ...]
    periods: tuple[Period, ...]
    spans: tuple[ScoredSpan, ...]
    recommended: int
    gain: Interval

    @property
    def is_longest(self) -> bool:
        """Whether the longest period that was tried is the one recommended: a longer one may do as well."""
        return self.recommended == self.periods[-1].every_spans

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self), "is_longest": self.is_longest}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """What the curve is told from: nights one step apart, and qualities by span and night.

    A span that a model of an earlier night has no quality on is left out.
    """

    nights: tuple[str, ...]
    step_spans: int
    spans: tuple[str, ...]
    aucs: Mapping[str, Mapping[str, float]]


def span_quality(spec: ModelSpec, outcomes: pl.Series, answers: NDArray[np.float64]) -> float | None:
    """Return a model's quality on one span; None where it holds too few examples to be judged.

    These are 10 of two classes each, and of numbers as many as these together. A rarer class counts as any other:
    chance in it is chance among spans, which the intervals hold.

    Parameters
    ----------
    outcomes : polars.Series of n_examples
        The labels as they are stored, none of them null.
    answers : ndarray of shape (n_examples,) or (n_examples, n_classes)
        See `ratchet.packaging.answers`.
    """
    yardstick = Yardstick.of(spec)
    labels = yardstick.check_labels(code_labels(outcomes, spec.label))
    if yardstick.kind == "regression":
        if len(labels) < 2 * MIN_EXAMPLES_OF_A_CLASS:
            return None
        yardstick = replace(yardstick, reference=yardstick.loss.constant(labels))
    elif int((yardstick.class_counts(labels) >= MIN_EXAMPLES_OF_A_CLASS).sum()) < 2:
        return None
    return yardstick.quality(labels, answers)


def staleness_curve(found: Ageing, *, tolerance: float, resamples: int, confidence: float, seed: int) -> StalenessCurve:
    """Return what ages and periods cost, and the period to retrain at.

    Parameters
    ----------
    found : Ageing
        ``spans`` are all spans after the first night, in order, whether they could be scored or not.
    tolerance : float
        Quality that a longer period may lose.

    Raises
    ------
    TrainingError
        If fewer than two nights, or fewer than five scored spans, are left to compare periods on.
    """
    matrix, blocks, names = _matrix(found)
    n_periods = max(2, (len(found.nights) + 1) // 2)
    common = blocks >= n_periods - 1
    if len(found.nights) < 2 or int(common.sum()) < MIN_SPANS:
        raise TrainingError(
            f"{len(found.nights)} nights and {int(common.sum())} scored spans are too few to tell periods apart; "
            f"2 and {MIN_SPANS} are needed. Begin earlier, or take nights closer together."
        )
    resample = _Resample(resamples=resamples, confidence=confidence, seed=seed)
    rows = np.arange(len(blocks))
    newest = matrix[rows, blocks]
    served = np.stack([matrix[rows, np.maximum(blocks - a, 0)] for a in range(n_periods)], axis=1)[common]
    costs = [served[:, :p].mean(axis=1) for p in range(1, n_periods + 1)]
    periods = tuple(
        Period(
            every_spans=p * found.step_spans,
            auc=resample.mean(cost),
            loss=resample.mean(costs[0] - cost),
        )
        for p, cost in enumerate(costs, start=1)
    )
    # All shorter ones must do as well: a longer period is not better by skipping over one that fails.
    chosen = next((i for i, period in enumerate(periods) if i and period.loss.high > tolerance), len(periods)) - 1
    return StalenessCurve(
        step_spans=found.step_spans,
        tolerance=tolerance,
        confidence=confidence,
        nights=found.nights,
        ages=_ages(found, matrix, blocks, names, resample),
        periods=periods,
        spans=tuple(
            ScoredSpan(span=name, newest=float(new), first=float(old))
            for name, new, old in zip(names, newest, matrix[:, 0], strict=True)
        ),
        recommended=periods[chosen].every_spans,
        gain=resample.mean(costs[chosen] - matrix[common, 0]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resample:
    resamples: int
    confidence: float
    seed: int

    def mean(self, values: NDArray[np.float64]) -> Interval:
        """Return the mean over spans; the same spans are drawn for every figure of as many spans."""
        rng = np.random.default_rng((self.seed, len(values)))
        drawn = rng.integers(0, len(values), size=(self.resamples, len(values)))
        return percentile_interval(float(values.mean()), values[drawn].mean(axis=1), self.confidence)


def _matrix(found: Ageing) -> tuple[NDArray[np.float64], NDArray[np.intp], list[str]]:
    """Return qualities by span and night (NaN before a night), the newest night before each span, and the spans."""
    rows, blocks, names = [], [], []
    for i, span in enumerate(found.spans):
        block = min(i // found.step_spans, len(found.nights) - 1)
        scored = [found.aucs.get(span, {}).get(night, np.nan) for night in found.nights[: block + 1]]
        if np.isnan(scored).any():
            continue
        rows.append(scored + [np.nan] * (len(found.nights) - block - 1))
        blocks.append(block)
        names.append(span)
    return np.array(rows, dtype=np.float64).reshape(-1, len(found.nights)), np.array(blocks, dtype=np.intp), names


def _ages(
    found: Ageing,
    matrix: NDArray[np.float64],
    blocks: NDArray[np.intp],
    names: Sequence[str],
    resample: _Resample,
) -> tuple[Age, ...]:
    places = {span: i for i, span in enumerate(found.spans)}
    since_first = np.array([places[name] + 1 for name in names])
    ages = []
    for steps in range(len(found.nights)):
        there = np.flatnonzero(blocks >= steps)
        if len(there) < MIN_SPANS:
            break
        of = blocks[there] - steps
        ages.append(
            Age(
                steps=steps,
                age_spans=float((since_first[there] - of * found.step_spans).mean()),
                n_spans=len(there),
                loss=resample.mean(matrix[there, blocks[there]] - matrix[there, of]),
            )
        )
    return tuple(ages)
