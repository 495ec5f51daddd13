"""What is told of a candidate on every run, on the parcels: distance and carrier decide, weight and hour do nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ratchet.errors import PredictionsError
from ratchet.explanation.results import Explanation
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.packaging.loaded import LoadedModel, score
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.explain_candidate import draw, explain_candidate, read_explanation
from ratchet.steps.refits import refit
from ratchet.steps.results import read_object
from ratchet.steps.select_window import select_window
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from ratchet.training.fit import fit_matrix, labelled_matrix
from ratchet.training.registry import bounded
from tests.factories.lives import LOADED, Life, gate_of, try_candidate
from tests.factories.models import Model, at, day, days, parcels_spec


def evaluation_of(model: Model) -> Any:
    from ratchet.steps.evaluate import EvaluateResult
    from ratchet.steps.results import read_result

    return read_result(model.project, gate_of(model).evaluation_uri, EvaluateResult)


class TestEveryRun:
    @pytest.fixture
    def gated(self, life: Life) -> Model:
        return life("gated")

    def test_what_brings_something_and_what_costs_is_told_in_the_result_the_page_and_mlflow(self, gated: Model):
        evaluated = evaluation_of(gated)
        found = read_explanation(gated.project, evaluated.explanation_uri)
        assert isinstance(found, Explanation)
        assert {of.feature for of in found.importance[:2]} == {"distance", "carrier"}
        assert found.importance[1].drop.low > 0.02 > max(of.drop.value for of in found.importance[2:])
        assert [of.group for of in found.groups] == ["derived"]
        assert {of.feature: of.cpu_microseconds is None for of in found.costs} == {
            "distance": True, "weight": True, "carrier": True, "hour": False,
        }  # fmt: skip
        assert [of.n_examples for of in found.learning] == [225, 450, 900]
        # The curve ends with the candidate itself, on the same examples.
        assert found.learning[-1].test_auc.value == pytest.approx(evaluated.candidate_auc, abs=1e-9)
        page = read_object(gated.project, gate_of(gated).report_uri).decode()
        for words in ("What the candidate relies on", "Learning curve", "Over all thresholds", "Without a group"):
            assert words in page
        with bounded(gated.project.tracking_uri) as client:
            run = client.get_run(evaluated.candidate_run_id)
            plots = {item.path for item in client.list_artifacts(run.info.run_id, "plots")}
        assert run.data.metrics["importance/carrier"] == next(
            of.drop.value for of in found.importance if of.feature == "carrier"
        )
        assert {
            "plots/roc.svg",
            "plots/precision_recall.svg",
            "plots/importance.svg",
            "plots/learning_curve.svg",
        } <= plots

    def test_it_can_be_switched_off_and_nothing_of_it_is_left(self, life: Life):
        model = life("loaded")
        model.edit({"explain": {"examples": 0}})
        gate = try_candidate(model, days(1, 12)[-1], "cold_start")
        assert evaluation_of(model).explanation_uri is None
        page = read_object(model.project, gate.report_uri).decode()
        assert "What the candidate relies on" not in page
        assert "Over all thresholds" in page
        assert model.store.list("runs/parcels/explain_candidate") == []

    def test_a_candidate_that_answers_no_probability_is_not_explained_and_stops_nothing(
        self, life: Life, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ):
        model = life("loaded")
        project, spec = model.project, model.spec
        window = select_window(project, spec, day(LOADED), reasons=("cold_start",))
        trained = train(project, spec, window, tune(project, spec, window), at=at(day(LOADED)))
        known = read_labelled_examples(project, spec, window.train_spans)
        test = read_labelled_examples(project, spec, window.test_spans)

        def refuse(*_: object) -> Any:
            raise PredictionsError("3 of 300 scores are NaN.")

        with monkeypatch.context() as patch:
            patch.setattr(LoadedModel, "predict", refuse)
            assert explain_candidate(project, spec, window, trained, known, test) is None
        assert "is not explained: E-PREDICTIONS: 3 of 300 scores are NaN." in caplog.text
        # Nothing was written of it, so a sound one is explained.
        assert explain_candidate(project, spec, window, trained, known, test) is not None


class TestRefits:
    @pytest.fixture
    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        rng = np.random.default_rng(0)
        frame = pl.DataFrame(
            {
                "span": "2024-03-01",
                "parcel_id": [f"{i:05}" for i in range(3000)],
                "distance": rng.uniform(0, 100, 3000),
                "weight": rng.normal(5, 1, 3000),
                "carrier": rng.choice(list("ABC"), 3000),
                "hour": rng.integers(0, 24, 3000).astype(float),
            }
        )
        odds = (frame["distance"].to_numpy() - 50) / 10 + (frame["carrier"] == "C").to_numpy() * 4 - 2
        frame = frame.with_columns(is_late=pl.Series(rng.random(3000) < 1 / (1 + np.exp(-odds))))
        return frame[:2000], frame[2000:]

    def candidate(self, spec: Any, train: pl.DataFrame) -> Any:
        fitted = fit_matrix(labelled_matrix(train, spec), spec)
        return lambda frame: score(fitted, to_matrix(frame, feature_roles(spec.features)))

    def test_without_a_group_that_matters_something_is_lost_and_without_another_nothing(self, frames):
        spec = parcels_spec({"explain": {"groups": {"way": ["distance"], "idle": ["weight", "hour"]}}})
        found = refit(spec, *frames, self.candidate(spec, frames[0]), {})
        assert [of.group for of in found.groups] == ["way", "idle"]
        assert found.groups[0].drop.low > 0.1
        assert abs(found.groups[1].drop.value) < 0.01
        assert found.missing == ()

    def test_refits_see_no_more_examples_than_the_spec_allows_and_are_compared_on_those(self, frames):
        spec = parcels_spec({"explain": {"refit_examples": 600, "learning_points": 1}})
        found = refit(spec, *frames, self.candidate(spec, frames[0]), {})
        assert found.n_examples == 600
        assert [of.n_examples for of in found.learning] == [300, 600, 2000]
        assert [of.train_auc is None for of in found.learning] == [False, False, True]

    def test_the_order_of_the_test_examples_does_not_matter(self, frames):
        spec = parcels_spec({"explain": {"learning_points": 1, "groups": {}}})
        train, test = frames
        found = refit(spec, train, test, self.candidate(spec, train), {})
        assert found == refit(spec, train, test[::-1], self.candidate(spec, train), {})

    @pytest.mark.parametrize("by", ["entity", "span"])
    def test_intervals_are_drawn_by_what_the_spec_says(self, frames, by):
        changes = {"explain": {"learning_points": 1, "groups": {}}}
        spec, other = parcels_spec(changes), parcels_spec({**changes, "evaluate.resample_by": by})
        train, test = frames
        rows = pl.int_range(pl.len())
        # Each parcel twice, over ten days.
        test = test.with_columns(parcel_id=pl.format("{}", rows // 2), span=pl.format("2024-03-{}", 11 + rows % 10))
        one_by_one, together = (refit(of, train, test, self.candidate(of, train), {}) for of in (spec, other))
        for one, drawn in zip(one_by_one.learning, together.learning, strict=True):
            assert one.test_auc.value == drawn.test_auc.value
            assert one.test_auc != drawn.test_auc

    def test_a_refit_that_cannot_be_made_is_said(self, frames):
        spec = parcels_spec({"explain": {"refit_examples": 120, "learning_points": 2, "groups": {}}})
        found = refit(spec, *frames, self.candidate(spec, frames[0]), {})
        assert found.missing == ("30 examples: A fit needs 50 labelled examples at least. Got 30.",)
        assert [of.n_examples for of in found.learning] == [60, 120, 2000]

    def test_test_examples_of_one_class_tell_nothing(self, frames):
        spec = parcels_spec()
        train, test = frames[0], frames[1].filter("is_late")
        found = refit(spec, train, test, self.candidate(spec, train), {})
        assert (found.learning, found.groups) == ((), ())


def test_the_examples_drawn_do_not_depend_on_the_order_they_were_read_in(life: Life):
    model = life("loaded")
    frame = read_labelled_examples(model.project, model.spec, days(1, 3))
    drawn = draw(frame, model.spec, 100)
    assert drawn.equals(draw(frame.sample(fraction=1.0, shuffle=True, seed=1), model.spec, 100))
    assert (drawn.height, draw(frame, model.spec, 10_000).height) == (100, frame.height)
