from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ratchet.packaging.package import load_package
from ratchet.spec.model import ModelSpec
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.explain_candidate import explain_candidate, read_explanation
from ratchet.steps.feature_selection import Selected, select_features
from ratchet.steps.select_window import select_window
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from ratchet.training.fit import fit_matrix, labelled_matrix
from tests.factories.lives import LOADED, Life
from tests.factories.models import at, day, parcels_spec

TREES = {
    "train.estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
    "train.parameters": {"max_iter": 20, "max_leaf_nodes": 4},
}


def make_parcels(seed: int, n: int = 3000, *, twin: bool = False) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    distance = rng.uniform(0, 100, n)
    return pl.DataFrame(
        {
            "span": "2024-03-01",
            "parcel_id": [f"{i:05}" for i in range(n)],
            "distance": distance,
            # The same thing told twice, each time with its own small error.
            "weight": distance + rng.normal(size=n) if twin else np.full(n, 5.0),
            "carrier": rng.choice(list("ABC"), n),
            "hour": np.zeros(n),
            "is_late": rng.random(n) < 1 / (1 + np.exp(-(distance - 50) / 10)),
        }
    )


def select(frame: pl.DataFrame, changes: dict[str, Any]) -> Selected:
    spec: ModelSpec = parcels_spec(TREES | changes)
    examples = labelled_matrix(frame, spec)
    return select_features(
        spec, fit_matrix(examples, spec), examples, make_parcels(9, twin=frame["weight"][0] != 5), {}
    )


def test_without_the_key_nothing_is_left_out():
    found = select(make_parcels(1), {})
    assert (found.kept, found.left_out, found.words) == (("distance", "weight", "carrier", "hour"), (), "")


def test_what_brings_nothing_is_left_out_and_what_is_to_be_kept_is_not():
    found = select(make_parcels(1), {"features.selection": {"floor": 0.01, "keep": ["hour"]}})
    assert (set(found.kept), set(found.left_out)) == ({"distance", "hour"}, {"weight", "carrier"})
    assert found.pipeline.n_features_in_ == 2


def test_the_one_that_brings_most_is_never_left_out():
    found = select(make_parcels(1), {"features.selection": {"floor": 1.0}})
    assert found.kept == ("distance",)


def test_features_that_are_missed_once_they_are_gone_are_kept_and_that_is_said(monkeypatch: pytest.MonkeyPatch):
    frame = make_parcels(1)

    from ratchet.steps import feature_selection

    # A made-up judgement: that the feature which decides everything is idle.
    monkeypatch.setattr(feature_selection, "_idle", lambda *_: ("distance",))
    found = select(frame, {"features.selection": {"floor": 0.01}})
    assert found.left_out == ()
    assert "distance seem idle, and AUC falls from 0.9267 to 0.5037" in found.words


def test_an_unknown_feature_to_keep_is_refused():
    with pytest.raises(ValueError, match=r"selection.keep: hours is no feature"):
        parcels_spec({"features.selection": {"keep": ["hours"]}})


def test_the_package_reads_what_is_kept_alone_and_is_explained_by_that(life: Life):
    model = life("loaded")
    model.edit({"features.selection": {"floor": 0.05}})
    project, spec = model.project, model.spec
    window = select_window(project, spec, day(LOADED), reasons=("cold_start",))
    trained = train(project, spec, window, tune(project, spec, window), at=at(day(LOADED)))
    assert set(trained.left_out) == {"weight", "hour"}
    assert trained.words.endswith(f"left out: {', '.join(trained.left_out)}")
    loaded = load_package(model.store, model.id, trained.digest)
    assert list(loaded.card.features) == ["distance", "carrier"]
    test = read_labelled_examples(project, spec, window.test_spans)
    assert np.array_equal(loaded.predict(test), loaded.predict(test.drop("weight", "hour")))
    explained = explain_candidate(project, spec, window, trained, test)
    assert explained is not None
    told = read_explanation(project, explained.explanation_uri)
    assert told is not None
    assert {of.feature for of in told.importance} == {"distance", "carrier"}
    assert told.groups == ()  # the derived one is gone
    assert told.learning[-1].n_examples == 900
