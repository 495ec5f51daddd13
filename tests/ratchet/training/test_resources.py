from __future__ import annotations

import time

import numpy as np
import pytest

from ratchet.training.resources import Usage, measured


def test_work_is_counted_and_waiting_is_not():
    with measured() as usage:
        time.sleep(0.1)
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
    assert usage.seconds >= 0.19
    assert 0.08 <= usage.cpu_seconds <= usage.seconds - 0.05


def test_the_peak_holds_what_was_held():
    with measured() as before:
        pass
    with measured() as after:
        held = np.ones(before.peak_bytes // 8 + 10_000_000)
    assert held.nbytes < after.peak_bytes


def test_it_is_filled_when_the_work_fails_too():
    with pytest.raises(RuntimeError, match="no"), measured() as usage:
        raise RuntimeError("no")
    assert usage.peak_bytes > 0


@pytest.mark.parametrize(("rate", "cost"), [(None, None), (0.0, 0.0), (0.5, 1.0)])
def test_a_cost_is_made_of_a_rate_alone(rate: float | None, cost: float | None):
    assert Usage(cpu_seconds=7200.0).metrics(rate).get("estimated_cost") == cost
