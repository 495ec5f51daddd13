"""What models answer by the kind of label, what is not believed of it, and what a prediction says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ratchet.errors import ModelError, PredictionsError
from ratchet.packaging.answers import BINARY, AnswerForm, check_answers, leading_scores, likeliest, raw_answers
from ratchet.packaging.card import Manifest
from ratchet.packaging.telling import as_rows, tell
from tests.ratchet.features.make import LABELS, STATUSES, make_spec
from tests.ratchet.packaging.make import make_card

NUMBERS, CLASSES = AnswerForm.of(LABELS["regression"]), AnswerForm.of(LABELS["multiclass"])
RIDGE, LOGISTIC = "sklearn.linear_model.Ridge", "sklearn.linear_model.LogisticRegression"


class Answering:
    """A pipeline that answers what it is told."""

    def __init__(self, answer: Any) -> None:
        self.answer = np.asarray(answer)

    def predict(self, matrix: Any) -> Any:
        return self.answer

    predict_proba = predict


class TestAnswers:
    def test_each_kind_has_its_shape(self):
        shares = [[0.2, 0.3, 0.5], [0.6, 0.4, 0.0]]
        assert raw_answers(Answering([[0.2, 0.8], [0.9, 0.1]]), [0, 0]).tolist() == [0.8, 0.1]
        assert raw_answers(Answering([3, -4]), [0, 0], NUMBERS).tolist() == [3.0, -4.0]
        assert raw_answers(Answering(shares), [0, 0], CLASSES).tolist() == shares
        assert [raw_answers(Answering([]), [], form).shape for form in (BINARY, NUMBERS, CLASSES)] == [
            (0,),
            (0,),
            (0, 3),
        ]

    @pytest.mark.parametrize(
        ("form", "answer"),
        [
            pytest.param(CLASSES, [[0.5, 0.5]], id="a-class-is-lacking"),
            pytest.param(NUMBERS, [[1.0]], id="a-column-for-a-number"),
            pytest.param(NUMBERS, [1.0, 2.0], id="a-row-too-many"),
        ],
    )
    def test_another_shape_is_refused(self, form: AnswerForm, answer: Any):
        with pytest.raises(PredictionsError, match="must answer an array of shape"):
            raw_answers(Answering(answer), [0], form)

    @pytest.mark.parametrize(
        ("form", "answer", "words"),
        [
            pytest.param(BINARY, [0.5, 1.0 + 1e-9], "a number in [0, 1]. 1 of 2", id="above-1"),
            pytest.param(CLASSES, [[0.5, 0.6, -0.1]], "a number in [0, 1]. 1 of 3", id="class-below-0"),
            pytest.param(CLASSES, [[0.5, 0.5, np.nan]], "a number in [0, 1]", id="class-nan"),
            pytest.param(CLASSES, [[0.5, 0.25, 0.2498]], "must add up to 1. Those of 1 of 1", id="too-little-in-all"),
            pytest.param(NUMBERS, [1.0, np.inf], "predicted number must be finite. 1 of 2", id="endless"),
        ],
    )
    def test_what_cannot_be_is_refused(self, form: AnswerForm, answer: Any, words: str):
        with pytest.raises(PredictionsError) as error:
            check_answers(np.asarray(answer), form)
        assert words in str(error.value)

    @pytest.mark.parametrize(
        ("form", "answer"),
        [
            pytest.param(BINARY, [0.0, 1.0], id="both-ends"),
            pytest.param(CLASSES, [[0.5, 0.25, 0.24995]], id="nearly-1-in-all"),
            pytest.param(NUMBERS, [-1e300, 5.0], id="any-finite-number"),
        ],
    )
    def test_what_can_be_is_answered_as_it_is(self, form: AnswerForm, answer: Any):
        np.testing.assert_array_equal(check_answers(np.asarray(answer), form), answer)

    def test_of_equal_classes_the_first_is_the_likeliest(self):
        shares = np.array([[0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
        assert likeliest(shares).tolist() == [0, 2]
        assert leading_scores(shares).tolist() == [0.4, 0.7]

    def test_classes_are_of_a_multiclass_label(self):
        for kind, classes in (("multiclass", ()), ("regression", ("a", "b")), ("binary", ("a", "b"))):
            with pytest.raises(ValueError, match="A multiclass label has classes"):
                AnswerForm(kind=kind, classes=classes)  # type: ignore[arg-type]


class TestWhatAPredictionSays:
    def test_true_and_false_are_told_at_the_threshold(self):
        told = as_rows(tell(np.array([0.4, np.nextafter(0.4, 0)]), make_card(make_spec())))
        assert told == [
            {"score": 0.4, "threshold": 0.4, "is_expected": True},
            {"score": np.nextafter(0.4, 0), "threshold": 0.4, "is_expected": False},
        ]

    def test_numbers_have_neither_threshold_nor_class(self):
        told = as_rows(tell(np.array([12.5]), make_card(make_spec(RIDGE))))
        assert told == [{"score": 12.5, "threshold": None, "is_expected": None}]

    def test_of_classes_the_likeliest_is_named_and_all_are_told(self):
        told = as_rows(tell(np.array([[0.1, 0.6, 0.3]]), make_card(make_spec(LOGISTIC, kind="multiclass"))))
        nothing = {"threshold": None, "is_expected": None}
        assert told == [{"score": 0.6, **nothing, "predicted": STATUSES[1], "scores": [0.1, 0.6, 0.3]}]


class TestCards:
    @pytest.mark.parametrize(
        "spec",
        [make_spec(), make_spec(RIDGE), make_spec(LOGISTIC, kind="multiclass")],
        ids=lambda spec: spec.label.kind,
    )
    def test_a_manifest_is_read_back_as_it_was(self, spec: Any):
        manifest = Manifest(model="flights", card=make_card(spec), golden_scores=(1.0,), trusted_types=())
        read = Manifest.from_bytes(manifest.to_bytes())
        assert read.card == manifest.card
        assert (b"label_kind" in manifest.to_bytes()) == (spec.label.kind != "binary")

    def test_only_a_model_of_true_and_false_has_a_threshold(self):
        binary, numbers = make_card(make_spec()), make_card(make_spec(RIDGE))
        assert binary.decides_at == 0.4
        with pytest.raises(ModelError, match="A regression model has no threshold"):
            _ = numbers.decides_at
        with pytest.raises(ValueError, match="A binary model has a threshold"):
            replace(numbers, threshold=0.5)
        with pytest.raises(ValueError, match="A binary model has a threshold"):
            replace(binary, threshold=None)
