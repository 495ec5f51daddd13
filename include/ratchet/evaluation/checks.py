"""The checks of the gate, each one question on the figures of an evaluation.

How a lead is judged, by the candidate's AUC (or other quality, see `yardstick`) minus the other's and the interval of
that difference:

==========================================  =============================================================
pass, proven                                the low end of the interval reaches the bound
fail                                        the difference itself does not reach the bound
undecided                                   the difference reaches it, the low end does not: a person decides
==========================================  =============================================================

A margin to beat (dummy, rule, superiority) must be exceeded; a tolerance (linear, non-inferiority) and the floor
may be met exactly. Figures are rounded to 12 digits first. The interval is two-sided, so at a confidence of 0.95
a lead is proven when no more than 2.5 % of the resamples fall short of the bound.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from ratchet.evaluation.metrics import DIGITS
from ratchet.evaluation.yardstick import MIN_EXAMPLES_OF_A_CLASS, Yardstick
from ratchet.verdicts import Check, Verdict

if TYPE_CHECKING:
    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.results import Evaluation, SliceRow
    from ratchet.spec.evaluation import Comparison, Evaluate


def check_predictions(evaluation: Evaluation) -> Check:
    """Fail unless the candidate's answers are probabilities, or numbers, that tell examples apart."""
    name, candidate = "predictions", evaluation.metrics("candidate")
    sound = Yardstick(kind=evaluation.kind).bound
    bound = f"{sound}, not all the same"
    if candidate is None or evaluation.n_examples == 0:
        return Check(name=name, verdict="undecided", reason="The candidate scored no example.", bound=bound)
    if candidate.fault:
        reason = f"E-PREDICTIONS: {candidate.fault}."
        return Check(name=name, verdict="fail", reason=reason, observed=candidate.fault, bound=bound)
    reason = f"All {evaluation.n_examples} scores of the candidate are {sound}, and they differ."
    return Check(name=name, verdict="pass", reason=reason, observed=float(evaluation.n_examples), bound=bound)


def _is_enough(evaluation: Evaluation, policy: Evaluate) -> bool:
    of_a_class = min(_of_classes(evaluation), default=MIN_EXAMPLES_OF_A_CLASS)
    return evaluation.n_examples >= policy.min_examples and of_a_class >= MIN_EXAMPLES_OF_A_CLASS


def _of_classes(evaluation: Evaluation) -> tuple[int, ...]:
    """Return how many examples each class has; none of numbers."""
    if evaluation.kind == "binary":
        return (evaluation.n_positive, evaluation.n_examples - evaluation.n_positive)
    return evaluation.class_counts


def check_examples(evaluation: Evaluation, policy: Evaluate) -> Check:
    """Undecided unless there are ``min_examples`` (included), and enough of each class for an interval."""
    n = evaluation.n_examples
    seen, needed = f"{n} labelled test examples", f"{policy.min_examples}"
    if evaluation.kind == "binary":
        seen += f", {evaluation.n_positive} of them positive"
    elif evaluation.class_counts:
        seen += f", {min(evaluation.class_counts)} of the rarest of {len(evaluation.class_counts)} classes"
    if evaluation.kind != "regression":
        needed += f" with {MIN_EXAMPLES_OF_A_CLASS} of each class"
    enough = _is_enough(evaluation, policy)
    return Check(
        name="examples",
        verdict="pass" if enough else "undecided",
        reason=f"{seen}; {needed} are needed{'' if enough else ', so nothing else is judged'}.",
        observed=float(n),
        bound=float(policy.min_examples),
    )


def check_unseen(test: Collection[str], candidate: Collection[str], champion: Collection[str] | None) -> Check:
    """Undecided unless neither model was fitted or tuned on a test span; names the spans otherwise."""
    trained = {"candidate": candidate} if champion is None else {"candidate": candidate, "champion": champion}
    problems = []
    for name, spans in trained.items():
        shared = sorted(set(test) & set(spans))
        if shared:
            problems.append(f"{name} was trained on {len(shared)} of the test spans: {_some(shared)}")
        elif not spans:
            problems.append(f"it is not known which spans the {name} was trained on")
    if not test:
        problems.append("it is not known which spans the test examples are from")
    if problems:
        words = "; ".join(problems)
        reason = f"{words[0].upper()}{words[1:]}."
        return Check(
            name="unseen", verdict="undecided", reason=reason, observed="overlap or unknown", bound="no overlap"
        )
    reason = f"None of the {len(set(test))} test spans trained the {' or the '.join(trained)}."
    return Check(name="unseen", verdict="pass", reason=reason, observed="no overlap", bound="no overlap")


