from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from ratchet.evaluation.leakage import after_share, distinct_share, feature_auc, read_features
from tests.factories.models import parcels_spec

N = 1000
ZONE = "America/New_York"
RNG = np.random.default_rng(0)
LABELS = RNG.random(N) < 0.3
EVENTS = pl.Series([datetime(2024, 3, 1, 12, tzinfo=UTC) + timedelta(minutes=i) for i in range(N)])


class TestFeatureAuc:
    @pytest.mark.parametrize("sign", [1, -1])
    def test_a_number_is_read_by_rank_either_way(self, sign):
        column = LABELS + RNG.normal(size=N)
        expected = roc_auc_score(LABELS, column)
        assert feature_auc(pl.Series(sign * column), LABELS, "numeric") == pytest.approx(expected, abs=1e-9)

    @pytest.mark.parametrize("role", ["numeric", "categorical"])
    def test_a_copy_of_the_label_tells_it(self, role):
        assert feature_auc(pl.Series(LABELS.astype(int)), LABELS, role) == 1.0

    def test_a_label_hidden_in_the_middle_of_a_number_is_found_too(self):
        column = np.where(LABELS, RNG.uniform(0.4, 0.6, N), np.where(RNG.random(N) < 0.5, 0.1, 0.9))
        assert roc_auc_score(LABELS, column) < 0.6
        assert feature_auc(pl.Series(column), LABELS, "numeric") > 0.98

    def test_that_a_value_is_missing_may_tell_as_much(self):
        paid = pl.Series(np.where(LABELS, RNG.random(N), np.nan)).fill_nan(None)
        assert feature_auc(paid, LABELS, "numeric") > 0.98

    def test_a_value_of_its_own_for_every_example_tells_nothing_of_others(self):
        names = pl.Series([f"customer {i}" for i in RNG.permutation(N)])
        assert feature_auc(names, LABELS, "categorical") < 0.6

    def test_noise_is_near_a_half(self):
        assert feature_auc(pl.Series(RNG.normal(size=N)), LABELS, "numeric") < 0.58

    def test_infinities_and_nulls_are_no_numbers(self):
        column = pl.Series(np.where(LABELS, np.inf, -np.inf))
        assert feature_auc(column.set(pl.Series(~LABELS), None), LABELS, "numeric") <= 0.5
        assert feature_auc(pl.Series([None] * N, dtype=pl.Float64), LABELS, "numeric") == pytest.approx(0.5, abs=0.05)

    @pytest.mark.parametrize(("n_positive", "is_told"), [(10, True), (9, False), (991, False), (990, True)])
    def test_ten_of_each_class_are_needed(self, n_positive, is_told):
        labels = np.arange(N) < n_positive
        assert (feature_auc(pl.Series(RNG.random(N)), labels, "numeric") is not None) == is_told


class TestIdentifiers:
    def test_a_category_is_told_by_its_values(self):
        assert distinct_share(pl.Series([f"c{i % 50}" for i in range(N)]), EVENTS, "categorical") == 0.05

    def test_a_counter_that_runs_with_the_clock(self):
        counter = pl.Series(np.arange(N) * 3 + RNG.integers(0, 3, N))
        assert distinct_share(counter, EVENTS, "numeric") == 1.0

    @pytest.mark.parametrize(
        "column",
        [
            pytest.param(RNG.random(N), id="any-number"),
            pytest.param(RNG.permutation(N), id="whole-numbers-in-no-order"),
            pytest.param(np.arange(N) + 0.5, id="no-whole-number"),
        ],
    )
    def test_other_numbers_are_no_ids(self, column):
        assert distinct_share(pl.Series(column), EVENTS, "numeric") is None

    @pytest.mark.parametrize(("n", "expected"), [(100, 1.0), (99, None)])
    def test_few_examples_have_as_many_values_by_chance(self, n, expected):
        assert distinct_share(pl.Series([f"c{i}" for i in range(n)]), EVENTS[:n], "categorical") == expected


class TestTimes:
    @pytest.mark.parametrize(
        "write",
        [
            pytest.param(lambda at: at, id="instants"),
            pytest.param(lambda at: at.dt.to_string("%Y-%m-%dT%H:%M:%SZ"), id="texts"),
            pytest.param(lambda at: at.dt.epoch("s"), id="seconds"),
            pytest.param(lambda at: at.dt.epoch("ms").cast(pl.Float64), id="milliseconds"),
            pytest.param(lambda at: at.dt.epoch("us"), id="microseconds"),
        ],
    )
    def test_the_share_after_the_event_is_told_of_each_form(self, write):
        apart = pl.Series([timedelta(hours=1) if i < 250 else timedelta(hours=-1) for i in range(N)])
        assert after_share(write(EVENTS + apart), EVENTS, ZONE) == 0.25
        assert after_share(write(EVENTS), EVENTS, ZONE) == 0.0

    def test_a_date_is_one_of_the_sources_zone(self):
        evening = pl.Series([datetime(2024, 3, 2, 1, tzinfo=UTC)])  # the first of March in New York
        assert after_share(pl.Series([date(2024, 3, 1)]), evening, ZONE) == 0.0
        assert after_share(pl.Series([date(2024, 3, 2)]), evening, ZONE) == 1.0
        assert after_share(pl.Series([date(2024, 3, 2)]), evening, "Asia/Tokyo") == 0.0

    @pytest.mark.parametrize(
        "column",
        [
            pytest.param(pl.Series(RNG.normal(size=N)), id="numbers"),
            pytest.param(pl.Series(["A", "B"] * (N // 2)), id="texts"),
            pytest.param(pl.Series([1500] * N), id="small-whole-numbers"),
            pytest.param(pl.Series([None] * N, dtype=pl.String), id="nothing"),
            pytest.param(pl.Series([True, False] * (N // 2)), id="truths"),
        ],
    )
    def test_what_holds_no_times_is_none(self, column):
        assert after_share(column, EVENTS, ZONE) is None


def test_every_feature_is_read():
    spec = parcels_spec()
    frame = pl.DataFrame({"parcel_id": [f"p{i}" for i in range(N)], "sent_at": EVENTS, "copy": LABELS.astype(int)})
    frame = frame.with_columns(name=pl.col("parcel_id"))
    found = read_features(frame, LABELS, {"copy": "numeric", "name": "categorical"}, source=spec.source)
    assert [(of.feature, of.is_entity) for of in found] == [("copy", False), ("name", True)]
    assert (found[0].auc, found[1].distinct_share) == (1.0, 1.0)
