from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import DataError, TrainingError
from ratchet.packaging.bytes import dump_model
from ratchet.training.fit import code_labels, fit, fit_pipeline, labelled_matrix
from ratchet.training.threshold import choose_threshold
from tests.ratchet.features.make import FOREST, HISTOGRAM_TREES, STATUSES, make_frame, make_spec


def test_rows_may_come_in_any_order() -> None:
    frame = pl.concat([make_frame(100, span=span, seed=i) for i, span in enumerate(["2013-01-05", "2013-01-04"])])
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=3)
    assert dump_model(fit(frame, make_spec())) == dump_model(fit(shuffled, make_spec()))


def test_rows_without_a_label_are_left_out() -> None:
    frame = make_frame(200)
    later = make_frame(50, span="2013-01-09").with_columns(is_late=pl.lit(None, pl.Boolean))
    assert dump_model(fit(pl.concat([frame, later]), make_spec())) == dump_model(fit(frame, make_spec()))


def test_the_fitted_model_keeps_no_thread_count() -> None:
    pipeline = fit(make_frame(60), make_spec(FOREST, threads=2))
    assert pipeline["estimator"].n_jobs is None


@pytest.mark.parametrize(("n_examples", "is_refused"), [(49, True), (50, False)])
def test_fifty_examples_are_needed(n_examples: int, is_refused: bool) -> None:
    frame = make_frame(n_examples)
    if not is_refused:
        assert fit(frame, make_spec()) is not None
        return
    with pytest.raises(TrainingError, match="needs 50 labelled examples at least. Got 49"):
        fit(frame, make_spec())


@pytest.mark.parametrize("outcome", [True, False])
def test_one_outcome_only_is_refused(outcome: bool) -> None:
    with pytest.raises(TrainingError, match=f"All 400 labelled examples are {outcome}"):
        fit(make_frame().with_columns(is_late=pl.lit(outcome)), make_spec())


@pytest.mark.parametrize("has_one", [False, True])
def test_features_that_are_all_constant_are_refused(has_one: bool) -> None:
    frame = make_frame().with_columns(
        distance=pl.lit(1.0), carrier=pl.lit(None, pl.String), hour=pl.lit(float("nan")), origin=pl.lit("JFK")
    )
    if has_one:
        assert fit(frame.with_columns(hour=make_frame()["hour"]), make_spec()) is not None
        return
    with pytest.raises(TrainingError, match="distance, carrier, hour, origin is constant"):
        fit(frame, make_spec())


def test_a_parameter_value_that_the_estimator_refuses_is_named() -> None:
    with pytest.raises(TrainingError, match="HistGradientBoostingClassifier refused to be fitted: .*learning_rate"):
        fit(make_frame(), make_spec(parameters={"learning_rate": -1.0}))


def test_the_fit_has_as_many_threads_as_the_spec_says(monkeypatch: pytest.MonkeyPatch) -> None:
    from threadpoolctl import threadpool_info

    seen: list[int] = []
    pipeline = fit(make_frame(60), make_spec(HISTOGRAM_TREES))
    monkeypatch.setattr(
        type(pipeline), "fit", lambda *_: seen.extend(pool["num_threads"] for pool in threadpool_info())
    )
    fit_pipeline(pipeline, labelled_matrix(make_frame(60), make_spec()), threads=1)
    assert set(seen) == {1}


class TestOtherKinds:
    @pytest.mark.parametrize(("n_rare", "is_refused"), [(9, True), (10, False)])
    def test_ten_examples_of_each_class_are_needed_and_the_rare_one_is_named(self, n_rare: int, is_refused: bool):
        frame = make_frame(300)
        is_rare = pl.col("status") == "cancelled"
        frame = pl.concat([frame.filter(~is_rare), frame.filter(is_rare).head(n_rare)])
        spec = make_spec(kind="multiclass")
        if not is_refused:
            assert list(fit(frame, spec).classes_) == [0, 1, 2]
            return
        with pytest.raises(
            TrainingError, match=r"10 examples of each class at least. Got 'cancelled': 9: .*label.classes"
        ):
            fit(frame, spec)

    def test_numbers_that_are_all_the_same_teach_nothing(self):
        spec = make_spec("sklearn.linear_model.Ridge")
        with pytest.raises(TrainingError, match="All 100 labelled examples have the same number"):
            fit(make_frame(100).with_columns(delay=pl.lit(3.0)), spec)

    def test_labels_are_coded_by_their_place_and_numbers_stay(self):
        frame = make_frame(60)
        classes, numbers = make_spec(kind="multiclass"), make_spec("sklearn.linear_model.Ridge")
        assert [STATUSES[code] for code in labelled_matrix(frame, classes).labels] == frame["status"].to_list()
        assert labelled_matrix(frame, numbers).labels.tolist() == frame["delay"].to_list()

    def test_an_outcome_that_is_none_of_the_classes_is_said_without_its_value(self):
        strange = pl.Series("status", ["late", "lost"])
        with pytest.raises(DataError, match="1 of 2 outcomes in 'status' are none of label.classes") as error:
            code_labels(strange, make_spec(kind="multiclass").label)
        assert "lost" not in str(error.value)


class TestChooseThreshold:
    def test_the_threshold_separates_what_can_be_separated(self) -> None:
        assert choose_threshold(np.array([0.9, 0.1, 0.6, 0.4]), np.array([1, 0, 1, 0])) == 0.6

    def test_equal_scores_fall_on_the_same_side(self) -> None:
        assert choose_threshold(np.array([0.5, 0.5, 0.5, 0.2]), np.array([1, 0, 1, 0])) == 0.5

    def test_among_equals_the_highest_score_wins(self) -> None:
        assert choose_threshold(np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 0, 1, 0])) == 0.9

    @pytest.mark.parametrize("labels", [[0, 0], [1, 1], []])
    def test_one_outcome_only_is_refused(self, labels: list[int]) -> None:
        with pytest.raises(TrainingError, match="needs both outcomes"):
            choose_threshold(np.full(len(labels), 0.5), np.array(labels, dtype=int))

    @given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=2, max_size=40))
    def test_no_other_threshold_has_a_higher_balanced_accuracy(self, examples: list[tuple[int, bool]]) -> None:
        from sklearn.metrics import balanced_accuracy_score

        scores = np.array([score / 10 for score, _ in examples])
        labels = np.array([label for _, label in examples], dtype=int)
        if labels.min() == labels.max():
            return
        best = max(balanced_accuracy_score(labels, scores >= bar) for bar in scores)
        found = balanced_accuracy_score(labels, scores >= choose_threshold(scores, labels))
        assert found == pytest.approx(best)
