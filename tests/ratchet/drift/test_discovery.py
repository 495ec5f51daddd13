from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from ratchet.drift.discovery import adjust

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(P_VALUES)
def test_agrees_with_scipy(p_values):
    found = adjust({str(i): p for i, p in enumerate(p_values)})
    assert list(found.values()) == pytest.approx(false_discovery_control(p_values), abs=1e-12)


def test_no_column_is_no_discovery():
    assert adjust({}) == {}


@pytest.mark.parametrize("seed", range(3))
def test_fewer_than_the_rate_are_called_by_chance_and_an_effect_is_found_among_many(seed):
    rng = np.random.default_rng(seed)
    wrong = 0
    for _ in range(400):
        chance = {f"c{i}": p for i, p in enumerate(rng.random(50))}
        adjusted = adjust({**chance, "real": 1e-5})
        assert adjusted["real"] <= 0.05
        called = [name for name, p in adjusted.items() if p <= 0.05]
        wrong += len(called) > 1
    # Without control 92 of 100 nights would call a column of 50; the share of false ones among those called is 5 %.
    assert wrong / 400 < 0.2
