"""Kinds of labels: what each needs, what is of another kind, and which estimators answer it."""

from __future__ import annotations

import pytest

from ratchet.spec.estimators import ESTIMATORS, estimator_kind, mismatch
from ratchet.spec.loading import spec_digest
from tests.factories.models import parcels_spec
from tests.ratchet.spec.conftest import SOUND, Write, load, refusal

COLUMN, ESTIMATOR = "  column: is_late\n", "sklearn.linear_model.LogisticRegression"
RIDGE = "sklearn.linear_model.Ridge"
VALUES = "  values: {unit: EUR, true_positive: 1.0, false_positive: -1.0, true_negative: 0.5, false_negative: -1.0}\n"
MIN = "  min_train_spans"
HUNDRED = [f"c{i}" for i in range(100)]


def of_kind(*lines: str, estimator: str = RIDGE, more: tuple[str, str] = ("", "")) -> str:
    text = SOUND.replace(COLUMN, COLUMN + "".join(f"  {line}\n" for line in lines)).replace(ESTIMATOR, estimator)
    return text.replace(*more, 1) if more[0] else text


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        pytest.param(
            of_kind("kind: regresion"), "kind: regr", "label.kind: Input should be 'binary', 'multiclass'", id="typo"
        ),
        pytest.param(
            of_kind("kind: multiclass", estimator=ESTIMATOR), "label:", "'classes' is missing", id="no-classes"
        ),
        pytest.param(
            of_kind("kind: multiclass", "classes: [a]", estimator=ESTIMATOR),
            "classes:",
            "label.classes: must be 2 to 100 texts. Got 1.",
            id="one-class",
        ),
        pytest.param(
            of_kind("kind: multiclass", f"classes: {[*HUNDRED, 'one-more']}", estimator=ESTIMATOR),
            "classes:",
            "must be 2 to 100 texts. Got 101.",
            id="too-many-classes",
        ),
        pytest.param(
            of_kind("kind: multiclass", "classes:", "  - a", "  - b", "  - a", estimator=ESTIMATOR),
            "    - a\n  delivery",
            "label.classes.2: 'a' is named twice.",
            id="class-twice",
        ),
        pytest.param(
            of_kind("kind: multiclass", "classes: [a, 2]", estimator=ESTIMATOR),
            "classes:",
            "Input should be a valid string",
            id="numbers-for-texts",
        ),
        pytest.param(
            of_kind("kind: regression", "classes: [a, b]"),
            "classes:",
            "label.classes: are of a multiclass label, and this one is regression. Remove them.",
            id="classes-of-numbers",
        ),
        pytest.param(
            of_kind("classes: [a, b]", estimator=ESTIMATOR), "classes:", "and this one is binary", id="classes-of-true"
        ),
        pytest.param(
            of_kind("kind: regression", "positive: late"),
            "positive:",
            "label.positive: says what is true, and a regression label is neither true nor false.",
            id="positive",
        ),
        pytest.param(
            of_kind("kind: multiclass", "classes: [a, b]", "outcome: {column: x, above: 1.0}", estimator=ESTIMATOR),
            "outcome:",
            "label.outcome: says what is true, and a multiclass label",
            id="outcome",
        ),
        pytest.param(
            of_kind("kind: regression", estimator=ESTIMATOR),
            "estimator:",
            "train.estimator: sklearn.linear_model.LogisticRegression does not answer a regression label. Use one of",
            id="classifier-for-numbers",
        ),
        pytest.param(
            of_kind("kind: regression", estimator="lightgbm.LGBMClassifier"),
            "estimator:",
            "does not answer a regression label. Use lightgbm.LGBMRegressor, or a class of the model folder.",
            id="its-twin-is-named",
        ),
        pytest.param(of_kind(), "estimator:", "Ridge does not answer a binary label", id="regressor-for-true"),
        pytest.param(
            of_kind(
                "kind: regression",
                more=(MIN, f"  search:\n    trials: 2\n    families:\n      other: {{estimator: {ESTIMATOR}}}\n{MIN}"),
            ),
            "other: {",
            "train.search.families.other.estimator: sklearn.linear_model.LogisticRegression does not answer",
            id="family",
        ),
        pytest.param(
            of_kind("kind: regression", more=("source:\n", VALUES + "source:\n")),
            "  values:",
            "objective.values: are of decisions between true and false",
            id="values-of-decisions",
        ),
    ],
)
def test_what_is_of_another_kind_is_refused_by_file_and_line(write: Write, text: str, at: str, words: str):
    told = refusal(write(text=text))
    (mine,) = [line for line in told.splitlines() if words in line]
    assert mine.startswith(f"spec.yaml:{text[: text.index(at)].count(chr(10)) + 1}: ")


@pytest.mark.parametrize("classes", [HUNDRED[:2], HUNDRED], ids=["fewest", "most"])
def test_two_to_a_hundred_classes_keep_their_order(write: Write, classes: list[str]):
    text = of_kind("kind: multiclass", f"classes: {classes[::-1]}", estimator=ESTIMATOR)
    assert load(write(text=text)).label.classes == tuple(classes[::-1])


def test_numbers_need_no_more_than_their_kind(write: Write):
    label = load(write(text=of_kind("kind: regression"))).label
    assert (label.kind, label.classes) == ("regression", None)


def test_a_label_of_true_and_false_is_named_as_before_there_were_other_kinds():
    spec = parcels_spec()
    assert "kind" not in spec.section_values("label")["label"]
    assert spec_digest(spec, "label") == spec_digest(parcels_spec({"label.kind": "binary"}), "label")
    numbers = parcels_spec({"label.kind": "regression", "train.estimator": RIDGE})
    assert numbers.section_values("label")["label"]["kind"] == "regression"
    assert spec_digest(numbers, "label") != spec_digest(spec, "label")


def test_every_estimator_answers_a_kind_and_classifiers_no_numbers():
    for name in ESTIMATORS:
        is_regressor = name.endswith("Regressor") or "linear_model.L" in name or "Ridge" in name or "Elastic" in name
        if name.endswith("LogisticRegression"):
            is_regressor = False
        assert estimator_kind(name).answers == ({"regression"} if is_regressor else {"binary", "multiclass"}), name
        assert (mismatch(name, "regression") is None) == is_regressor
    assert [mismatch("estimators.Mine", kind) for kind in ("binary", "multiclass", "regression")] == [None] * 3


def test_numbers_are_counted_over_edges_of_their_own():
    assert "is_late" not in parcels_spec().histogram_columns()
    numbers = parcels_spec({"label.kind": "regression", "train.estimator": RIDGE})
    assert numbers.histogram_columns() == ("distance", "weight", "hour", "is_late")
