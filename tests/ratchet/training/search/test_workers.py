"""Several processes on one study: one that is killed costs its trial, and none does what another has done."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from ratchet.errors import TrainingError
from ratchet.spec.model import ModelSpec
from ratchet.training.search import running
from ratchet.training.search.families import Setting
from ratchet.training.search.locks import hold, is_held, locked
from ratchet.training.search.pruning import Rung, make_pruner
from ratchet.training.search.space import SearchSpace
from ratchet.training.search.study import open_study
from ratchet.training.search.trials import Trial
from tests.factories.processes import killed_at, race
from tests.ratchet.training.search.make import TRAIN, VALIDATE, Judged, formula, path_of, run, searching

N_TRIALS = 10


def seen(path: Path, spec: ModelSpec) -> tuple[Trial, ...]:
    with open_study(path / "study.log", "study", SearchSpace.of(spec), pruner=make_pruner("none", 0)) as study:
        return study.trials()


def share(path: Path, spec: ModelSpec, seconds: float = 0.0) -> tuple[Trial, ...]:
    """Take part in the study; a trial takes that long."""

    def judge(self: running.Ground, setting: Setting, rung: Rung | None = None) -> float:
        time.sleep(seconds)
        return formula(setting)

    running.Ground.auc = judge  # type: ignore[method-assign]  # in a process of its own
    return running.take_share(TRAIN, VALIDATE, spec, storage_path=path / "study.log", study_name="study")


@pytest.mark.parametrize("point", ["search.claimed.3", "search.fitted.3"])
def test_a_killed_process_costs_one_trial_and_a_rerun_takes_the_path_that_it_would_have_taken(
    tmp_path: Path, judged: Judged, point: str
) -> None:
    spec = searching(trials=N_TRIALS)
    killed_at(point, share, tmp_path, spec)
    left = seen(tmp_path, spec)
    assert [trial.state for trial in left] == ["complete"] * 3 + ["running"]
    resumed = run(tmp_path, spec)
    assert [trial.state for trial in resumed.trials].count("fail") == 1
    assert resumed.trials[:3] == left[:3]
    assert len(judged.settings) <= N_TRIALS + 1 - 3
    assert path_of(resumed) == path_of(run(tmp_path, spec, "whole"))


def test_two_processes_try_at_the_same_time_and_the_budget_is_kept_exactly(tmp_path: Path, judged: Judged) -> None:
    spec = searching(trials=N_TRIALS, sampler="random")
    first, second = race(*[(share, (tmp_path, spec, 0.1), {})] * 2)
    assert len(first) >= 2 <= len(second)
    assert sorted(trial.number for trial in (*first, *second)) == list(range(N_TRIALS + 1))
    assert overlap(tmp_path, spec) > 0
    result = run(tmp_path, spec)
    assert (len(result.trials), judged.settings) == (N_TRIALS + 1, [])
    # The settings of a random search are those of its places, whoever has tried them.
    alone = run(tmp_path, spec, "alone")
    assert path_of(result) == path_of(alone)


def test_of_two_processes_at_work_one_is_killed_and_the_other_does_its_part(tmp_path: Path, judged: Judged) -> None:
    spec = searching(trials=N_TRIALS)
    context = multiprocessing.get_context("forkserver")
    workers = [context.Process(target=share, args=(tmp_path, spec, 0.15)) for _ in range(2)]
    for worker in workers:
        worker.start()
    deadline = time.monotonic() + 60
    while not both_at_work(tmp_path, spec):
        assert time.monotonic() < deadline, "never two trials at once"
        time.sleep(0.02)
    victim = workers[0]
    assert victim.pid is not None
    os.kill(victim.pid, signal.SIGKILL)
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [-signal.SIGKILL, 0]
    tried = seen(tmp_path, spec)
    assert overlap(tmp_path, spec) > 0
    lost = [trial for trial in tried if trial.state == "fail"]
    assert [str(trial.worker).partition("-")[0] for trial in lost] == [str(victim.pid)]
    assert len([trial for trial in tried if trial.state == "complete"]) == N_TRIALS + 1
    assert sorted(trial.place or 0 for trial in tried if trial.state == "complete") == list(range(N_TRIALS + 1))
    assert run(tmp_path, spec).trials == tried
    assert judged.settings == []


def both_at_work(path: Path, spec: ModelSpec) -> bool:
    if not (path / "study.log").exists():
        return False
    return len({trial.worker for trial in seen(path, spec) if trial.state == "running"}) == 2


def overlap(path: Path, spec: ModelSpec) -> int:
    """How many pairs of trials were under way at the same time."""
    with open_study(path / "study.log", "study", SearchSpace.of(spec), pruner=make_pruner("none", 0)) as study:
        times = [(t.datetime_start, t.datetime_complete) for t in study.kept.get_trials(deepcopy=False)]
    return sum(a[0] < b[0] < a[1] for a in times for b in times)  # type: ignore[operator]


class TestJournal:
    def test_a_line_that_a_writer_was_killed_in_is_cut_off(self, tmp_path: Path, judged: Judged) -> None:
        spec = searching(trials=3)
        whole = run(tmp_path, spec)
        journal = tmp_path / "study.log"
        lines = journal.read_bytes().splitlines(keepends=True)
        journal.write_bytes(b"".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2])  # the last trial was told by it
        again = run(tmp_path, spec)
        assert [trial.state for trial in again.trials].count("fail") == 1
        assert path_of(again) == path_of(whole)
        assert journal.read_bytes().endswith(b"\n")

    def test_a_trial_that_fails_is_told_so_and_its_error_comes_through(self, tmp_path: Path, judged: Judged) -> None:
        def refuse(setting: Setting, step: int) -> float:
            raise TrainingError("refused")

        judged.of = refuse
        spec = searching(trials=3)
        with pytest.raises(TrainingError, match="refused"):
            run(tmp_path, spec)
        assert [trial.state for trial in seen(tmp_path, spec)] == ["fail"]

    def test_a_process_leaves_no_sign_of_life_behind(self, tmp_path: Path, judged: Judged) -> None:
        run(tmp_path, searching(trials=2))
        assert list((tmp_path / "study.log.workers").iterdir()) == []


class TestLocks:
    def test_a_lock_is_held_for_as_long_as_its_file_is_open(self, tmp_path: Path) -> None:
        path = tmp_path / "lock"
        assert not is_held(path)
        with hold(path):
            assert is_held(path)
        assert not is_held(path)
        with locked(path):
            assert is_held(path)
        assert not is_held(path)
