from __future__ import annotations

import re
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


NUMBERS = {
    "label": {"column": "minutes", "kind": "regression", "known_after_spans": 1},
    "train.estimator": "sklearn.ensemble.HistGradientBoostingRegressor",
}
CLASSES = {
    "label": {"column": "size", "kind": "multiclass", "classes": ["s", "m", "l"], "known_after_spans": 1},
    "train.estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
}


def make_of_kinds(seed: int) -> pl.DataFrame:
    """Parcels whose distance, and nothing else, tells a number and a class."""
    frame, rng = make_parcels(seed, 1000), np.random.default_rng(seed)
    distance = frame["distance"] + rng.normal(size=frame.height) * 5
    size = pl.Series("size", np.array(["s", "m", "l"])[np.digitize(distance, [30, 70])])
    return frame.with_columns(distance.alias("minutes") * 1000, size)


@pytest.mark.parametrize(
    ("changes", "quality"), [(NUMBERS, "skill"), (CLASSES, "macro AUC")], ids=["numbers", "classes"]
)
class TestOtherKinds:
    def select(self, changes: dict[str, Any], selection: dict[str, Any]) -> Selected:
        spec = parcels_spec({**changes, "train.parameters": TREES["train.parameters"], "features.selection": selection})
        examples = labelled_matrix(make_of_kinds(1), spec)
        return select_features(spec, fit_matrix(examples, spec), examples, make_of_kinds(9), {})

    def test_what_brings_nothing_is_left_out_whatever_the_unit_of_the_label(self, changes, quality):
        found = self.select(changes, {"floor": 0.02, "keep": ["hour"]})
        assert (set(found.kept), set(found.left_out)) == ({"distance", "hour"}, {"weight", "carrier"})
        assert found.pipeline.n_features_in_ == 2

    def test_what_is_missed_is_kept_and_told_in_its_quality(self, changes, quality, monkeypatch: pytest.MonkeyPatch):
        from ratchet.steps import feature_selection

        monkeypatch.setattr(feature_selection, "_idle", lambda *_: ("distance",))
        found = self.select(changes, {"floor": 0.02})
        assert found.left_out == ()
        before, after = re.findall(r"-?\d\.\d{4}", found.words)
        assert f"distance seem idle, and {quality} falls from {before} to {after} without them: kept" in found.words
        # A skill of 0 and an AUC of a half are those of a guess.
        assert float(before) > 0.7
        assert float(after) == pytest.approx(0 if quality == "skill" else 0.5, abs=0.05)


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
    known = read_labelled_examples(project, spec, window.train_spans)
    explained = explain_candidate(project, spec, window, trained, known, test)
    assert explained is not None
    told = read_explanation(project, explained.explanation_uri)
    assert told is not None
    assert {of.feature for of in told.importance} == {"distance", "carrier"}
    assert told.groups == ()  # the derived one is gone
    assert told.learning[-1].n_examples == 900
