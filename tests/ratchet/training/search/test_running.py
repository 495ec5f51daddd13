from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ratchet.errors import TrainingError
from ratchet.spec.label import LabelKind
from ratchet.spec.model import ModelSpec
from ratchet.spec.search import Search, Uniform
from ratchet.training.fit import fit, labelled_matrix
from ratchet.training.search import running as module
from ratchet.training.search.running import search
from ratchet.training.search.trials import SearchResult
from tests.ratchet.features.make import make_frame, make_search, make_spec

TRAIN, VALIDATE = make_frame(300, seed=1), make_frame(200, seed=2, span="2013-01-06")


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # One file for the module: making its tables takes longer than a search.
    return tmp_path_factory.mktemp("studies")


def spec_of(trials: int, **train: object) -> ModelSpec:
    return make_spec(search=make_search(trials), parameters={"min_samples_leaf": 5}, **train)


def run(path: Path, spec: ModelSpec, name: str) -> SearchResult:
    return search(TRAIN, VALIDATE, spec, storage_path=path / "study.db", study_name=name)


def path_of(result: SearchResult) -> list[tuple[object, float | None]]:
    return [(trial.parameters, trial.auc) for trial in result.trials if trial.state == "complete"]


def test_the_fixed_parameters_are_trial_0_and_the_best_trial_wins(studies: Path) -> None:
    result = run(studies, spec_of(4), "best")
    assert [trial.number for trial in result.trials] == [0, 1, 2, 3, 4]
    assert result.trials[0].parameters == {}
    assert result.auc == max(trial.auc or 0 for trial in result.trials)
    assert result.parameters == next(trial.parameters for trial in result.trials if trial.auc == result.auc)
    for trial in result.trials[1:]:
        rate = trial.parameters["learning_rate"]
        assert isinstance(rate, float)
        assert 0.02 <= rate <= 0.5
        assert trial.parameters["max_iter"] in range(3, 13)
        assert trial.parameters["max_leaf_nodes"] in (7, 15)


def test_no_trials_means_the_fixed_parameters_and_no_study(tmp_path: Path) -> None:
    result = search(TRAIN, VALIDATE, make_spec(), storage_path=tmp_path / "study.db", study_name="study")
    assert (result.parameters, len(result.trials)) == ({}, 1)
    assert result.auc > 0.6
    assert not (tmp_path / "study.db").exists()


def test_a_search_takes_the_same_path_for_a_seed_killed_or_not(studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(studies, spec_of(4), "whole")
    original, calls = module.fit_matrix, []

    def killed(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt  # no Exception: as a kill, it leaves the trial running
        return original(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "fit_matrix", killed)
    with pytest.raises(KeyboardInterrupt):
        run(studies, spec_of(4), "resumed")
    resumed = run(studies, spec_of(4), "resumed")
    assert path_of(resumed) == path_of(whole)
    assert [trial.state for trial in resumed.trials].count("fail") == 1
    assert len(calls) == 3 + 3  # one trial was lost, none was done twice


def test_a_finished_search_fits_nothing_again(studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(studies, spec_of(2), "finished")
    monkeypatch.setattr(module, "fit_matrix", None)
    assert run(studies, spec_of(2), "finished") == first


def test_another_seed_takes_another_path(studies: Path) -> None:
    first, second = (run(studies, spec_of(2, seed=seed), str(seed)) for seed in (1, 2))
    assert first.trials[0].parameters == second.trials[0].parameters
    assert first.trials[1].parameters != second.trials[1].parameters


def test_one_outcome_in_the_validation_spans_is_refused(studies: Path) -> None:
    only_late = VALIDATE.filter(pl.col("is_late"))
    with pytest.raises(TrainingError, match="both outcomes in its validation spans"):
        search(TRAIN, only_late, spec_of(1), storage_path=studies / "study.db", study_name="study")


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
class TestOtherKinds:
    SPACE = Search(trials=2, space={"max_depth": Uniform(low=1, high=6, integer=True)})

    def spec(self, kind: LabelKind) -> ModelSpec:
        name = "Classifier" if kind == "multiclass" else "Regressor"
        return make_spec(f"sklearn.tree.DecisionTree{name}", kind=kind, search=self.SPACE)

    def test_settings_are_ranked_by_what_the_kind_is_ranked_by(self, studies: Path, kind: LabelKind) -> None:
        from sklearn.metrics import mean_absolute_error, roc_auc_score

        spec = self.spec(kind)
        result = run(studies, spec, f"ranked-{kind}")
        pipeline, judged_on = fit(TRAIN, spec, result.parameters), labelled_matrix(VALIDATE, spec)
        if kind == "multiclass":
            shares = pipeline.predict_proba(judged_on.features)
            expected = roc_auc_score(judged_on.labels, shares, multi_class="ovr", average="macro")
        else:
            error = mean_absolute_error(judged_on.labels, pipeline.predict(judged_on.features))
            expected = 1 - error / abs(judged_on.labels - TRAIN["delay"].median()).mean()
        assert result.auc == pytest.approx(expected)
        assert result.auc == max(trial.auc or 0 for trial in result.trials)

    def test_validation_spans_that_tell_nothing_are_refused(self, studies: Path, kind: LabelKind) -> None:
        column, one = ("status", pl.lit("late")) if kind == "multiclass" else ("delay", pl.lit(7.5))
        words = {"multiclass": "two classes", "regression": "numbers that vary"}[kind]
        with pytest.raises(TrainingError, match=f"A search needs {words} in its validation spans. Got 1 value of 200"):
            search(
                TRAIN,
                VALIDATE.with_columns(one.alias(column)),
                self.spec(kind),
                storage_path=studies / "study.db",
                study_name=f"one-{kind}",
            )
