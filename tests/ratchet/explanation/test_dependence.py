from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.inspection import partial_dependence as of_sklearn
from sklearn.linear_model import LogisticRegression

from ratchet.explanation.dependence import MIN_EXAMPLES_OF_A_VALUE, N_VALUES, partial_dependence


def make(n: int = 300) -> pl.DataFrame:
    rng = np.random.default_rng(0)
    return pl.DataFrame({"x": rng.normal(size=n), "y": rng.normal(size=n)})


def test_the_curve_is_that_of_scikit_learn():
    frame = make()
    model = LogisticRegression().fit(frame.to_pandas(), (frame["x"] + frame["y"] ** 2 > 0.5).to_numpy())
    (ours,) = partial_dependence(lambda rows: model.predict_proba(rows.to_pandas())[:, 1], frame, "x")
    grid = [point.value for point in ours.points]
    theirs = of_sklearn(model, frame.to_pandas(), ["x"], custom_values={"x": np.array(grid)}, kind="both")
    assert [point.score for point in ours.points] == pytest.approx(theirs["average"][0])
    assert [point.low for point in ours.points] == pytest.approx(np.quantile(theirs["individual"][0], 0.1, axis=0))
    assert grid == sorted(grid)


def test_each_class_that_is_shown_has_a_curve_of_its_own():
    frame = make()
    labels = np.digitize(frame["x"].to_numpy(), [-0.5, 0.5])
    model = LogisticRegression().fit(frame.to_pandas(), labels)
    curves = partial_dependence(
        lambda rows: model.predict_proba(rows.to_pandas()), frame, "x", classes={"low": 0, "high": 2}
    )
    assert [of.of_class for of in curves] == ["low", "high"]
    for of, place in zip(curves, (0, 2), strict=True):
        grid = np.array([point.value for point in of.points])
        theirs = of_sklearn(model, frame.to_pandas(), ["x"], custom_values={"x": grid})
        assert [point.score for point in of.points] == pytest.approx(theirs["average"][place])


def test_a_text_that_few_examples_have_is_not_shown():
    seen = {"often": 60, "enough": MIN_EXAMPLES_OF_A_VALUE, "rare": MIN_EXAMPLES_OF_A_VALUE - 1}
    frame = pl.DataFrame({"name": [name for name, n in seen.items() for _ in range(n)] + [None] * 50})
    (found,) = partial_dependence(lambda rows: rows["name"].str.len_chars().to_numpy() / 10, frame, "name")
    assert [(point.value, round(point.score, 9)) for point in found.points] == [("often", 0.5), ("enough", 0.6)]


def test_no_more_than_the_most_frequent_texts_are_shown():
    frame = pl.DataFrame({"name": [f"n{i:02}" for i in range(N_VALUES + 5) for _ in range(20 + i)]})
    (found,) = partial_dependence(lambda rows: np.zeros(rows.height), frame, "name")
    assert [point.value for point in found.points][:2] == ["n14", "n13"]
    assert len(found.points) == N_VALUES


def test_a_number_of_one_example_is_not_shown_to_its_last_digit():
    frame = pl.DataFrame({"x": [float(i) + 1 / 3 for i in range(1000, 1100)]})
    (found,) = partial_dependence(lambda rows: np.zeros(rows.height), frame, "x")
    assert not set(frame["x"]) & {point.value for point in found.points}


@pytest.mark.parametrize("values", [[None] * 20, [1.0] * 9, [float("nan")] * 30], ids=["null", "few", "nan"])
def test_a_column_that_says_nothing_has_no_curve(values):
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64})
    for classes in (None, {"a": 1}):
        (found,) = partial_dependence(lambda rows: np.zeros(rows.height), frame, "x", classes=classes)
        assert found.points == ()
