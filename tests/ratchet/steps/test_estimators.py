"""A candidate of another library, and one of a class of the model folder, from its training to its gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ratchet.identity import ModelId
from ratchet.packaging.package import load_package
from ratchet.steps.examples import read_all_examples
from ratchet.steps.select_window import select_window
from ratchet.steps.train import TrainResult, train
from ratchet.steps.tune import tune
from ratchet.training.registry import bounded
from tests.factories.lives import LOADED, Life, try_candidate
from tests.factories.models import Model, at, day
from tests.ratchet.features.make import LIGHTGBM, XGBOOST, each_of

CUSTOM = """
from sklearn.linear_model import LogisticRegression

class Scaled(LogisticRegression):
    pass
"""


def train_with(model: Model, estimator: str, **parameters: Any) -> TrainResult:
    changes = {"train.estimator": estimator, "train.parameters": parameters, "train.search": {"trials": 0, "space": {}}}
    model.edit(changes)
    window = select_window(model.project, model.spec, day(LOADED), reasons=("cold_start",))
    return train(model.project, model.spec, window, tune(model.project, model.spec, window), at=at(day(LOADED)))


@pytest.mark.parametrize("estimator", each_of((LIGHTGBM, XGBOOST)))
def test_mlflow_loads_a_native_model_through_the_checks_of_its_package(life: Life, estimator: str):
    import mlflow.pyfunc

    from ratchet.features.matrix import feature_roles, to_matrix

    model = life("loaded")
    trained = train_with(model, estimator, n_estimators=5)
    with bounded(model.project.tracking_uri) as client:
        source = str(client.get_model_version("parcels", trained.version).source)
    examples = read_all_examples(model.project, model.spec, [day(3)])
    served = load_package(model.store, ModelId("parcels"), trained.digest).predict(examples)
    registered = mlflow.pyfunc.load_model(source)
    matrix = to_matrix(examples, feature_roles(model.spec.features))
    np.testing.assert_array_equal(registered.predict(matrix)[:, 1], served)


def test_a_class_of_the_folder_goes_to_its_gate_and_an_edit_of_it_trains_anew(life: Life):
    model = life("loaded")
    source = model.path / "estimators.py"
    source.write_text(CUSTOM)
    first = train_with(model, "estimators.Scaled")
    assert train_with(model, "estimators.Scaled") == first
    gate = try_candidate(model, day(LOADED), "cold_start")
    assert gate.candidate_digest == first.digest
    assert gate.verdict == "pass"
    source.write_text(CUSTOM + "# reviewed\n")
    assert train_with(model, "estimators.Scaled").digest != first.digest
