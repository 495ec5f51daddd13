"""The train step with checkpoints: killed and resumed, watched in MLflow, stopped by a person."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ratchet.cli.app import app
from ratchet.errors import InputError, RegistryDownError
from ratchet.steps import long_fits
from ratchet.steps.long_fits import request_stop
from ratchet.steps.reproduce import reproduce
from ratchet.steps.select_window import select_window
from ratchet.steps.train import TrainResult, train
from ratchet.steps.tune import tune
from ratchet.training.registry import bounded
from ratchet.training.round_metrics import TRAIN, VALIDATION
from tests.factories.lives import LOADED, Life
from tests.factories.models import AUTHOR, Model, at, day
from tests.factories.processes import killed_at

NIGHT = day(LOADED)


@pytest.fixture
def model(life: Life) -> Model:
    model = life("loaded")
    model.edit({"train.estimator": "lightgbm.LGBMClassifier", "train.checkpoint_rounds": 4})
    model.edit({"train.parameters": {"n_estimators": 10, "num_leaves": 4}})
    return model


def train_it(model: Model) -> TrainResult:
    window = select_window(model.project, model.spec, NIGHT, reasons=("cold_start",))
    return train(model.project, model.spec, window, tune(model.project, model.spec, window), at=at(NIGHT))


def logged(model: Model, run_id: str, name: str) -> dict[int, float]:
    with bounded(model.project.tracking_uri) as client:
        history = client.get_metric_history(run_id, name)
    assert len({point.step for point in history}) == len(history)  # none twice
    return {point.step: point.value for point in history}


def stop_at(model: Model, original: Any, number: int) -> Any:
    """Tell as before, and ask the fit to stop once it has so many rounds."""

    def tell(self: Any, reached: Any, wanted: int) -> None:
        original(self, reached, wanted)
        if reached.rounds == number:
            request_stop(model.project, model.id, reason="good enough", author=AUTHOR, at=at(NIGHT))

    return tell


def test_a_killed_fit_shows_its_rounds_and_a_rerun_gives_the_model_of_a_fit_that_was_not_killed(model: Model):
    killed_at("fit.checkpoint_8", train_it, model)
    (progress,) = (name for name in model.store.list("runs/parcels/train") if name.endswith("progress.json"))
    assert json.loads(model.store.read(progress))["rounds"] == 4
    with bounded(model.project.tracking_uri) as client:
        (experiment,) = (e.experiment_id for e in client.search_experiments() if e.name == "parcels")
        (run,) = client.search_runs([experiment])
    assert run.info.status == "RUNNING"
    assert sorted(logged(model, run.info.run_id, VALIDATION)) == [1, 2, 3, 4]
    resumed = train_it(model)
    assert (resumed.run_id, resumed.rounds, resumed.ended) == (run.info.run_id, 10, None)
    for name in (TRAIN, VALIDATION):
        assert sorted(logged(model, run.info.run_id, name)) == list(range(1, 11))
    for name in model.store.list("checkpoints"):
        model.store.delete(name)
    (folder,) = (name for name in model.store.list("runs/parcels/train") if name.endswith("result.json"))
    model.store.delete(folder)
    assert train_it(model).digest == resumed.digest


def test_a_stopped_fit_is_repeated_without_idle_features_for_as_many_rounds_as_it_had(
    model: Model, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(long_fits._Told, "tell", stop_at(model, long_fits._Told.tell, 8))
    model.edit({"features.selection": {"floor": 0.3}})
    trained = train_it(model)
    assert (trained.rounds, trained.parameters["n_estimators"]) == (8, 8)
    assert trained.left_out
    assert reproduce(model.project, model.spec, trained.version).equality == "bits"


def test_a_person_stops_a_fit_and_what_it_reached_is_the_candidate(model: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(long_fits._Told, "tell", stop_at(model, long_fits._Told.tell, 8))
    stopped = train_it(model)
    assert stopped.rounds == stopped.parameters["n_estimators"] == 8
    assert stopped.ended == "stopped after 8 of 10 rounds: tests asked for it: good enough"
    assert stopped.words.endswith(stopped.ended)
    assert train_it(model) == stopped
    # More rounds are another result, gone on with from the last checkpoint; the request was for the other fit.
    model.edit({"train.parameters": {"n_estimators": 12, "num_leaves": 4}})
    monkeypatch.undo()
    assert train_it(model).rounds == 12


def test_a_stop_needs_a_fit_and_a_reason(model: Model):
    with pytest.raises(InputError, match="No fit of parcels is at work"):
        request_stop(model.project, model.id, reason="x", author=AUTHOR, at=at(NIGHT))
    with pytest.raises(InputError, match="A reason must be given"):
        request_stop(model.project, model.id, reason=" ", author=AUTHOR, at=at(NIGHT))
    train_it(model)
    with pytest.raises(InputError, match="No fit of parcels is at work"):
        request_stop(model.project, model.id, reason="x", author=AUTHOR, at=at(NIGHT))
    assert "stop-training" in {command.name for command in app.registered_commands}


def test_an_mlflow_that_is_down_for_a_while_costs_no_fit(model: Model, monkeypatch: pytest.MonkeyPatch):
    original, calls = long_fits.log_rounds, []

    def down_at_first(run: Any, losses: Any, **said: Any) -> None:
        calls.append(len(losses))
        if len(calls) in (2, 3):
            raise RegistryDownError("down")
        original(run, losses, **said)

    monkeypatch.setattr(long_fits, "log_rounds", down_at_first)
    result = train_it(model)
    assert calls == [0, 4, 8, 10]  # what was not logged comes again
    assert sorted(logged(model, result.run_id, TRAIN)) == list(range(1, 11))
