"""A fit that is fed span by span: what a fit in memory gives, with one span in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ratchet.errors import SpecError, TrainingError
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.loaded import score
from ratchet.spec.label import LabelKind
from ratchet.spec.model import ModelSpec
from ratchet.training.fit import LabelledMatrix, fit, labelled_matrix
from ratchet.training.measures import measure
from ratchet.training.span_fit import fit_by_spans
from ratchet.training.span_sample import sample_spans
from tests.ratchet.features.make import (
    LIGHTGBM,
    LIGHTGBM_NUMBERS,
    XGBOOST,
    XGBOOST_NUMBERS,
    each_of,
    each_with_its_kinds,
    make_frame,
    make_spec,
)

SPANS = [f"2013-01-{number:02}" for number in range(1, 8)]
FRAMES = {span: make_frame(60 + number, seed=number, span=span) for number, span in enumerate(SPANS)}
# A span on which nothing was delivered late enough to have a label.
FRAMES[SPANS[3]] = FRAMES[SPANS[3]].clear()
WHOLE = pl.concat(FRAMES.values())
SGD, BAYES = "sklearn.linear_model.SGDClassifier", "sklearn.naive_bayes.GaussianNB"
NATIVE = (LIGHTGBM, XGBOOST)


def spans_of(spec: ModelSpec) -> Any:
    return lambda span: labelled_matrix(FRAMES[span], spec)


def features_of(spec: ModelSpec) -> Any:
    return labelled_matrix(make_frame(200, seed=99), spec).features


@pytest.mark.parametrize("estimator", each_of(NATIVE))
def test_boosted_trees_are_those_of_a_fit_in_memory(estimator: str):
    settings = {"n_estimators": 6, "learning_rate": 0.3}
    spec = make_spec(estimator, parameters=settings, feed="spans")
    fed = fit_by_spans(SPANS, spans_of(spec), spec)
    in_memory = fit(WHOLE, make_spec(estimator, parameters=settings))
    features = features_of(spec)
    np.testing.assert_allclose(fed.pipeline.predict_proba(features), in_memory.predict_proba(features), atol=1e-6)
    assert fed.seen.n_examples == WHOLE.height
    assert fed.seen.lengths == tuple(FRAMES[span].height for span in SPANS)


@pytest.mark.parametrize(
    ("estimator", "kind"), each_with_its_kinds([*NATIVE, LIGHTGBM_NUMBERS, XGBOOST_NUMBERS], beyond="binary")
)
def test_boosted_trees_of_classes_and_of_numbers_are_those_of_a_fit_in_memory(estimator: str, kind: LabelKind):
    settings = {"n_estimators": 6, "learning_rate": 0.3}
    spec = make_spec(estimator, parameters=settings, feed="spans", kind=kind)
    fed = fit_by_spans(SPANS, spans_of(spec), spec)
    in_memory, form = fit(WHOLE, make_spec(estimator, parameters=settings, kind=kind)), AnswerForm.of(spec.label)
    features = features_of(spec)
    told = score(fed.pipeline, features, form)
    np.testing.assert_allclose(told, score(in_memory, features, form), rtol=1e-5, atol=1e-6)
    assert told.shape == ((200, 3) if kind == "multiclass" else (200,))
    assert len(np.unique(told)) > 10


@pytest.mark.parametrize(
    ("estimator", "kind"), [(SGD, "multiclass"), ("sklearn.linear_model.SGDRegressor", "regression")]
)
def test_partial_fits_of_classes_and_of_numbers_learn(estimator: str, kind: LabelKind):
    spec = make_spec(estimator, feed="spans", passes=20, kind=kind)
    fed = fit_by_spans(SPANS, spans_of(spec), spec)
    held_out = labelled_matrix(make_frame(2000, seed=99), spec)
    answered = score(fed.pipeline, held_out.features, AnswerForm.of(spec.label))
    reference = float(labelled_matrix(WHOLE, spec).labels.mean())
    found = measure(kind, held_out.labels, answered, reference=reference)
    assert found is not None
    assert found > {"multiclass": 0.7, "regression": 0.3}[kind]


def test_a_class_that_no_span_holds_is_refused_by_name():
    spec = make_spec(LIGHTGBM, feed="spans", kind="multiclass")
    frames = {span: frame.filter(frame["status"] != "cancelled") for span, frame in FRAMES.items()}
    with pytest.raises(TrainingError, match="each class at least. Got 'cancelled': 0"):
        fit_by_spans(SPANS, lambda span: labelled_matrix(frames[span], spec), spec)


def test_partial_fits_are_as_good_as_a_fit_in_memory():
    from sklearn.metrics import roc_auc_score

    spec = make_spec(SGD, feed="spans", passes=20)
    fed = fit_by_spans(SPANS, spans_of(spec), spec)
    held_out = labelled_matrix(make_frame(2000, seed=99), spec)
    aucs = [
        roc_auc_score(held_out.labels, pipeline.predict_proba(held_out.features)[:, 1])
        for pipeline in (fed.pipeline, fit(WHOLE, make_spec(SGD)))
    ]
    # The steps of neither have settled on 400 rows.
    assert aucs[0] > aucs[1] - 0.05
    assert aucs[0] > 0.7


def test_a_sum_over_all_spans_is_the_same_for_one_pass_as_in_memory():
    spec = make_spec(BAYES, feed="spans", passes=1)
    features = features_of(spec)
    fed, in_memory = fit_by_spans(SPANS, spans_of(spec), spec).pipeline, fit(WHOLE, make_spec(BAYES))
    # Its smoothing goes by the largest variance of the first span.
    np.testing.assert_allclose(fed.predict_proba(features), in_memory.predict_proba(features), atol=1e-4)


@pytest.mark.parametrize("estimator", each_of([*NATIVE, SGD]))
def test_the_same_spans_give_the_same_model(estimator: str):
    spec = make_spec(estimator, feed="spans")
    first, second = (fit_by_spans(SPANS, spans_of(spec), spec).pipeline for _ in range(2))
    np.testing.assert_array_equal(first.predict_proba(features_of(spec)), second.predict_proba(features_of(spec)))


class TestSample:
    def test_while_all_rows_fit_the_sample_is_all_rows(self):
        spec = make_spec()
        seen = sample_spans(SPANS, spans_of(spec), spec)
        whole = labelled_matrix(WHOLE, spec)
        assert seen.sample.features.equals(whole.features)
        np.testing.assert_array_equal(seen.sample.labels, whole.labels)

    @pytest.mark.parametrize(("at_most", "step"), [(40, 16), (100, 4), (200, 2)])
    def test_rows_are_taken_evenly_and_every_category_is_known(self, at_most: int, step: int):
        rare = pl.when(pl.int_range(pl.len()) == 3).then(pl.lit("rare")).otherwise("carrier")
        frames = FRAMES | {SPANS[5]: FRAMES[SPANS[5]].with_columns(carrier=rare)}
        spec = make_spec()
        seen = sample_spans(SPANS, lambda span: labelled_matrix(frames[span], spec), spec, at_most=at_most)
        whole = labelled_matrix(pl.concat(frames.values()), spec)
        assert seen.sample.features.equals(whole.features.iloc[::step].reset_index(drop=True))
        np.testing.assert_array_equal(seen.sample.labels, whole.labels[::step])
        assert set(seen.features()["carrier"].dropna()) == {"AA", "B6", "UA", "rare"}
        n_late = int(WHOLE["is_late"].sum())
        assert (seen.n_examples, seen.of_classes) == (WHOLE.height, (WHOLE.height - n_late, n_late))

    def test_a_column_is_complete_when_no_span_lacks_it(self):
        spec = make_spec()
        gone = FRAMES[SPANS[1]].with_columns(origin=pl.lit(None, pl.String))
        read = {**FRAMES, SPANS[1]: gone}
        assert sample_spans(SPANS, spans_of(spec), spec).complete == ("origin",)
        assert sample_spans(SPANS, lambda span: labelled_matrix(read[span], spec), spec).complete == ()


def test_one_outcome_in_all_spans_teaches_nothing():
    spec = make_spec(LIGHTGBM, feed="spans")
    with pytest.raises(TrainingError, match="needs both outcomes"):
        fit_by_spans(
            SPANS, lambda span: labelled_matrix(FRAMES[span].with_columns(is_late=pl.lit(value=True)), spec), spec
        )


def test_a_span_that_changes_while_it_is_read_is_said():
    spec = make_spec(LIGHTGBM, feed="spans")
    calls: list[str] = []

    def read(span: str) -> LabelledMatrix:
        calls.append(span)
        rows = FRAMES[span] if len(calls) <= len(SPANS) else FRAMES[span].head(10)
        return labelled_matrix(rows, spec)

    with pytest.raises(TrainingError, match="changed while a model was fitted"):
        fit_by_spans(SPANS, read, spec)


def test_what_needs_all_rows_at_once_is_refused():
    with pytest.raises(ValueError, match="fitted on all rows at once"):
        make_spec(feed="spans")
    with pytest.raises(ValueError, match="fed by spans has none"):
        make_spec(LIGHTGBM, feed="spans", checkpoint_rounds=3)
    spec = make_spec(LIGHTGBM, feed="spans", parameters={})
    tree = {"estimator": "sklearn.tree.DecisionTreeClassifier"}
    forced = spec.model_copy(update={"train": spec.train.model_copy(update=tree)})
    with pytest.raises(SpecError, match="or an estimator with partial_fit"):
        fit_by_spans(SPANS, spans_of(spec), forced)
