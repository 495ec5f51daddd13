"""Leaks and noise of labels of several classes and of numbers."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from ratchet.evaluation.leakage import feature_auc, feature_concordance
from ratchet.evaluation.noise import class_noise


def concordance(values, labels):
    """The share of pairs whose order is the same, by hand."""
    apart = np.sign(np.subtract.outer(values, values)) * np.sign(np.subtract.outer(labels, labels))
    return float((1 + apart[np.triu_indices(len(values), 1)].mean()) / 2)


class TestConcordance:
    @pytest.mark.parametrize("noise", [0.1, 0.5, 2.0])
    @pytest.mark.parametrize("sign", [1, -1])
    def test_it_is_the_share_of_pairs_in_the_same_order(self, noise, sign):
        rng = np.random.default_rng(1)
        labels = rng.normal(size=800)
        values = sign * (labels + rng.normal(0, noise, 800))
        found = feature_concordance(pl.Series(values), np.exp(labels), "numeric")
        assert found == pytest.approx(concordance(sign * values, labels), abs=0.02)

    def test_a_copy_of_the_label_tells_all_and_noise_nothing(self):
        rng = np.random.default_rng(2)
        labels = rng.gamma(2, 10, 500)
        assert feature_concordance(pl.Series(labels) * 3, labels, "numeric") == 1
        assert feature_concordance(pl.Series(rng.normal(size=500)), labels, "numeric") < 0.55

    def test_a_category_tells_by_the_mean_of_its_other_examples(self):
        rng = np.random.default_rng(3)
        labels = rng.normal(size=1_000)
        halves = pl.Series(np.where(labels > 0, "high", "low"))
        assert 0.75 < feature_concordance(halves, labels, "categorical") < 0.95
        ids = pl.Series([f"{i}" for i in range(1_000)])
        assert feature_concordance(ids, labels, "categorical") < 0.55

    @pytest.mark.parametrize(
        "labels", [np.arange(19.0), np.full(50, 3.0)], ids=["too-few-examples", "all-of-one-number"]
    )
    def test_without_numbers_that_vary_it_is_not_known(self, labels):
        assert feature_concordance(pl.Series(np.arange(float(len(labels)))), labels, "numeric") is None


def test_a_feature_that_tells_one_class_of_several_is_a_leak():
    from ratchet.evaluation.leakage import read_features
    from ratchet.spec.source import Source

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    frame = pl.DataFrame(
        {
            "trip_id": [f"{i}" for i in range(600)],
            "began_at": pl.Series(np.arange(600)).cast(pl.Datetime("us", "UTC")),
            "is_bus": np.where(labels == 2, 1.0, 0.0),
            "idle": rng.normal(size=600),
        }
    )
    source = Source.model_construct(entity="trip_id", time="began_at", time_zone="UTC")
    found = read_features(frame, labels, {"is_bus": "numeric", "idle": "numeric"}, source=source, kind="multiclass")
    assert [one.auc for one in found] == [feature_auc(frame["is_bus"], labels == 2, "numeric"), found[1].auc]
    assert found[0].auc == 1
    assert found[1].auc < 0.6


class TestClassNoise:
    def answers(self, n=1_000, *, turned=0.0, seed=0):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 3, n)
        answers = rng.dirichlet([1, 1, 1], n) + 3 * np.eye(3)[labels] * rng.random((n, 1))
        answers /= answers.sum(axis=1, keepdims=True)
        is_turned = rng.random(n) < turned
        return np.where(is_turned, (labels + 1) % 3, labels), answers

    def test_turned_labels_are_seen_where_the_model_is_surest(self):
        assert class_noise(*self.answers()).value < 0.05
        found = class_noise(*self.answers(turned=0.4))
        assert found.low < 0.4 < found.high

    @pytest.mark.parametrize(("n", "is_told"), [(100, True), (90, False)])
    def test_ten_examples_are_the_fewest_that_tell(self, n, is_told):
        assert (class_noise(*self.answers(n)) is not None) == is_told

    def test_equal_answers_tell_nothing(self):
        assert class_noise(np.arange(300) % 3, np.full((300, 3), 1 / 3)) is None
