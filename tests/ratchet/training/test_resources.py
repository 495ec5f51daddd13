from __future__ import annotations

import os
import time

import numpy as np
import pytest

from ratchet.training.resources import Usage, WorkerUsage, measured, worker_usage


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


def test_what_workers_took_is_told_and_counted():
    with measured() as usage:
        usage.workers = [WorkerUsage(pid=n, cpu_seconds=2.0, peak_bytes=n * 1_500_000) for n in (1, 2)]
        usage.elsewhere_cpu_seconds = 4.0
    assert 4.0 <= usage.cpu_seconds < 5.0
    told = usage.metrics(3600.0)
    assert (told["worker_0_peak_memory_mb"], told["worker_1_peak_memory_mb"]) == (1.5, 3.0)
    assert told["estimated_cost"] == usage.cpu_seconds


def test_a_worker_tells_of_itself():
    told = worker_usage()
    assert told.pid == os.getpid()
    assert told.cpu_seconds > 0
    assert told.peak_bytes > 10e6
