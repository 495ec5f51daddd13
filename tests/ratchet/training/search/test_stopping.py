from __future__ import annotations

from pathlib import Path

import pytest

from ratchet.spec.search import Search, Uniform
from ratchet.training.search.stopping import has_converged, why_stop
from ratchet.training.search.trials import Trial
from tests.ratchet.training.search.make import Judged, run, searching

SPACE = {"C": Uniform(low=0.1, high=1.0)}


def trials(*aucs: float | None, seconds: float = 1.0, state: str | None = None) -> list[Trial]:
    return [
        Trial(number=i, auc=auc, seconds=seconds, state=state or ("pruned" if auc is None else "complete"))  # type: ignore[arg-type]
        for i, auc in enumerate(aucs)
    ]


def stop(search: Search, tried: list[Trial], *, n_grid: int | None = None) -> str | None:
    return why_stop(search, tried, n_fixed=1, n_grid=n_grid)


class TestConverged:
    @pytest.mark.parametrize(
        ("last", "is_converged"), [pytest.param(0.7099, True, id="below"), pytest.param(0.71, False, id="at-the-gain")]
    )
    def test_a_gain_of_exactly_the_least_is_one(self, last: float, is_converged: bool) -> None:
        assert has_converged([0.7, 0.69, last], after=2, min_gain=0.01) is is_converged

    @pytest.mark.parametrize(
        ("n", "is_converged"), [pytest.param(4, False, id="one-short"), pytest.param(5, True, id="enough")]
    )
    def test_it_takes_that_many_trials_and_one_before_them(self, n: int, is_converged: bool) -> None:
        assert has_converged([0.7] * n, after=4, min_gain=0.0) is is_converged

    def test_trials_that_were_broken_off_are_trials_without_a_gain(self) -> None:
        assert has_converged([0.7, None, None], after=2, min_gain=0.01)
        assert not has_converged([None, 0.7, 0.7], after=2, min_gain=0.01)

    def test_a_search_that_has_converged_stops_and_says_so(self, tmp_path: Path, judged: Judged) -> None:
        judged.of = lambda setting, step: 0.8
        result = run(tmp_path, searching(trials=30, converged_after=5))
        assert len(result.trials) == 6
        assert result.stopped == "converged: the last 5 trials raised the best AUC by less than 0.0005"

    def test_a_search_told_never_to_converge_spends_its_budget(self, tmp_path: Path, judged: Judged) -> None:
        judged.of = lambda setting, step: 0.8
        result = run(tmp_path, searching(trials=8, converged_after=None))
        assert (len(result.trials), result.stopped) == (9, "the budget of 8 trials is spent")


class TestBudget:
    @pytest.mark.parametrize(("n", "stops"), [pytest.param(3, False, id="one-left"), pytest.param(4, True, id="spent")])
    def test_of_trials_counts_those_beside_the_fixed_ones(self, n: int, stops: bool) -> None:
        assert bool(stop(Search(trials=3, space=SPACE), trials(*[0.7] * n))) is stops

    def test_a_lost_trial_costs_nothing_of_the_budget(self) -> None:
        tried = [*trials(0.7, 0.7), *trials(0.0, state="fail")]
        assert stop(Search(trials=2, space=SPACE), tried) is None

    def test_a_running_trial_is_spent_already(self) -> None:
        tried = [*trials(0.7, 0.7), *trials(0.0, state="running")]
        assert stop(Search(trials=2, space=SPACE), tried) == "the budget of 2 trials is spent"

    @pytest.mark.parametrize(
        ("seconds", "stops"), [pytest.param(29.9, False, id="some-left"), pytest.param(30.0, True, id="spent")]
    )
    def test_of_minutes_counts_the_work_of_all_trials(self, seconds: float, stops: bool) -> None:
        found = stop(Search(minutes=1, space=SPACE), trials(0.7, 0.8, seconds=seconds))
        assert found == ("the budget of 1 minutes is spent, after 1 trials" if stops else None)

    def test_the_fixed_parameters_are_tried_whatever_the_budget(self) -> None:
        assert stop(Search(minutes=1, space=SPACE), []) is None

    @pytest.mark.parametrize(("n", "stops"), [pytest.param(4, False, id="one-left"), pytest.param(5, True, id="all")])
    def test_a_grid_ends_with_its_last_setting(self, n: int, stops: bool) -> None:
        grid = Search(trials=9, sampler="grid", space={"n": Uniform(low=1, high=4, integer=True)})
        assert bool(stop(grid, trials(*[0.7] * n), n_grid=4)) is stops

    def test_a_search_of_minutes_ends(self, tmp_path: Path, judged: Judged) -> None:
        result = run(tmp_path, searching(minutes=1e-9))
        assert len(result.trials) == 1
        assert result.stopped.startswith("the budget of 1e-09 minutes is spent")
