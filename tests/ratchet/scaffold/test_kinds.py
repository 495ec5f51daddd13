"""A folder for a table whose label is a number, or one of a few texts."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from ratchet.cli.checking import find_faults, open_questions
from ratchet.errors import InputError
from ratchet.project import Project
from ratchet.scaffold.labels import read_label
from ratchet.scaffold.new import NewFolder, new_model
from ratchet.scaffold.request import NewModel
from ratchet.spec.loading import load_spec
from tests.factories.kinds import make_trips


def make(project: Project, folder: Path, label: str) -> NewFolder:
    path = folder / "trips.csv"
    make_trips(12, a_span=110).write_csv(path)
    other = {"minutes": "mode", "mode": "minutes"}[label]
    asked = NewModel(name="trips", path=path, label=label, time="began_at", entity="trip_id", leaks=(other,))
    return new_model(project, asked)


def test_numbers_are_predicted_as_numbers(project: Project, tmp_path: Path):
    made, spec = make(project, tmp_path, "minutes"), load_spec(project, "trips")
    assert spec.label.kind == "regression"
    assert spec.train.estimator == "sklearn.ensemble.HistGradientBoostingRegressor"
    assert spec.objective.goal.startswith("Tell how much minutes")
    assert "minutes" in (made.path / "histograms.yaml").read_text()
    assert any("so a number is predicted" in question for question in open_questions(made.path))
    assert find_faults(project, "trips") == []


def test_a_few_texts_are_classes(project: Project, tmp_path: Path):
    made, spec = make(project, tmp_path, "mode"), load_spec(project, "trips")
    assert (spec.label.kind, spec.label.classes) == ("multiclass", ("bus", "rail", "walk"))
    assert spec.train.estimator == "sklearn.ensemble.HistGradientBoostingClassifier"
    assert any("all of them under `label.classes`" in question for question in open_questions(made.path))
    assert find_faults(project, "trips") == []


def asked(**said: str) -> NewModel:
    return NewModel(name="t", path=Path("t.csv"), label="y", time="at", **said)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("n", "kind"), [pytest.param(2, None, id="two"), pytest.param(3, "multiclass", id="three"), (20, "multiclass")]
)
def test_three_to_twenty_texts_are_classes(n: int, kind: str | None):
    texts = pl.DataFrame({"y": ["yes", *(f"c{i % (n - 1)}" for i in range(60))]})
    assert read_label(texts, asked())[1].get("kind") == kind


@pytest.mark.parametrize("column", [[f"c{i}" for i in range(21)], list(range(20))], ids=["texts", "numbers"])
def test_more_texts_and_fewer_numbers_ask_what_is_true(column: list[str] | list[int]):
    with pytest.raises(InputError, match="Say which one stands for true"):
        read_label(pl.DataFrame({"y": column}), asked())


def test_more_than_twenty_numbers_are_numbers():
    label, keys = read_label(pl.DataFrame({"y": [*range(20), 20]}), asked())
    assert keys == {"kind": "regression"}
    assert label.sum() == 10


def test_what_stands_for_true_makes_any_label_binary():
    texts = pl.DataFrame({"y": ["a", "b", "c"]})
    assert read_label(texts, asked(positive="b"))[1] == {"positive": "b"}
