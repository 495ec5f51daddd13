"""A life with generated features: trained, explained, scored, served and made again, all by the model itself."""

from __future__ import annotations

import json

import mlflow.pyfunc
import pytest

from ratchet.explanation.results import Explanation
from ratchet.ledger.entries import Author
from ratchet.packaging.package import load_package
from ratchet.serving.prediction_log import find_request
from ratchet.spans.reading import read_table
from ratchet.steps.decide_gate import GateStepResult
from ratchet.steps.evaluate import EvaluateResult
from ratchet.steps.examples import read_all_examples
from ratchet.steps.explain_candidate import read_explanation
from ratchet.steps.explain_prediction import WITHHELD, explain_prediction
from ratchet.steps.logged_predictions import find_logged
from ratchet.steps.promote import promote
from ratchet.steps.reproduce import reproduce
from ratchet.steps.results import read_object, read_result
from ratchet.steps.score_span import score_span
from ratchet.steps.select_window import select_window
from ratchet.steps.tune import tune
from ratchet.training.registry import bounded
from tests.factories.lives import LOADED, Life, life_in, try_candidate
from tests.factories.models import Model, at, day
from tests.factories.serving import serve

NIGHT = day(LOADED)
PAIRS = {"ratios": [["distance", "weight"]], "products": [["distance", "distance"]]}
NAMES = ("distance_times_distance", "distance_per_weight")


class TestAChampion:
    """These tests change nothing."""

    gate: GateStepResult

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tmp_path_factory: pytest.TempPathFactory) -> Model:
        model = life_in(tmp_path_factory, tmp_path_factory.mktemp("generated"))("loaded")
        model.edit({"features.generated": PAIRS, "explain.learning_points": 0})
        cls.gate = try_candidate(model, NIGHT, "cold_start")
        promote(model.project, model.spec, cls.gate, author=Author(kind="service", name="tests"), at=at(NIGHT))
        serve(model, NIGHT, first=3, change=lambda n, parcel: parcel | ({"weight": 0.0} if n == 1 else {}))
        return model

    def test_what_each_brings_is_told_as_of_any_other_feature(self, model: Model):
        evaluated = read_result(model.project, self.gate.evaluation_uri, EvaluateResult)
        found = read_explanation(model.project, evaluated.explanation_uri)
        assert isinstance(found, Explanation)
        assert {of.feature for of in found.importance} == {"distance", "weight", "carrier", "hour", *NAMES}
        assert {of.feature for of in found.costs} >= set(NAMES)
        assert {of.group: of.features for of in found.groups} == {"derived": ("hour",), "generated": NAMES}
        with bounded(model.project.tracking_uri) as client:
            run = client.get_run(self.gate.candidate_run_id)
        assert "importance/distance_per_weight" in run.data.metrics
        assert "distance_per_weight" in read_object(model.project, self.gate.report_uri).decode()

    def test_the_champion_scores_a_night_and_mlflow_the_same(self, model: Model):
        scored = score_span(model.project, model.spec, NIGHT, at=at(NIGHT))
        assert (scored.n_examples, scored.n_infinities) == (150, 0)
        examples = read_all_examples(model.project, model.spec, [NIGHT])
        kept = read_table(model.project, model.id, "predictions", [NIGHT]).sort("entity")["score"]
        loaded = load_package(model.store, model.id, self.gate.candidate_digest)
        assert loaded.predict(examples.sort("parcel_id")).tolist() == kept.to_list()
        with bounded(model.project.tracking_uri) as client:
            version = client.get_model_version(str(model.id), self.gate.candidate_version)
        frame = examples.sort("parcel_id").select(list(loaded.card.features)).to_pandas()
        assert mlflow.pyfunc.load_model(version.source).predict(frame)[:, 1].tolist() == kept.to_list()

    def test_a_request_with_a_zero_below_is_answered_logged_without_it_and_explained(self, model: Model):
        logged = find_request(model.project, model.id, "r1-1").to_dicts()[0]
        assert 0 <= logged["score"] <= 1
        assert not set(NAMES) & set(json.loads(logged["inputs"]))
        found = explain_prediction(model.project, model.spec, find_logged(model.project, model.spec, "r1-1")[0])
        assert found.is_same
        assert found.features["distance_per_weight"] is None
        assert found.features["distance_times_distance"] == pytest.approx(found.features["distance"] ** 2)

    def test_what_is_made_of_a_withheld_feature_is_withheld(self, model: Model):
        governance = model.spec.governance.model_copy(update={"quasi_identifiers": ("weight",)})
        spec = model.spec.model_copy(update={"governance": governance})
        found = explain_prediction(model.project, spec, find_logged(model.project, model.spec, "r1-0")[0])
        assert (found.features["weight"], found.features["distance_per_weight"]) == (WITHHELD, WITHHELD)
        assert found.features["distance_times_distance"] != WITHHELD

    def test_it_is_made_again_to_the_bit(self, model: Model):
        again = reproduce(model.project, model.spec, self.gate.candidate_version)
        assert (again.verdict, again.equality) == ("pass", "bits")


def test_a_search_chooses_among_sets_with_and_without_them(life: Life):
    model = life("loaded")
    sets = {"plain": ["distance", "carrier"], "squared": ["distance", "carrier", "distance_times_distance"]}
    model.edit({"features.generated": PAIRS, "train.search": {"trials": 4, "sampler": "random", "feature_sets": sets}})
    window = select_window(model.project, model.spec, NIGHT, reasons=("cold_start",))
    tuned = tune(model.project, model.spec, window)
    assert tuned.features in ("all", "plain", "squared")
    told = b"".join(model.objects("runs/parcels/tune").values()).decode()
    assert {name for name in ("plain", "squared") if name in told} == {"plain", "squared"}
