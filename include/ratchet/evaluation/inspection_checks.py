"""The checks of the gate on what was inspected of a candidate, each against a bound of the spec.

A figure right on its bound passes. What could not be told is undecided, never a pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ratchet.evaluation.yardstick import Yardstick
from ratchet.verdicts import Check, Verdict

if TYPE_CHECKING:
    from ratchet.evaluation.inspection import Inspection
    from ratchet.spec.evaluation import Evaluate
    from ratchet.spec.inspection import Inspect
    from ratchet.spec.label import LabelKind

_SHOWN = 5


def inspection_checks(found: Inspection, policy: Evaluate, switched_off: Sequence[str], *, strict: bool) -> list[Check]:
    """Return the checks.

    Parameters
    ----------
    switched_off : sequence of str
        Keys of the spec that let a check never fail.
    strict : bool
        Whether such a key fails the gate, as in production.
    """
    bounds = policy.inspect
    checks = [
        *([_check_switched_off(switched_off)] if switched_off and strict else []),
        *(_of_sample(check(found, bounds), found) for check in (check_leakage, check_identifiers, check_times)),
        check_overlap(found, bounds),
        check_stability(found),
        # Numbers have no outcome that would contradict a prediction.
        *([check_label_noise(found, bounds)] if found.kind != "regression" else []),
        *check_footprint(found, bounds),
    ]
    if found.has_champion:
        checks += [check_disagreement(found, bounds), check_window(found, bounds)]
    return [*checks, *([_review(policy.review)] if policy.review else [])]


def _of_sample(check: Check, found: Inspection) -> Check:
    return replace(check, reason=f"{check.reason} Told {found.sampled}.") if found.sampled else check


def check_leakage(found: Inspection, bounds: Inspect) -> Check:
    """Fail where one feature alone tells the outcome better than ``max_feature_auc``."""
    name, bound = "leakage", bounds.max_feature_auc
    measure = "a concordance" if found.kind == "regression" else "an AUC"
    figures = {of.feature: of.auc for of in found.features if of.auc is not None}
    if not figures:
        few = "too few training examples of a class"
        if found.kind == "regression":
            few = "too few training examples, or all of one number"
        reason = f"No feature could be held against the outcome: {few}."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    best = max(figures, key=lambda feature: figures[feature])
    leaks = {feature: auc for feature, auc in figures.items() if auc > bound}
    if leaks:
        reason = (
            f"{_ranked(leaks)}: each alone tells the outcome with {measure} above {bound:g}. Such a feature is known "
        )
        reason += "known only after the event, or made from the label: name it under features.leaks."
        return Check(name=name, verdict="fail", reason=reason, observed=figures[best], bound=bound)
    reason = f"No feature of {len(figures)} tells the outcome by itself; the most does {best}."
    return Check(name=name, verdict="pass", reason=reason, observed=figures[best], bound=bound)


def check_identifiers(found: Inspection, bounds: Inspect) -> Check:
    """Fail where a feature has a value of its own for nearly every example, or is the entity."""
    name, bound = "identifiers", bounds.max_distinct_share
    entities = [of.feature for of in found.features if of.is_entity]
    shares = {of.feature: of.distinct_share for of in found.features if of.distinct_share is not None}
    ids = {feature: share for feature, share in shares.items() if share > bound}
    observed = max(shares.values(), default=None)
    if entities or ids:
        told = [*(f"{feature} is the entity" for feature in entities), *([_ranked(ids)] if ids else [])]
        reason = f"{'; '.join(told)}: a feature with a value of its own for every example names examples, and says "
        reason += "nothing about a new one. Remove it."
        return Check(name=name, verdict="fail", reason=reason, observed=observed, bound=bound)
    reason = f"None of {len(found.features)} features names examples."
    return Check(name=name, verdict="pass", reason=reason, observed=observed or "no id", bound=bound)


def check_times(found: Inspection, bounds: Inspect) -> Check:
    """Fail where a feature holds a time after its event that is not one of ``planned_times``."""
    name, bound = "times", 0.0
    shares = {of.feature: of.after_share for of in found.features if of.after_share is not None}
    late = {feature: share for feature, share in shares.items() if share > 0 and feature not in bounds.planned_times}
    if late:
        reason = f"{_ranked(late)}: shares of examples that hold a time after the event, which nobody knew then. "
        reason += "Name it under features.leaks, or under evaluate.inspect.planned_times if it was known."
        return Check(name=name, verdict="fail", reason=reason, observed=max(late.values()), bound=bound)
    planned = ", ".join(sorted(set(shares) & set(bounds.planned_times)))
    reason = f"Of {len(shares)} features that hold times none lies after its event"
    reason += f", apart from those by plan: {planned}." if planned else "."
    return Check(name=name, verdict="pass", reason=reason, observed=0.0, bound=bound)


def check_overlap(found: Inspection, bounds: Inspect) -> Check:
    """Fail where a test example was trained on, or is not later; by entity as ``max_entity_overlap`` says."""
    name, seen, bound = "overlap", found.overlap, bounds.max_entity_overlap
    share = seen.entity_share
    if share is None:
        reason = "There is no test example, so none can be held against the training examples."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    verdict: Verdict = "pass"
    if seen.n_same:
        verdict = "fail"
        reason = f"{seen.n_same} of {seen.n_test} test examples (entity and time) were trained or tuned on."
    elif seen.n_not_later:
        verdict = "fail"
        reason = f"{seen.n_not_later} of {seen.n_test} test examples are not later than all examples trained on."
    elif share > bound:
        verdict = "fail"
        reason = f"Of {seen.n_test} test examples {share:.2%} are of entities trained on; at most {bound:.2%} may be."
    elif share > 0 and seen.recurring_share == 0:
        verdict = "undecided"
        reason = f"{share:.2%} of {seen.n_test} test examples are of entities trained on, while none of those comes "
        reason += "back within the training spans: they may be the same examples under another time."
    else:
        back = "unknown" if seen.recurring_share is None else f"{seen.recurring_share:.2%}"
        reason = f"None of {seen.n_test} test examples was trained on, each is later; {share:.2%} are of entities "
        reason += f"trained on (entities that come back within the training spans: {back})."
    return Check(name=name, verdict=verdict, reason=reason, observed=share, bound=bound)


def check_stability(found: Inspection) -> Check:
    """Fail where the candidate answers no probability, or number, to an example such as nobody has sent yet."""
    name, bound = "stability", Yardstick(kind=found.kind).bound
    told = "scores in [0, 1]" if found.kind == "binary" else bound
    if not found.n_odd:
        reason = "The candidate was tried on no odd example."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    if found.fault:
        reason = f"E-PREDICTIONS: of odd examples (all missing, huge numbers, unseen categories) {found.fault}."
        return Check(name=name, verdict="fail", reason=reason, observed=found.fault, bound=bound)
    reason = f"{found.n_odd} odd examples (all missing, huge numbers, unseen categories) get {told}."
    return Check(name=name, verdict="pass", reason=reason, observed=float(found.n_odd), bound=bound)


def check_label_noise(found: Inspection, bounds: Inspect) -> Check:
    """Fail where outcomes certainly contradict the candidate at its surest more often than ``max_label_noise``."""
    name, bound, noise = "label noise", bounds.max_label_noise, found.label_noise
    if noise is None:
        reason = "Too few test examples, or all of one score: how noisy the outcomes are cannot be told."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    interval = (noise.low, noise.high)
    both_ways = ", both ways," if found.kind == "binary" else ""
    seen = f"Where {found.noise_by} surest{both_ways} {noise.value:.2%} of the outcomes contradict"
    if noise.value <= bound:
        reason = f"{seen}; at most {bound:.2%} may."
        return Check(name=name, verdict="pass", reason=reason, observed=noise.value, bound=bound, interval=interval)
    verdict: Verdict = "fail" if noise.low > bound else "undecided"
    reason = f"{seen}; at most {bound:.2%} may: the labels are noise, or the features do not tell them."
    return Check(name=name, verdict=verdict, reason=reason, observed=noise.value, bound=bound, interval=interval)


def check_footprint(found: Inspection, bounds: Inspect) -> Iterator[Check]:
    """Yield size and latency, each failing above its bound."""
    megabytes, bound = found.footprint.package_bytes / 1e6, bounds.max_package_mb
    is_small = megabytes <= bound
    reason = f"The package has {megabytes:.3f} MB; at most {bound:g} are allowed."
    yield Check(name="size", verdict="pass" if is_small else "fail", reason=reason, observed=megabytes, bound=bound)
    taken, bound, n = found.footprint.row_milliseconds, bounds.max_row_milliseconds, found.footprint.n_timed
    if taken is None:
        reason = "There was no test example to time."
        yield Check(name="latency", verdict="undecided", reason=reason, bound=bound)
        return
    reason = f"One example takes {taken:.3f} ms, the median of {n} test examples; at most {bound:g} are allowed."
    is_fast = taken <= bound
    yield Check(name="latency", verdict="pass" if is_fast else "fail", reason=reason, observed=taken, bound=bound)


def check_disagreement(found: Inspection, bounds: Inspect) -> Check:
    """Undecided where candidate and champion decide more than ``max_disagreement`` of the examples differently."""
    name, share, bound = "disagreement", found.disagreement, bounds.max_disagreement
    if share is None:
        reason = "The decisions of candidate and champion could not be compared: one of them gave no sound score."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    reason = f"{_differing(share, found.kind)}; "
    reason += f"at most {bound:.2%} may be{'' if share <= bound else ': a person looks, even if it is better'}."
    verdict: Verdict = "pass" if share <= bound else "undecided"
    return Check(name=name, verdict=verdict, reason=reason, observed=share, bound=bound)


def check_window(found: Inspection, bounds: Inspect) -> Check:
    """Undecided where a feature of the training spans lies too far from what the champion was trained on."""
    name, bound = "window", bounds.max_window_change
    distances = {of.feature: of.distance for of in found.changes if of.distance is not None}
    untold = [f"{of.feature}: {of.words}" for of in found.changes if of.distance is None]
    if not distances:
        reason = f"The training spans of both models cannot be compared: {found.change_fault or '; '.join(untold)}."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    farthest = max(distances, key=lambda feature: distances[feature])
    far = {feature: distance for feature, distance in distances.items() if distance > bound}
    if far or untold:
        told = [f"Jensen-Shannon distance of {_ranked(far)} from the champion's training spans"] if far else []
        reason = f"{'; '.join([*told, *untold])}. A person looks at so large a change."
        return Check(name=name, verdict="undecided", reason=reason, observed=distances[farthest], bound=bound)
    reason = f"None of {len(distances)} features lies far from the champion's training spans; the farthest: {farthest}."
    return Check(name=name, verdict="pass", reason=reason, observed=distances[farthest], bound=bound)


def _differing(share: float, kind: LabelKind) -> str:
    if kind == "binary":
        return f"Candidate and champion decide {share:.2%} of the test examples differently, each by its threshold"
    if kind == "multiclass":
        return f"Candidate and champion take {share:.2%} of the test examples for different classes"
    return f"Candidate and champion lie {share:.2%} of the numbers' own mean distance from their median apart"


def _check_switched_off(keys: Sequence[str]) -> Check:
    reason = f"In production no check may be switched off. These keys do so: {', '.join(keys)}."
    return Check(name="switched off", verdict="fail", reason=reason, observed=float(len(keys)), bound=0.0)


def _review(why: str) -> Check:
    reason = f"Every candidate of this model needs a person (evaluate.review): {why}"
    return Check(name="review", verdict="undecided", reason=reason, observed="asked for", bound="a person")


def _ranked(figures: dict[str, float]) -> str:
    ranked = sorted(figures, key=lambda name: (-figures[name], name))
    more = len(ranked) - _SHOWN
    shown = ", ".join(f"{name} ({figures[name]:.4f})" for name in ranked[:_SHOWN])
    return shown + (f" and {more} more" if more > 0 else "")
