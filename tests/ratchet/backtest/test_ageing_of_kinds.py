"""What age costs models of numbers and of several classes: fitted for it, and of versions that were there already."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from ratchet.backtest.ageing import backtest_staleness
from ratchet.errors import TrainingError
from ratchet.monitoring.ageing import span_quality
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.package import load_package
from ratchet.project import Project
from ratchet.steps.age_versions import age_versions
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.night import take_in
from ratchet.steps.results import read_object
from ratchet.steps.select_window import select_window
from ratchet.steps.staleness_result import StalenessCurveResult
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from tests.factories.kinds import CLASSES, Kind, make_kind, make_trips
from tests.factories.models import Model, at, day, days, parcels_spec

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec

KINDS: tuple[Kind, ...] = ("regression", "multiclass")
# Two spans to train on, one to validate, one to test, and one until outcomes are known.
FIRST, LAST = 5, 14
CHANGES = {
    "train.train_spans": 2,
    "train.min_train_spans": 2,
    "evaluate.test_spans": 1,
    "watch.retrain.every_spans": 2,
}


@pytest.fixture(scope="module", params=KINDS)
def taken_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    base = tmp_path_factory.getbasetemp() / "aged-kinds"
    (base / "models").mkdir(parents=True, exist_ok=True)
    project = Project(
        home=str(base / "home"), models_path=base / "models", tracking_uri=f"sqlite:///{base / 'mlflow.db'}"
    )
    # All but 9 trips of one span go by rail: of no other class are there enough.
    is_by_rail = (pl.col("trip_id") >= f"{day(10)}-009") & (pl.col("trip_id") < day(11))
    trips = make_trips(LAST).with_columns(mode=pl.when(is_by_rail).then(pl.lit("rail")).otherwise("mode"))
    model = make_kind(project, request.param, base / "data", CHANGES, trips=trips)
    assert take_in(model.project, model.spec, days(1, LAST), done=lambda name, result: None)
    return model


def told_by_sklearn(spec: ModelSpec, rows: pl.DataFrame, answers: np.ndarray) -> float:
    if spec.label.kind == "multiclass":
        from sklearn.metrics import roc_auc_score

        places = rows["mode"].replace_strict({name: i for i, name in enumerate(CLASSES)}).to_numpy()
        return float(roc_auc_score(places, answers, multi_class="ovr", average="macro"))
    minutes = rows["minutes"].to_numpy()
    return float(1 - np.abs(minutes - answers).mean() / np.abs(minutes - np.median(minutes)).mean())


def test_a_curve_is_told_in_the_quality_of_the_kind(taken_in: Model):
    quality = "skill" if taken_in.spec.label.kind == "regression" else "macro AUC"
    found = backtest_staleness(taken_in.project, taken_in.spec, day(FIRST), day(LAST - 1), every=2)
    assert found.nights == tuple(day(number) for number in range(FIRST, LAST - 1, 2))
    assert f"(now every 2): {quality} 0." in found.words
    told = json.loads(read_object(taken_in.project, found.curve_uri))
    assert told["quality"] == quality
    assert all(0.3 < of["newest"] < 1 for of in told["spans"])
    page = read_object(taken_in.project, found.report_uri).decode()
    assert f"{quality} lost" in page
    assert ("the best constant of the span's own labels" in page.replace("&#39;", "'")) == (quality == "skill")


def test_versions_are_scored_by_the_quality_of_the_kind_and_again_where_the_loss_is_another(taken_in: Model):
    project, spec = taken_in.project, taken_in.spec
    digests = []
    for number in (FIRST, FIRST + 2):
        window = select_window(project, spec, day(number), reasons=("cold_start",))
        digests.append(train(project, spec, window, tune(project, spec, window), at=at(day(number))).digest)
    found = age_versions(project, spec, day(LAST))
    assert isinstance(found, StalenessCurveResult), found
    assert len(found.nights) > 1
    folder = f"runs/{spec.name}/age_scores"
    records = [
        json.loads(taken_in.store.read(one)) for one in taken_in.store.list(folder) if one.endswith("result.json")
    ]
    by_span: dict[str, dict[str, Any]] = {of["result"]["span"]: of["result"]["aucs"] for of in records}
    for span in (day(FIRST + 4), day(LAST - 1)):
        rows = read_labelled_examples(project, spec, [span])
        for digest, quality in by_span[span].items():
            answers = load_package(taken_in.store, taken_in.id, digest).predict(rows)
            assert quality == pytest.approx(told_by_sklearn(spec, rows, answers), abs=1e-9)
    assert set(by_span[day(LAST - 1)]) == set(digests)
    if spec.label.kind == "regression":
        other = spec.model_copy(update={"evaluate": spec.evaluate.model_copy(update={"metric": "rmse"})})
        again = age_versions(project, other, day(LAST))
        assert isinstance(again, StalenessCurveResult)
        assert again.curve_uri != found.curve_uri
        assert len(taken_in.store.list(folder)) == 2 * len(records)
    else:
        assert set(by_span[day(10)].values()) == {None}
        # Versions of the same classes in another order answer something else.
        label = spec.label.model_copy(update={"classes": CLASSES[::-1]})
        turned = spec.model_copy(update={"label": label})
        assert AnswerForm.of(label) != AnswerForm.of(spec.label)
        assert str(age_versions(project, turned, day(LAST))).startswith("0 nights with a version")


def numbers_spec() -> ModelSpec:
    changes = {"label": {"column": "minutes", "kind": "regression", "known_after_spans": 1}}
    return parcels_spec({**changes, "train.estimator": "sklearn.linear_model.Ridge"})


class TestNumbersOfASpan:
    @pytest.mark.parametrize(("n", "is_judged"), [(20, True), (19, False)])
    def test_are_judged_where_there_are_enough(self, n: int, is_judged: bool):
        minutes = pl.Series(np.arange(n, dtype=float))
        found = span_quality(numbers_spec(), minutes, minutes.to_numpy() + 1)
        # Their median is half of them away, and a quarter is the mean distance to it.
        assert found == (pytest.approx(1 - 1 / 5) if is_judged else None)

    def test_that_are_all_the_same_are_not(self):
        assert span_quality(numbers_spec(), pl.Series([5.0] * 30), np.full(30, 5.0)) is None

    def test_have_a_reference_that_no_model_moves(self):
        minutes = pl.Series(np.arange(40, dtype=float))
        qualities = [span_quality(numbers_spec(), minutes, minutes.to_numpy() + off) for off in (0, 5, 10)]
        assert qualities == pytest.approx([1, 0.5, 0])


def test_too_few_nights_of_a_kind_are_refused_as_ever(taken_in: Model):
    with pytest.raises(TrainingError, match="too few to tell periods apart"):
        backtest_staleness(taken_in.project, taken_in.spec, day(LAST - 3), day(LAST - 1), every=2)
