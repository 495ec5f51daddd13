"""A weak candidate is no noise of labels; labels that are turned are, whoever looks."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ratchet.evaluation.noise import label_noise
from ratchet.packaging.loaded import score
from ratchet.spec.model import ModelSpec
from ratchet.steps import noise as module
from ratchet.steps.noise import CANDIDATE, REFERENCE, tell_noise
from ratchet.training.fit import fit, labelled_matrix
from tests.factories.models import day, parcels_spec

LOGISTIC = parcels_spec()


def rows(number: int, *, turned: float, n: int = 2000) -> pl.DataFrame:
    """Late is every other twentieth of the distance: no line tells it, trees do, and each class is one half."""
    rng = np.random.default_rng(number)
    distance, weight = rng.uniform(-1, 1, size=n), rng.uniform(-1, 1, size=n)
    return pl.DataFrame(
        {
            "span": [day(number)] * n,
            "parcel_id": [f"{number}-{i:05}" for i in range(n)],
            "distance": distance,
            "weight": weight,
            "carrier": "A",
            "hour": 0.0,
            "is_late": (np.floor(10 * distance) % 2 == 0) ^ (rng.random(n) < turned),
        }
    )


def told(spec: ModelSpec, turned: float) -> tuple[object, str]:
    train, test = rows(1, turned=turned), rows(2, turned=turned)
    labels = test["is_late"].to_numpy()
    scores = score(fit(train, spec), labelled_matrix(test, spec).features)
    own = label_noise(labels, scores)
    assert own is not None
    assert own.value > spec.evaluate.inspect.max_label_noise
    found = tell_noise(spec, train, test, labels, scores)
    return found.interval, found.by


def test_a_weak_model_on_clean_labels_is_not_called_noisy():
    found, by = told(LOGISTIC, turned=0.0)
    assert found.high < 0.05
    assert by == REFERENCE


@pytest.mark.parametrize("turned", [0.4, 0.45])
def test_labels_that_are_turned_are_noise_to_every_model(turned: float):
    found, _ = told(LOGISTIC, turned=turned)
    assert found.low > LOGISTIC.evaluate.inspect.max_label_noise - 0.03
    assert found.high > turned - 0.03


def test_a_candidate_within_the_bound_is_not_doubted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "fit", None)
    test = rows(2, turned=0.1)
    labels = test["is_late"].to_numpy()
    scores = np.where(np.floor(10 * test["distance"]) % 2 == 0, 0.9, 0.1) + np.linspace(0, 0.05, test.height)
    found = tell_noise(LOGISTIC, test, test, labels, scores)
    assert (found.interval, found.by) == (label_noise(labels, scores), CANDIDATE)


def test_where_no_trees_can_be_fitted_the_candidate_s_own_ends_are_told():
    test = rows(2, turned=0.5)
    labels, scores = test["is_late"].to_numpy(), np.random.default_rng(0).random(test.height)
    found = tell_noise(LOGISTIC, test.head(10), test, labels, scores)
    assert (found.interval, found.by) == (label_noise(labels, scores), CANDIDATE)
