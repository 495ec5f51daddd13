from __future__ import annotations

import pytest

from ratchet.monitoring.staleness import judge_staleness
from ratchet.spec.watching import Watch


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        pytest.param(-3, "pass", id="a-span-before-its-training"),
        pytest.param(0, "pass", id="new"),
        pytest.param(30, "pass", id="at-the-bound"),
        pytest.param(31, "fail", id="just-over-the-bound"),
    ],
)
def test_bound_is_inclusive(age, verdict):
    check = judge_staleness(age, Watch(max_age_spans=30))
    assert (check.name, check.verdict, check.observed, check.bound) == ("staleness", verdict, age, 30)
    assert f"{age} spans old; 30 are allowed" in check.reason


def test_no_champion_is_undecided():
    check = judge_staleness(None, Watch())
    assert (check.verdict, check.observed) == ("undecided", None)
    assert "no champion" in check.reason
