"""The check of the gate on what a person has declared of a model that was trained elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.verdicts import Check

if TYPE_CHECKING:
    from collections.abc import Collection


def check_declared(trained_until: str, test_spans: Collection[str]) -> Check:
    """Undecided unless the model's training is declared to end before the first test span.

    A pass rests on the declaration alone, and says so: nothing here can prove it.
    """
    first, name = min(test_spans, default=None), "origin"
    said = f"It was imported, and is declared to know no example after {trained_until}"
    if first is None:
        return Check(name=name, verdict="undecided", reason="There is no test span.", observed=trained_until)
    bound = f"before {first}"
    if trained_until < first:
        reason = f"{said}; the tests begin with {first}."
        return Check(name=name, verdict="pass", reason=reason, observed=trained_until, bound=bound)
    reason = f"{said}; the tests begin with {first}: it may have been trained on them. Judge it on a later night."
    return Check(name=name, verdict="undecided", reason=reason, observed=trained_until, bound=bound)