def check_bounds(evaluation: Evaluation, policy: Evaluate) -> Iterator[Check]:
    """Yield the floor, and the leads over the dummy, the rule and the linear model."""
    enough, candidate = _is_enough(evaluation, policy), evaluation.metrics("candidate")
    quality, what = candidate.quality if candidate else None, _what(evaluation)
    yield _judge("floor", f"{what} of the candidate", quality, policy.floor, must_exceed=False, enough=enough)
    for other, margin, must_exceed in (
        ("dummy", policy.margin_over_dummy, True),
        ("rule", policy.margin_over_rule, True),
        ("linear", policy.margin_over_linear, False),
    ):
        interval = evaluation.difference(other)
        yield _judge(other, f"{what} above the {other}", interval, margin, must_exceed=must_exceed, enough=enough)


def check_champion(evaluation: Evaluation, policy: Evaluate, comparison: Comparison | None) -> Check:
    """Compare with the champion; a difference of exactly 0 keeps it. ``comparison`` None is a cold start."""
    if comparison is None:
        reason = "Cold start: there is no champion yet, so the dummy, the rule and the linear model decide."
        return Check(name="champion", verdict="pass", reason=reason, observed="no champion", bound="cold start")
    enough, interval = _is_enough(evaluation, policy), evaluation.difference("champion")
    if enough and interval is not None and interval.value == 0:
        reason = f"A tie keeps the champion: the difference of {evaluation.quality} is {interval}."
        ends = (interval.low, interval.high)
        return Check(name="champion", verdict="fail", reason=reason, observed=0.0, bound="no tie", interval=ends)
    if comparison == "non_inferiority":
        what, margin = f"{_what(evaluation)} above the champion (non-inferiority)", 0 - policy.non_inferiority_margin
    else:
        what, margin = f"{_what(evaluation)} above the champion (superiority)", policy.superiority_margin
    return _judge("champion", what, interval, margin, must_exceed=comparison == "superiority", enough=enough)


def check_slices(evaluation: Evaluation, policy: Evaluate) -> Check:
    """Fail if a slice's interval lies wholly below ``-max_slice_drop``; a high end right on it passes."""
    bound, most = 0 - policy.max_slice_drop, f"{policy.max_slice_drop:g} {evaluation.quality}"
    if not _is_enough(evaluation, policy) or evaluation.difference("champion") is None:
        reason = "No slice is judged, as the comparison with the champion could not be."
        return Check(name="slices", verdict="undecided", reason=reason, bound=bound)
    judged = [(row, row.difference) for row in evaluation.slices if row.difference is not None]
    lost = [(row, interval) for row, interval in judged if round(interval.high - bound, DIGITS) < 0]
    small = f"{len(evaluation.slices) - len(judged)} smaller ones are shown only"
    if lost:
        named = _some([_slice_words(row, interval) for row, interval in sorted(lost, key=lambda pair: pair[1].high)])
        reason = f"{len(lost)} of {len(judged)} slices certainly lost more than {most}: {named}."
        observed = min(interval.high for _, interval in lost)
        lowest = min((interval for _, interval in lost), key=lambda of: of.high)
        ends = (lowest.low, lowest.high)
        return Check(name="slices", verdict="fail", reason=reason, observed=observed, bound=bound, interval=ends)
    if not judged:
        reason = f"No slice is large enough to be judged; {small}."
        return Check(name="slices", verdict="pass", reason=reason, observed="no slice judged", bound=bound)
    row, interval = min(judged, key=lambda pair: pair[1].high)
    reason = f"None of {len(judged)} slices certainly lost more than {most}; {small}. "
    reason += f"The lowest: {_slice_words(row, interval)}."
    ends = (interval.low, interval.high)
    return Check(name="slices", verdict="pass", reason=reason, observed=interval.high, bound=bound, interval=ends)


def _what(evaluation: Evaluation) -> str:
    return evaluation.quality[0].upper() + evaluation.quality[1:]


def _judge(name: str, what: str, interval: Interval | None, bound: float, *, must_exceed: bool, enough: bool) -> Check:
    """Return whether a figure is proven to reach a bound; ``observed`` is the figure that decided."""
    sign = "above" if must_exceed else "at least"
    if interval is None:
        reason = f"{what}: could not be computed; {sign} {bound:g} is needed."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    seen = f"{what}: {interval}, {sign} {bound:g} is needed"
    verdict: Verdict
    if not enough:
        verdict, observed, words = "undecided", interval.value, "too few examples to judge"
    elif _reaches(interval.low, bound, must_exceed):
        verdict, observed, words = "pass", interval.low, "proven"
    elif _reaches(interval.value, bound, must_exceed):
        verdict, observed, words = "undecided", interval.low, "reached, but the low end of the interval is not"
    else:
        verdict, observed, words = "fail", interval.value, "missed"
    ends = (interval.low, interval.high)
    return Check(name=name, verdict=verdict, reason=f"{seen}; {words}.", observed=observed, bound=bound, interval=ends)


def _reaches(figure: float, bound: float, must_exceed: bool) -> bool:
    above = round(figure - bound, DIGITS)
    return above > 0 if must_exceed else above >= 0


def _slice_words(row: SliceRow, interval: Interval) -> str:
    return f"{row.name} {interval} on {row.n_examples} examples"


def _some(names: list[str], at_most: int = 5) -> str:
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")
