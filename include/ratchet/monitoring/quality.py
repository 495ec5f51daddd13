"""Realised quality of one cohort: the predictions of a span against the ground truth that is known by now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.bootstrap import Interval, bootstrap_quality
from ratchet.evaluation.metrics import DIGITS
from ratchet.evaluation.results import check_schema_version
from ratchet.evaluation.yardstick import BINARY
from ratchet.verdicts import Check, Verdict, worst

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.metrics import Floats
    from ratchet.evaluation.yardstick import Yardstick
    from ratchet.spec.watching import Quality

SCHEMA_VERSION = 1

# The interval is shown beside the figure and decides nothing: k nights out of n steady the decision instead.
CONFIDENCE = 0.95
RESAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityResult:
    """How the champion did on one cohort. ``coverage`` is the share of examples whose label is known.

    ``auc`` and ``gate_auc`` are qualities: of several classes the macro AUC, of numbers the skill.
    """

    verdict: Verdict
    n_examples: int
    n_labelled: int
    n_positive: int
    coverage: float | None
    auc: float | None
    interval: Interval | None
    gate_auc: float | None
    checks: tuple[Check, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> QualityResult:
        """Return the result that ``to_json`` wrote.

        Raises
        ------
        ValueError
            If it was written under another schema version.
        """
        check_schema_version(values, SCHEMA_VERSION, what="quality result")
        own = {name: value for name, value in values.items() if name != "schema_version"}
        interval = own["interval"]
        checks = tuple(Check.from_json(check) for check in own["checks"])
        return cls(**{**own, "interval": interval and Interval.from_json(interval), "checks": checks})


def judge_quality(
    labels: ArrayLike,
    scores: ArrayLike,
    *,
    n_examples: int,
    gate_auc: float | None,
    policy: Quality,
    min_coverage: float,
    seed: int = 0,
    yardstick: Yardstick = BINARY,
) -> QualityResult:
    """Return how well the champion's predictions of a span came true.

    Parameters
    ----------
    labels, scores : array of shape (n_labelled,)
        Only the predicted examples whose label is known, and what was answered: 0 or 1 and the score, a place of a
        class and all probabilities (n_labelled, n_classes), or numbers.
    n_examples : int
        All predicted examples of the span, labelled or not; 0 is undecided.
    gate_auc : float or None
        The champion's AUC at its gate; None leaves the drop undecided.
    min_coverage : float
        Share in [0, 1] of examples that must have a label; exactly as many are enough. So are ``min_examples``.

    Returns
    -------
    QualityResult
        Fail when the AUC is below ``min_auc``, or has fallen by more than ``max_drop``; exactly on a bound passes.
        Undecided while coverage, examples or one of the classes is missing: nothing fails then. Scores that are
        no probabilities fail as E-PREDICTIONS.

    Raises
    ------
    ValueError
        If a label is not 0 or 1, labels and scores differ in number, or there are more of them than examples.
    """
    truth, column = yardstick.check_labels(labels), np.asarray(scores, dtype=np.float64)
    if column.shape != yardstick.shape(len(truth)) or len(truth) > n_examples:
        raise ValueError(
            f"labels and scores must be as many, and at most one an example. "
            f"Got {len(truth)} labels and {column.size} scores of {n_examples} examples."
        )
    fault = yardstick.find_fault(column)
    interval = None if fault else _quality(yardstick, truth, column, seed)
    coverage = round(len(truth) / n_examples, DIGITS) if n_examples else None
    enough = tuple(_check_enough(truth, n_examples, coverage, policy, min_coverage, yardstick))
    auc = interval.value if interval else None
    judged = auc if worst(enough) == "pass" else None
    checks = (_check_predictions(fault, n_examples, yardstick), *enough)
    checks += tuple(_check_quality(judged, gate_auc, policy, yardstick.name))
    return QualityResult(
        verdict=worst(checks),
        n_examples=n_examples,
        n_labelled=len(truth),
        n_positive=yardstick.n_positive(truth),
        coverage=coverage,
        auc=auc,
        interval=interval,
        gate_auc=gate_auc,
        checks=checks,
    )


def _quality(yardstick: Yardstick, truth: NDArray[Any], scores: Floats, seed: int) -> Interval | None:
    resampled = bootstrap_quality(yardstick, truth, {"champion": scores}, resamples=RESAMPLES, seed=seed)
    return None if resampled is None else resampled.auc("champion", CONFIDENCE)


def _check_predictions(fault: str | None, n_examples: int, yardstick: Yardstick) -> Check:
    name, bound = "predictions", yardstick.bound
    if fault:
        return Check(name=name, verdict="fail", reason=f"E-PREDICTIONS: {fault}.", observed=fault, bound=bound)
    if n_examples == 0:
        return Check(name=name, verdict="undecided", reason="There is no prediction of this span.", bound=bound)
    reason = f"There are predictions of {n_examples} examples."
    return Check(name=name, verdict="pass", reason=reason, observed=float(n_examples), bound=bound)


def _check_enough(
    truth: NDArray[Any],
    n_examples: int,
    coverage: float | None,
    policy: Quality,
    min_coverage: float,
    yardstick: Yardstick,
) -> Iterator[Check]:
    n = len(truth)
    yield Check(
        name="coverage",
        verdict="pass" if coverage is not None and coverage >= round(min_coverage, DIGITS) else "undecided",
        reason=f"The label of {n} of {n_examples} examples is known; a share of {min_coverage:g} is needed.",
        observed=coverage,
        bound=min_coverage,
    )
    yield Check(
        name="examples",
        verdict="pass" if n >= policy.min_examples else "undecided",
        reason=f"{n} labelled examples; {policy.min_examples} are needed.",
        observed=float(n),
        bound=float(policy.min_examples),
    )
    yield _check_varied(truth, yardstick)


def _check_varied(truth: NDArray[Any], yardstick: Yardstick) -> Check:
    n, n_positive, n_distinct = len(truth), yardstick.n_positive(truth), len(np.unique(truth))
    name = "classes"
    verdict: Verdict = "pass" if n_distinct > 1 else "undecided"
    if yardstick.kind == "binary":
        reason = f"{n_positive} positive and {n - n_positive} negative examples; both are needed."
        least = float(min(n_positive, n - n_positive))
        return Check(name=name, verdict=verdict, reason=reason, observed=least, bound=1.0)
    reason = f"{n_distinct} of {len(yardstick.classes)} classes came; two are needed."
    if yardstick.kind == "regression":
        name, reason = "numbers", f"{n_distinct} different numbers came; two are needed."
    return Check(name=name, verdict=verdict, reason=reason, observed=float(n_distinct), bound=2.0)


def _check_quality(auc: float | None, gate_auc: float | None, policy: Quality, what: str) -> Iterator[Check]:
    yield _at_least("min_auc", auc, policy.min_auc, "the least that is accepted", what)
    if gate_auc is None:
        reason = f"The champion's {what} at its gate is not known, so a drop cannot be judged."
        yield Check(name="drop", verdict="undecided", reason=reason, observed=auc)
    else:
        words = f"its gate's {gate_auc:.4f} less {policy.max_drop:g}"
        yield _at_least("drop", auc, round(gate_auc - policy.max_drop, DIGITS), words, what)


def _at_least(name: str, auc: float | None, bound: float, words: str, what: str) -> Check:
    if auc is None:
        reason = f"No realised {what} can be judged against {bound:.4f}, {words}."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    reason = f"The realised {what} is {auc:.4f}, against {bound:.4f}, {words}."
    return Check(name=name, verdict="pass" if auc >= bound else "fail", reason=reason, observed=auc, bound=bound)
