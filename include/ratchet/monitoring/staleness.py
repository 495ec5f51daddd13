"""Whether the champion has grown too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.verdicts import Check

if TYPE_CHECKING:
    from ratchet.spec.watching import Watch


def judge_staleness(age_spans: int | None, policy: Watch) -> Check:
    """Return whether the champion is younger than the policy allows.

    Parameters
    ----------
    age_spans : int or None
        Spans from the champion's newest training span to the span under watch; negative for a span before it,
        None when there is no champion, which is undecided. An age of exactly ``max_age_spans`` passes.
    """
    name, bound = "staleness", float(policy.max_age_spans)
    if age_spans is None:
        reason = "There is no champion whose age could be judged."
        return Check(name=name, verdict="undecided", reason=reason, bound=bound)
    reason = f"The champion's newest training span is {age_spans} spans old; {policy.max_age_spans} are allowed."
    is_fresh = age_spans <= policy.max_age_spans
    return Check(
        name=name, verdict="pass" if is_fresh else "fail", reason=reason, observed=float(age_spans), bound=bound
    )
