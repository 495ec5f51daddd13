"""Realised quality of one cohort: the predictions of a span against the ground truth that is known by now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.bootstrap import Interval, bootstrap_auc
from ratchet.evaluation.metrics import DIGITS, check_labels
from ratchet.evaluation.predictions import find_fault
from ratchet.evaluation.results import check_schema_version
from ratchet.verdicts import Check, Verdict, worst

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.spec.watching import Quality

SCHEMA_VERSION = 1

# The interval is shown beside the figure and decides nothing: k nights out of n steady the decision instead.
CONFIDENCE = 0.95
RESAMPLES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityResult:
    """How the champion did on one cohort. ``coverage`` is the share of examples whose label is known."""

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
) -> QualityResult:
    """Return how well the champion's predictions of a span came true.

    Parameters
    ----------
    labels, scores : array of shape (n_labelled,)
        Only the predicted examples whose label is known: 0 or 1, and the score that was given.
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
    truth, column = check_labels(labels), np.asarray(scores, dtype=np.float64)
    if column.shape != truth.shape or len(truth) > n_examples:
        raise ValueError(
            f"labels and scores must be as many, and at most one an example. "
            f"Got {len(truth)} labels and {column.size} scores of {n_examples} examples."
        )
    fault = find_fault(column)
    interval = None if fault else _auc(truth, column, seed)
    coverage = round(len(truth) / n_examples, DIGITS) if n_examples else None
    enough = tuple(_check_enough(truth, n_examples, coverage, policy, min_coverage))
    auc = interval.value if interval else None
    judged = auc if worst(enough) == "pass" else None
    checks = (_check_predictions(fault, n_examples), *enough, *_check_auc(judged, gate_auc, policy))
    return QualityResult(
        verdict=worst(checks),
        n_examples=n_examples,
        n_labelled=len(truth),
        n_positive=int(truth.sum()),
        coverage=coverage,
        auc=auc,
        interval=interval,
        gate_auc=gate_auc,
        checks=checks,
    )


def _auc(truth: Bools, scores: Floats, seed: int) -> Interval | None:
    resampled = bootstrap_auc(truth, {"champion": scores}, resamples=RESAMPLES, seed=seed)
    return None if resampled is None else resampled.auc("champion", CONFIDENCE)


def _check_predictions(fault: str | None, n_examples: int) -> Check:
    name, bound = "predictions", "numbers in [0, 1]"
    if fault:
        return Check(name=name, verdict="fail", reason=f"E-PREDICTIONS: {fault}.", observed=fault, bound=bound)
    if n_examples == 0:
        return Check(name=name, verdict="undecided", reason="There is no prediction of this span.", bound=bound)
    reason = f"There are predictions of {n_examples} examples."
    return Check(name=name, verdict="pass", reason=reason, observed=float(n_examples), bound=bound)


def _check_enough(
    truth: Bools, n_examples: int, coverage: float | None, policy: Quality, min_coverage: float
) -> Iterator[Check]:
    n, n_positive = len(truth), int(truth.sum())
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
    yield Check(
        name="classes",
        verdict="pass" if 0 < n_positive < n else "undecided",
        reason=f"{n_positive} positive and {n - n_positive} negative examples; both are needed.",
        observed=float(min(n_positive, n - n_positive)),
        bound=1.0,
    )


def _check_auc(auc: float | None, gate_auc: float | None, policy: Quality) -> Iterator[Check]:
    yield _at_least("min_auc", auc, policy.min_auc, "the least that is accepted")
    if gate_auc is None:
        reason = "The champion's AUC at its gate is not known, so a drop cannot be judged."
        yield Check(name="drop", verdict="undecided", reason=reason, observed=auc)
    else:
        words = f"its gate's {gate_auc:.4f} less {policy.max_drop:g}"
        yield _at_least("drop", auc, round(gate_auc - policy.max_drop, DIGITS), words)


def _at_least(name: str, auc: float | None, bound: float, words: str) -> Check:
    if auc is None:
        reason = f"No realised AUC can be judged against {bound:.4f}, {words}."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    reason = f"The realised AUC is {auc:.4f}, against {bound:.4f}, {words}."
    return Check(name=name, verdict="pass" if auc >= bound else "fail", reason=reason, observed=auc, bound=bound)
