from __future__ import annotations

import pytest

from ratchet.evaluation.declared import check_declared


@pytest.mark.parametrize(
    ("trained_until", "verdict"),
    [("2024-03-09", "pass"), ("2024-03-10", "undecided"), ("2024-03-12", "undecided")],
    ids=["the-day-before", "the-first-test-span", "after-all"],
)
def test_only_a_training_that_ended_before_the_first_test_span_passes(trained_until: str, verdict: str):
    found = check_declared(trained_until, ("2024-03-11", "2024-03-10"))
    assert (found.verdict, found.observed, found.bound) == (verdict, trained_until, "before 2024-03-10")
    assert f"declared to know no example after {trained_until}" in found.reason


def test_without_a_test_span_nothing_is_decided():
    assert check_declared("2024-03-09", ()).verdict == "undecided"
