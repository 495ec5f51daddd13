"""What a label of several classes, or of numbers, may be judged by; defaults that depend on it."""

from __future__ import annotations

import pytest

from ratchet.spec.evaluation import Evaluate
from ratchet.spec.loading import spec_digest
from tests.factories.models import parcels_spec
from tests.ratchet.spec.conftest import Write, refusal
from tests.ratchet.spec.test_kinds import ESTIMATOR, of_kind

TEST_SPANS = "evaluate:\n"
NUMBERS = {"label.kind": "regression", "train.estimator": "sklearn.linear_model.Ridge"}
CLASSES = {"label.kind": "multiclass", "label.classes": ["a", "b"]}


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        pytest.param(
            of_kind("kind: regression", more=(TEST_SPANS, TEST_SPANS + "  max_calibration_error: 0.1\n")),
            "max_calibration_error:",
            "evaluate.max_calibration_error: is of probabilities",
            id="calibration-of-numbers",
        ),
        pytest.param(
            of_kind("kind: regression", more=(TEST_SPANS, TEST_SPANS + "  inspect: {max_label_noise: 0.2}\n")),
            "max_label_noise",
            "evaluate.inspect.max_label_noise: counts outcomes that contradict a decision",
            id="noise-of-numbers",
        ),
        pytest.param(
            of_kind("kind: regression", more=(TEST_SPANS, TEST_SPANS + "  metric: quantile_loss\n")),
            "evaluate:",
            "quantile says which one is predicted",
            id="which-quantile",
        ),
        pytest.param(
            of_kind(
                "kind: multiclass",
                "classes: [a, b]",
                estimator=ESTIMATOR,
                more=(TEST_SPANS, TEST_SPANS + "  metric: mae\n"),
            ),
            "metric:",
            "evaluate.metric: is a loss of numbers, and a multiclass label is judged by its AUC",
            id="loss-of-classes",
        ),
        pytest.param(
            of_kind("kind: binary", estimator=ESTIMATOR, more=(TEST_SPANS, TEST_SPANS + "  metric: rmse\n")),
            "metric:",
            "evaluate.metric: is a loss of numbers, and a binary label",
            id="loss-of-true-and-false",
        ),
    ],
)
def test_what_means_nothing_for_a_kind_is_refused_at_its_line(write: Write, text: str, at: str, words: str):
    told = refusal(write(text=text))
    (mine,) = [line for line in told.splitlines() if words in line]
    assert mine.startswith(f"spec.yaml:{text[: text.index(at)].count(chr(10)) + 1}: ")


def test_fairness_is_of_decisions_between_true_and_false():
    for changes in (NUMBERS, CLASSES):
        with pytest.raises(ValueError, match="compares decisions between true and false"):
            parcels_spec({**changes, "evaluate.fairness.columns": {"depot": {}}})


def test_a_guess_of_numbers_has_no_skill_so_floors_begin_at_nothing():
    unset = {"watch.quality": {"min_examples": 50}}
    numbers, classes = parcels_spec(NUMBERS | unset), parcels_spec(CLASSES | unset)
    assert (numbers.evaluate.floor, numbers.watch.quality.min_auc) == (0.0, 0.0)
    assert (classes.evaluate.floor, classes.watch.quality.min_auc) == (0.5, 0.5)
    own = parcels_spec({**NUMBERS, "evaluate.floor": 0.5, "watch.quality.min_auc": 0.4})
    assert (own.evaluate.floor, own.watch.quality.min_auc) == (0.5, 0.4)
    assert spec_digest(own, "evaluate") != spec_digest(numbers, "evaluate")


def test_a_binary_spec_keeps_the_names_of_its_results():
    assert {"metric", "quantile"}.isdisjoint(Evaluate(test_spans=1).model_dump(mode="json"))
    assert parcels_spec(NUMBERS | {"evaluate.metric": "rmse"}).model_dump(mode="json")["evaluate"]["metric"] == "rmse"


def test_a_spec_written_out_with_all_its_defaults_is_read_back():
    for spec in (parcels_spec(NUMBERS), parcels_spec(CLASSES), parcels_spec()):
        assert type(spec).model_validate_json(spec.model_dump_json()) == spec
