"""A search as a step: on one study below the home, by several workers, told in MLflow and in its report."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest

from ratchet.errors import InputError, RegistryDownError, TrainingError
from ratchet.packaging.package import load_package
from ratchet.project import Project
from ratchet.spec.model import ModelSpec
from ratchet.steps import tune as module
from ratchet.steps.evaluate import evaluate
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.select_window import WindowResult, select_window
from ratchet.steps.track_search import track_search
from ratchet.steps.train import train
from ratchet.steps.tune import ShareResult, TuneResult, try_settings, tune
from ratchet.training.registry import bounded
from ratchet.training.search.running import Ground
from tests.factories.lives import LOADED, Life
from tests.factories.models import Model, at, day
from tests.factories.processes import killed_at, race

TREES = "sklearn.ensemble.HistGradientBoostingClassifier"
LOGISTIC = "sklearn.linear_model.LogisticRegression"
NET = "sklearn.neural_network.MLPClassifier"
SPACE = {"C": {"low": 0.01, "high": 10.0, "log": True}}
TREE_SPACE = {"max_iter": {"low": 3, "high": 30, "integer": True}, "max_leaf_nodes": {"choices": [3, 7]}}


def window_of(model: Model) -> WindowResult:
    return select_window(model.project, model.spec, day(LOADED), reasons=("cold_start",))


def search(model: Model, **search: Any) -> TuneResult:
    model.edit({"train.search": {"trials": 3, "space": SPACE} | search})
    return tune(model.project, model.spec, window_of(model))


def trees_against_linear(model: Model, **linear: Any) -> TuneResult:
    model.edit({"train.estimator": TREES, "train.parameters": {"early_stopping": False}})
    return search(
        model,
        trials=10,
        space=TREE_SPACE,
        families={"linear": {"estimator": LOGISTIC, "space": SPACE} | linear},
        feature_sets={"few": ["distance", "hour"]},
    )


def test_a_search_is_told_with_its_best_its_end_and_its_report(life: Life):
    model = life("loaded")
    result = search(model)
    assert len(result.trials) == 4
    assert result.validation_auc == max(trial["auc"] for trial in result.trials)  # type: ignore[type-var]
    assert result.stopped == "the budget of 3 trials is spent"
    assert result.stopped in result.words
    assert (result.family, result.features, result.estimator) == ("main", "all", LOGISTIC)
    page = model.store.read(str(result.report_uri)).decode()
    assert "It stopped because the budget of 3 trials is spent." in page
    assert page.count("<circle") == 4


def test_without_a_search_there_is_one_trial_no_study_and_no_report(life: Life):
    model = life("loaded")
    result = tune(model.project, model.spec, window_of(model))
    assert (len(result.trials), result.report_uri, result.words[:4]) == (1, None, "AUC ")
    assert not list(Path(model.project.home).rglob("study.log"))
    assert track_search(model.project, model.spec, result, at=at(day(LOADED))) is None


@pytest.mark.parametrize(
    ("rank", "winner"), [pytest.param(None, "linear", id="simpler"), pytest.param(9, "main", id="less-simple")]
)
def test_the_simplest_family_within_the_interval_of_the_best_is_trained_and_evaluated(
    life: Life, rank: int | None, winner: str
):
    model = life("loaded")
    result = trees_against_linear(model, **({"rank": rank} if rank else {}))
    assert {(one["family"], one["features"]) for one in result.contenders} >= {("main", "all"), ("linear", "all")}
    best = result.contenders[0]
    within = [one for one in result.contenders if one["low"] <= 0]  # type: ignore[operator]
    assert {one["family"] for one in within} == {"main", "linear"}  # else the ranks would decide nothing
    assert (best["low"], best["high"]) == (0, 0)
    assert result.family == winner
    assert result.estimator == (LOGISTIC if winner == "linear" else TREES)
    assert "the simplest contender" in model.store.read(str(result.report_uri)).decode().lower()
    window = window_of(model)
    trained = train(model.project, model.spec, window, result, at=at(day(LOADED)))
    package = json.loads(model.store.read(f"models/parcels/{trained.digest}/package.json"))
    assert package["estimator"] == result.estimator
    assert evaluate(model.project, model.spec, window, trained).candidate_auc is not None


def test_a_model_of_a_chosen_set_of_features_does_not_read_the_others(life: Life):
    model = life("loaded")
    model.edit({"train.search": {"trials": 2, "feature_sets": {"few": ["distance", "hour"]}}})
    window, spec = window_of(model), model.spec
    tuned = tune(model.project, spec, window)
    chosen = replace(tuned, features="few", parameters={})
    trained = train(model.project, spec, window, chosen, at=at(day(LOADED)))
    loaded = load_package(model.store, model.id, trained.digest)
    frame = read_labelled_examples(model.project, spec, window.validate_spans)
    scores = loaded.predict(frame)
    assert (loaded.predict(frame.with_columns(pl.col("weight") + 100.0)) == scores).all()
    assert (loaded.predict(frame.with_columns(pl.col("distance") + 100.0)) != scores).any()


def test_a_neural_net_is_searched_by_its_layers_and_trained_with_the_best(life: Life):
    model = life("loaded")
    model.edit({"train.estimator": NET, "train.parameters": {"max_iter": 300, "tol": 0.01, "n_iter_no_change": 3}})
    result = search(model, trials=4, space={"hidden_layer_sizes": {"max_layers": 2, "units": [2, 3]}})
    tried = [trial["parameters"].get("hidden_layer_sizes") for trial in result.trials]  # type: ignore[attr-defined]
    assert tried[0] is None
    assert all(set(layers) <= {2, 3} and len(layers) <= 2 for layers in tried[1:])
    assert tune(model.project, model.spec, window_of(model)) == result
    wanted = replace(result, parameters={"hidden_layer_sizes": (3, 2)})
    trained = train(model.project, model.spec, window_of(model), wanted, at=at(day(LOADED)))
    pipeline = load_package(model.store, model.id, trained.digest).pipeline
    assert [weights.shape[1] for weights in pipeline[-1].coefs_] == [3, 2, 1]


def search_in(project: Project, spec: ModelSpec, window: WindowResult, tells: bool = False) -> None:
    tune(project, spec, window, at=at(day(LOADED)) if tells else None)


def test_a_killed_search_goes_on_from_its_study_below_the_home(life: Life, monkeypatch: pytest.MonkeyPatch):
    model = life("loaded")
    model.edit({"train.search": {"trials": 4, "space": SPACE}})
    window = window_of(model)
    killed_at("search.fitted.2", search_in, model.project, model.spec, window)
    study = list(Path(model.project.home).rglob("study.log"))
    assert [path.parent.parent.name for path in study] == ["tune"]
    fitted, original = [], Ground.auc

    def counted(self: Ground, *of: Any) -> float:
        fitted.append(of)
        return original(self, *of)

    monkeypatch.setattr(Ground, "auc", counted)
    result = tune(model.project, model.spec, window)
    assert [trial["state"] for trial in result.trials] == ["complete", "complete", "fail", *["complete"] * 3]
    assert len(fitted) == 3


def test_workers_try_on_one_study_and_what_they_tried_is_concluded(life: Life, monkeypatch: pytest.MonkeyPatch):
    model = life("loaded")
    model.edit({"train.search": {"trials": 4, "space": SPACE, "workers": 2}})
    window = window_of(model)
    shares = [try_settings(model.project, model.spec, window, worker) for worker in range(2)]
    assert [(share.n_trials, share.words) for share in shares] == [
        (5, "worker 0 tried 5 setting(s)"),
        (0, "worker 1 tried 0 setting(s)"),
    ]
    monkeypatch.setattr(Ground, "auc", None)
    result = tune(model.project, model.spec, window)
    assert len(result.trials) == 5
    monkeypatch.setattr(module, "read_labelled_examples", None)
    assert try_settings(model.project, model.spec, window, 1).n_trials == 0
    assert tune(model.project, model.spec, window) == result


def test_workers_without_a_disk_to_share_are_refused(life: Life, s3_server: Any, monkeypatch: pytest.MonkeyPatch):
    from tests.faults.moto_server import set_s3_environment

    set_s3_environment(monkeypatch, s3_server.url)
    model = life("loaded")
    model.edit({"train.search": {"trials": 4, "space": SPACE, "workers": 2}})
    window = window_of(model)
    elsewhere = replace(model.project, home=s3_server.fresh_uri())
    with pytest.raises(InputError, match="2 workers share a study on a local disk"):
        try_settings(elsewhere, model.spec, window, 0)


class TestInMlflow:
    @pytest.fixture
    def model(self, life: Life) -> Model:
        return life("loaded")

    def runs(self, model: Model) -> tuple[list[Any], list[Any]]:
        with bounded(model.project.tracking_uri) as client:
            experiment = client.get_experiment_by_name("parcels")
            assert experiment is not None
            found = client.search_runs([experiment.experiment_id])
        children = [run for run in found if "mlflow.parentRunId" in run.data.tags]
        return [run for run in found if run not in children], children

    def test_there_is_one_run_for_the_search_and_one_below_it_for_each_trial(self, model: Model):
        tuned = search(model)
        assert track_search(model.project, model.spec, tuned, at=at(day(LOADED))) is None  # a file has no pages
        [parent], children = self.runs(model)
        assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.info.run_id}
        aucs = {int(child.data.tags["ratchet.trial"]): child.data.metrics["validation_auc"] for child in children}
        assert aucs == {trial["number"]: trial["auc"] for trial in tuned.trials}
        searched = [child for child in children if child.data.tags["ratchet.trial"] != "0"]
        assert all(float(child.data.params["C"]) > 0 for child in searched)
        assert parent.data.metrics["validation_auc"] == tuned.validation_auc
        assert parent.info.status == "FINISHED"
        with bounded(model.project.tracking_uri) as client:
            best = client.get_metric_history(parent.info.run_id, "best_auc")
            files = {file.path for file in client.list_artifacts(parent.info.run_id)}
            plot = Path(client.download_artifacts(parent.info.run_id, "progress.svg")).read_text()
        assert [point.value for point in sorted(best, key=lambda point: point.step)] == sorted(
            point.value for point in best
        )
        assert {"search.html", "progress.svg"} <= files
        assert ElementTree.fromstring(plot).tag == "{http://www.w3.org/2000/svg}svg"
        assert "--accent:" in plot

    def test_a_repeat_enters_what_is_missing_and_nothing_twice(self, model: Model, monkeypatch: pytest.MonkeyPatch):
        from mlflow import MlflowClient

        tuned, calls, original = search(model), [], MlflowClient.set_terminated

        def broken(self: Any, run_id: str, *of: Any, **named: Any) -> None:
            calls.append(run_id)
            if len(calls) == 3:
                raise RuntimeError("cut off")
            original(self, run_id, *of, **named)

        monkeypatch.setattr(MlflowClient, "set_terminated", broken)
        with pytest.raises(RuntimeError, match="cut off"):
            track_search(model.project, model.spec, tuned, at=at(day(LOADED)))
        monkeypatch.setattr(MlflowClient, "set_terminated", original)
        for _ in range(2):
            track_search(model.project, model.spec, tuned, at=at(day(LOADED)))
        [parent], children = self.runs(model)
        assert parent.info.status == "FINISHED"
        assert sorted(child.data.tags["ratchet.trial"] for child in children) == ["0", "1", "2", "3"]
        assert {child.info.status for child in children} == {"FINISHED"}

    def test_importance_is_a_plot_of_each_family_with_enough_trials(self, model: Model):
        tuned = search(model, trials=9, space=SPACE | {"tol": {"low": 1e-6, "high": 1e-3, "log": True}})
        assert set(tuned.importance) == {"main"}
        shares = dict(tuned.importance["main"])
        assert shares["C"] > shares["tol"]
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
        track_search(model.project, model.spec, tuned, at=at(day(LOADED)))
        [parent], _ = self.runs(model)
        with bounded(model.project.tracking_uri) as client:
            assert "importance-main.svg" in {file.path for file in client.list_artifacts(parent.info.run_id)}


class TestToldWhileItRuns:
    """Each trial is in MLflow when it has ended; nothing that MLflow does stops or changes the search."""

    TRIALS = ("0", "1", "2", "3")

    @pytest.fixture
    def model(self, life: Life) -> Model:
        model = life("loaded")
        model.edit({"train.search": {"trials": 3, "space": SPACE}})
        return model

    def told(self, model: Model) -> tuple[list[str], list[str]]:
        """The states of the parents, and the finished trials, by number."""
        with bounded(model.project.tracking_uri) as client:
            experiment = client.get_experiment_by_name("parcels")
            assert experiment is not None
            found = client.search_runs([experiment.experiment_id])
        parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
        children = [run for run in found if run not in parents]
        assert {child.data.tags["mlflow.parentRunId"] for child in children} <= {run.info.run_id for run in parents}
        finished = [child for child in children if child.info.status == "FINISHED"]
        assert all(0.5 < child.data.metrics["validation_auc"] <= 1 for child in finished)
        return [run.info.status for run in parents], sorted(child.data.tags["ratchet.trial"] for child in finished)

    def run(self, model: Model) -> TuneResult:
        return tune(model.project, model.spec, window_of(model), at=at(day(LOADED)))

    def finish(self, model: Model, tuned: TuneResult) -> None:
        track_search(model.project, model.spec, tuned, at=at(day(LOADED)))
        assert self.told(model) == (["FINISHED"], list(self.TRIALS))

    def test_a_trial_that_has_ended_is_there_before_the_next_one_begins(self, model: Model, monkeypatch):
        seen, original = [], Ground.auc

        def looked(self_: Ground, *of: Any) -> float:
            seen.append(self.told(model)[1] if seen else [])
            return original(self_, *of)

        monkeypatch.setattr(Ground, "auc", looked)
        tuned = self.run(model)
        assert seen == [[], ["0"], ["0", "1"], ["0", "1", "2"]]
        assert self.told(model) == (["RUNNING"], list(self.TRIALS))
        monkeypatch.setattr("ratchet.training.search_tracking._log_trial", None)
        self.finish(model, tuned)

    @pytest.mark.parametrize("point", ["search.fitted.2", "search.tracked.2"])
    def test_killed_and_run_again_each_trial_is_told_once(self, model: Model, point: str):
        killed_at(point, search_in, model.project, model.spec, window_of(model), True)
        assert self.told(model) == (["RUNNING"], ["0", "1"])
        tuned = self.run(model)
        track_search(model.project, model.spec, tuned, at=at(day(LOADED)))
        states = {str(trial["number"]): trial["state"] for trial in tuned.trials}
        complete = [number for number, state in states.items() if state == "complete"]
        assert self.told(model) == (["FINISHED"], complete)
        assert len(complete) == 4

    def test_while_mlflow_is_down_the_search_goes_on_and_is_told_at_the_end(self, model: Model, monkeypatch):
        tried = []

        def is_down(*of: Any, **named: Any) -> None:
            tried.append(of)
            raise RegistryDownError("MLflow did not answer")

        with monkeypatch.context() as patch:
            patch.setattr("ratchet.steps.track_search.start_or_resume", is_down)
            tuned = self.run(model)
        # It is asked once, and then left alone for a while: each call in vain takes twenty seconds.
        assert len(tried) == 1
        assert [trial["state"] for trial in tuned.trials] == ["complete"] * 4
        self.finish(model, tuned)

    def test_a_search_that_lost_its_study_tells_no_trial_twice(self, model: Model):
        first = self.run(model)
        shutil.rmtree(Path(model.project.home, "runs/parcels/tune"))
        again = self.run(model)
        assert [trial["parameters"] for trial in again.trials] == [trial["parameters"] for trial in first.trials]
        assert self.told(model) == (["RUNNING"], list(self.TRIALS))

    def test_workers_tell_theirs_below_one_run(self, model: Model):
        model.edit({"train.search.workers": 2})
        window = window_of(model)
        shares = race(*((share_in, (model.project, model.spec, window, worker), {}) for worker in range(2)))
        assert sum(share.n_trials for share in shares) == len(self.TRIALS)
        assert self.told(model) == (["RUNNING"], list(self.TRIALS))
        self.finish(model, tune(model.project, model.spec, window, at=at(day(LOADED))))

    def test_a_search_that_breaks_off_is_marked_as_failed_until_it_is_run_again(self, model: Model, monkeypatch):
        original, fits = Ground.auc, []

        def breaks(self_: Ground, *of: Any) -> float:
            fits.append(of)
            if len(fits) == 3:
                raise TrainingError("no room")
            return original(self_, *of)

        with monkeypatch.context() as patch:
            patch.setattr(Ground, "auc", breaks)
            with pytest.raises(TrainingError, match="no room"):
                self.run(model)
        assert self.told(model) == (["FAILED"], ["0", "1"])
        tuned = self.run(model)
        track_search(model.project, model.spec, tuned, at=at(day(LOADED)))
        assert self.told(model) == (["FINISHED"], ["0", "1", "3", "4"])


def share_in(project: Project, spec: ModelSpec, window: WindowResult, worker: int) -> ShareResult:
    return try_settings(project, spec, window, worker, at=at(day(LOADED)))
