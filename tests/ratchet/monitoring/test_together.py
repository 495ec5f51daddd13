from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ratchet.monitoring.together import tell_apart
from ratchet.spec.watching import Together

COLUMNS = {"x": False, "y": False, "c": True}


def make_days(rng, n, first, *, size=120, correlation=0.0, shift=0.0):
    """Days of two numbers and a text; each number by itself is distributed alike, whatever their correlation."""
    days = []
    for number in range(first, first + n):
        x = rng.normal(shift, 1, size=size)
        y = correlation * (x - shift) + np.sqrt(1 - correlation**2) * rng.normal(size=size)
        days.append(pd.DataFrame({"x": x, "y": y, "c": rng.choice(["a", "b"], size), "span": f"d{number:03d}"}))
    return pd.concat(days)


def tell(trained, newest, **policy):
    both = pd.concat([trained, newest])
    current = sorted(set(newest["span"]))
    return tell_apart(both, both["span"].tolist(), current, COLUMNS, Together(is_on=True, **policy), seed=0)


@pytest.mark.parametrize("seed", range(2))
def test_the_same_world_is_told_apart_no_better_than_by_a_coin(seed):
    rng = np.random.default_rng(seed)
    found = tell(make_days(rng, 18, 0), make_days(rng, 5, 18))
    assert found.verdict == "pass"
    assert found.auc == pytest.approx(0.5, abs=0.08)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.auc <= found.high


def test_columns_that_only_drift_together_are_found_and_named():
    rng = np.random.default_rng(0)
    found = tell(make_days(rng, 18, 0, correlation=0.9), make_days(rng, 5, 18, correlation=-0.9))
    assert found.verdict == "fail"
    assert {name for name, _ in found.telling} >= {"x", "y"}
    assert "by x" in found.check.reason or "by y" in found.check.reason


def test_windows_that_the_training_spans_differ_by_as_much_are_no_drift():
    rng = np.random.default_rng(0)
    weeks = [make_days(rng, 4, 4 * i, shift=3.0 * i, size=150) for i in range(6)]
    found = tell(pd.concat(weeks[:5]), weeks[5])
    assert found.auc is not None
    assert found.auc > 0.9
    assert (found.verdict, len(found.references)) == ("pass", 3)


@pytest.mark.parametrize(
    ("n_trained", "n_newest", "size", "words"),
    [
        (18, 5, 20, "the baseline side has 360 examples, fewer than 500"),
        (18, 5, 60, "the current side has 300 examples, fewer than 500"),
        (18, 2, 300, "the current side has 2 spans, fewer than 3"),
    ],
)
def test_few_examples_or_spans_are_undecided(n_trained, n_newest, size, words):
    rng = np.random.default_rng(0)
    found = tell(make_days(rng, n_trained, 0, size=size), make_days(rng, n_newest, n_trained, size=size))
    assert (found.verdict, found.auc) == ("undecided", None)
    assert words in found.check.reason


def test_too_few_training_spans_to_compare_with_are_undecided_not_drift():
    rng = np.random.default_rng(0)
    found = tell(make_days(rng, 8, 0), make_days(rng, 5, 8, shift=4.0))
    assert (found.verdict, found.references) == ("undecided", ())
