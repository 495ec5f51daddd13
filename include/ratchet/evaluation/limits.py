"""The gate's checks of calibration, fairness, crossed and found slices, each only where the spec sets its bound.

A figure that must not exceed a bound passes when the high end of its interval keeps it, fails when the figure itself
exceeds it, and is undecided in between; one that must reach a bound likewise, by its low end. A bound may be met
exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ratchet.evaluation.checks import check_examples, check_slices
from ratchet.evaluation.metrics import DIGITS
from ratchet.verdicts import Check

if TYPE_CHECKING:
    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.fairness import GroupFairness
    from ratchet.evaluation.found import FoundSlice
    from ratchet.evaluation.results import Evaluation
    from ratchet.spec.evaluation import Evaluate

# Fewer entities or spans can be drawn in too few ways for a percentile to mean anything.
MIN_UNITS = 10


def check_limits(evaluation: Evaluation, policy: Evaluate) -> Iterator[Check]:
    """Yield the checks that the spec asks for; none by default."""
    enough = check_examples(evaluation, policy).verdict == "pass"
    if evaluation.n_units is not None:
        yield _check_units(evaluation, evaluation.n_units)
    if policy.max_calibration_error is not None:
        candidate = evaluation.metrics("candidate")
        error = candidate.calibration_error if candidate else None
        what = "Calibration error of the candidate, in 10 bins of equal mass"
        yield _judge("calibration", what, error, most=policy.max_calibration_error, enough=enough)
    for one in evaluation.fairness:
        if one.contender == "candidate":
            yield from _check_fairness(one, policy, enough=enough)
    if evaluation.metrics("champion") is not None:
        yield from _check_more_slices(evaluation, policy)


def _check_units(evaluation: Evaluation, n: int) -> Check:
    enough = n >= MIN_UNITS
    what = {"entity": "entities", "span": "spans"}[evaluation.resample_by]
    return Check(
        name="units",
        verdict="pass" if enough else "undecided",
        reason=f"Intervals are drawn by {n} {what}; {MIN_UNITS} are needed{'' if enough else ' for one that holds'}.",
        observed=float(n),
        bound=float(MIN_UNITS),
    )


def _check_fairness(one: GroupFairness, policy: Evaluate, *, enough: bool) -> Iterator[Check]:
    fairness, compared = policy.fairness, [row for row in one.groups if row.is_compared]
    small = len(one.groups) - len(compared)
    among = f"among {len(compared)} groups of {one.column}" + (
        f" ({small} smaller ones are shown only)" if small else ""
    )
    for name, figure, most, least in (
        ("parity difference", one.parity_difference, fairness.max_parity_difference, None),
        ("parity ratio", one.parity_ratio, None, fairness.min_parity_ratio),
        ("odds difference", one.odds_difference, fairness.max_odds_difference, None),
    ):
        if most is not None or least is not None:
            what = f"{name.capitalize()} {among}"
            yield _judge(f"{one.column} {name}", what, figure, most=most, least=least, enough=enough)


def _check_more_slices(evaluation: Evaluation, policy: Evaluate) -> Iterator[Check]:
    if policy.crossed_slices == "judged":
        check = check_slices(replace(evaluation, slices=evaluation.crossed), policy)
        yield replace(check, name="crossed slices")
    if policy.found_slices == "judged":
        yield _check_found(evaluation, policy)


def _check_found(evaluation: Evaluation, policy: Evaluate) -> Check:
    name, bound = "found slices", 0 - policy.max_slice_drop
    most = f"{policy.max_slice_drop:g} {evaluation.quality}"
    found = evaluation.found
    if found is None or check_examples(evaluation, policy).verdict != "pass":
        reason = "No slice was looked for, or there are too few examples to judge one."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    rows = found.against("champion")
    looked = f"of {found.n_looked_at} slices looked at, corrected for their number"
    lost = [row for row in rows if round(row.difference.high - bound, DIGITS) < 0]
    if lost:
        reason = f"{len(lost)} {looked}, certainly lost more than {most}: {_words(lost)}."
        return Check(name=name, verdict="fail", reason=reason, observed=lost[0].difference.high, bound=bound)
    reason = f"None {looked}, certainly lost more than {most}."
    if not rows:
        return Check(name=name, verdict="pass", reason=reason, observed="no slice lost", bound=bound)
    reason += f" The lowest: {_words(rows[:1])}."
    return Check(name=name, verdict="pass", reason=reason, observed=rows[0].difference.high, bound=bound)


def _words(rows: Sequence[FoundSlice]) -> str:
    return ", ".join(f"{row.name} {row.difference} on {row.n_examples} examples" for row in rows)


def _judge(
    name: str,
    what: str,
    interval: Interval | None,
    *,
    most: float | None = None,
    least: float | None = None,
    enough: bool,
) -> Check:
    """Return whether a figure keeps a bound that it may not exceed, or must reach; ``observed`` decided."""
    bound = least if most is None else most
    sign = "at least" if most is None else "at most"
    if interval is None or bound is None:
        reason = f"{what}: could not be computed, too few examples of a kind; {sign} {bound:g} is needed."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    seen = f"{what}: {interval}, {sign} {bound:g} is needed"
    far, end = (interval.low, "low") if most is None else (interval.high, "high")
    if not enough:
        reason = f"{seen}; too few examples to judge."
        return Check(name=name, verdict="undecided", reason=reason, observed=interval.value, bound=bound)
    if _keeps(far, bound, is_most=most is not None):
        return Check(name=name, verdict="pass", reason=f"{seen}; proven.", observed=far, bound=bound)
    if _keeps(interval.value, bound, is_most=most is not None):
        reason = f"{seen}; kept, but not by the {end} end of the interval."
        return Check(name=name, verdict="undecided", reason=reason, observed=far, bound=bound)
    return Check(name=name, verdict="fail", reason=f"{seen}; missed.", observed=interval.value, bound=bound)


def _keeps(figure: float, bound: float, *, is_most: bool) -> bool:
    distance = round(figure - bound, DIGITS)
    return distance <= 0 if is_most else distance >= 0
