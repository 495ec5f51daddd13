from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ratchet.spec.search import Search, Uniform
from ratchet.training.search.pruning import rungs_of
from tests.ratchet.features.make import make_frame, make_search, make_spec
from tests.ratchet.training.search.make import TRAIN, VALIDATE, Judged, run, searching

NINE = pl.concat(make_frame(60, seed=i, span=f"2013-01-0{i}") for i in range(1, 10))


def steps(train: pl.DataFrame, pruner: str = "median") -> list[tuple[int, int]]:
    spec = make_spec(search=Search(trials=1, pruner=pruner, space={"C": Uniform(low=1, high=2)}))  # type: ignore[arg-type]
    return [(rung.step, len(rung.examples.labels)) for rung in rungs_of(train, spec)]


def test_the_rungs_are_the_newest_ninth_and_third_of_the_spans_and_all_of_them() -> None:
    assert steps(NINE) == [(1, 60), (3, 180), (9, 540)]


def test_the_newest_spans_are_the_ones_that_are_kept() -> None:
    spec = make_spec(search=make_search(1).model_copy(update={"pruner": "median"}))
    marked = NINE.with_columns(distance=pl.col("span").str.slice(9).cast(float))
    assert set(rungs_of(marked, spec)[1].examples.features["distance"]) == {7.0, 8.0, 9.0}


def test_without_a_pruner_there_is_the_whole_alone() -> None:
    assert steps(NINE, "none") == [(9, 540)]


def test_one_span_has_no_part() -> None:
    assert steps(make_frame(400)) == [(9, 400)]


@pytest.mark.parametrize(
    ("n", "kept"), [pytest.param(50, [1, 3, 9], id="just-enough"), pytest.param(49, [3, 9], id="one-too-few")]
)
def test_a_part_that_could_not_teach_is_left_out(n: int, kept: list[int]) -> None:
    frame = pl.concat(make_frame(n, seed=i, span=f"2013-01-0{i}") for i in range(1, 10))
    assert [step for step, _ in steps(frame)] == kept


def test_a_part_with_one_outcome_is_left_out() -> None:
    last = NINE.with_columns(is_late=pl.col("is_late") & (pl.col("span") != "2013-01-09"))
    assert [step for step, _ in steps(last)] == [3, 9]


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_lagging_settings_are_broken_off_and_the_best_is_found_all_the_same(
    tmp_path: Path, judged: Judged, monkeypatch: pytest.MonkeyPatch, pruner: str
) -> None:
    monkeypatch.setattr("tests.ratchet.training.search.make.TRAIN", NINE)
    whole = run(tmp_path, searching(trials=30, sampler="random"), "whole")
    fits_of_all = len([step for _, step in judged.settings if step == 9])
    judged.settings.clear()
    pruned = run(tmp_path, searching(trials=30, sampler="random", pruner=pruner), "pruned")
    states = [trial.state for trial in pruned.trials]
    assert len([step for _, step in judged.settings if step == 9]) <= 0.7 * fits_of_all
    assert states.count("pruned") >= 9
    assert states[0] == "complete"
    assert all(trial.auc is None for trial in pruned.trials if trial.state == "pruned")
    # What was not broken off was judged by the very fit that it has without pruning.
    of_whole = {trial.number: (trial.parameters, trial.auc) for trial in whole.trials}
    for trial in pruned.trials:
        assert trial.parameters == of_whole[trial.number][0]
        assert trial.auc in (None, of_whole[trial.number][1])
    assert pruned.auc >= whole.auc - 0.02


def test_a_pruned_search_with_real_fits_ends_with_a_model_of_all_spans(tmp_path: Path) -> None:
    search = make_search(6).model_copy(update={"pruner": "hyperband"})
    spec = make_spec(search=search, parameters={"min_samples_leaf": 5})
    from ratchet.training.search.running import search as real

    result = real(NINE, VALIDATE, spec, storage_path=tmp_path / "study.log", study_name="real")
    assert len(result.trials) == 7
    assert result.auc > 0.6
    assert TRAIN.height == 300
