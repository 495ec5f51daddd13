"""A model that was trained elsewhere enters at evaluation, and goes the way of one that was trained here."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import polars as pl
import pytest
from rich.console import Console

from ratchet.cli.importing import import_file
from ratchet.errors import InputError, ModelError, RegistryDownError
from ratchet.evaluation.gate import GateResult
from ratchet.explanation.results import Explanation
from ratchet.packaging.package import MANIFEST_FILE, load_package, read_manifest
from ratchet.spans.reading import read_table
from ratchet.steps import import_model as module
from ratchet.steps.decide_gate import GateStepResult
from ratchet.steps.erase import erase
from ratchet.steps.evaluate import EvaluateResult
from ratchet.steps.examples import derive
from ratchet.steps.explain_candidate import read_explanation
from ratchet.steps.explain_prediction import explain_prediction
from ratchet.steps.import_model import ImportRequest
from ratchet.steps.logged_predictions import find_logged, find_scored
from ratchet.steps.reproduce import reproduce
from ratchet.steps.results import read_object, read_result
from ratchet.steps.sense_drift import sense_drift
from ratchet.steps.sense_skew import sense_skew
from ratchet.steps.sense_staleness import sense_staleness
from ratchet.training.registry import bounded
from ratchet.training.versions import read_alias
from tests.factories.lives import LOADED, Life, gate_of, life_in, live
from tests.factories.models import AUTHOR, Model, at, day
from tests.factories.onnx_models import by_feature, net, own_scores, parcels_elsewhere, write
from tests.factories.serving import serve

BEFORE, NIGHT = "2023-12-31", day(LOADED + 1)


def enter(
    model: Model, path: Path, *, span: str | None = None, may_promote: bool = True, **said: Any
) -> tuple[GateStepResult, str]:
    """Import a file as the command does; the gate, and what was told."""
    told = io.StringIO()
    asked = ImportRequest(**{"by": "ada", "trained_until": BEFORE, **said})
    console = Console(file=told, width=400)
    gate = import_file(model.project, model.spec, path, asked, span=span, may_promote=may_promote, console=console)
    return gate, told.getvalue()


def checks_of(model: Model, gate: GateStepResult) -> dict[str, str]:
    found = GateResult.from_json(json.loads(read_object(model.project, gate.gate_uri)))
    return {check.name: check.verdict for check in found.checks}


def reason_of(model: Model, gate: GateStepResult, name: str) -> str:
    return GateResult.from_json(json.loads(read_object(model.project, gate.gate_uri))).check(name).reason


class TestAChampionFromElsewhere:
    """One life: imported on the night of the twelfth day, champion on the thirteenth. These tests change nothing."""

    data = by_feature()
    gate: GateStepResult
    told: str

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, tmp_path_factory: pytest.TempPathFactory) -> Model:
        folder = tmp_path_factory.mktemp("imported")
        model = life_in(tmp_path_factory, folder)("loaded")
        path = write(folder, cls.data)
        cls.gate, cls.told = enter(model, path, reason="a better carrier table")
        # The same once more finds all of it, as a person who lost the first answer would do.
        assert enter(model, path, reason="a better carrier table")[0] == cls.gate
        live(model, NIGHT)
        serve(model, NIGHT, first=5)
        return model

    def test_it_passes_the_gate_by_the_same_checks_and_is_promoted(self, model: Model):
        assert self.gate.verdict == "pass"
        assert set(checks_of(model, self.gate)) >= {"floor", "dummy", "rule", "linear", "champion", "leakage", "origin"}
        assert "declared to know no example after 2023-12-31" in reason_of(model, self.gate, "origin")
        champion = model.ledger.read_state().champion
        assert (champion.digest, champion.trained_from, champion.trained_through) == (
            self.gate.candidate_digest,
            None,
            BEFORE,
        )
        decided = [(entry.kind, entry.author.name) for entry in model.ledger.entries()]
        assert decided[:2] == [("gate", "ada"), ("bootstrap", "ada")]
        assert read_alias(model.project.tracking_uri, model.id, "champion") == champion.version
        assert "the probability of class '1' is read from 'probabilities'" in self.told

    def test_its_scores_are_those_of_onnxruntime(self, model: Model):
        scored = read_table(model.project, model.id, "predictions", [NIGHT]).sort("entity")
        examples = read_table(model.project, model.id, "examples", [NIGHT]).sort("parcel_id")
        own = own_scores(self.data, examples.select("distance", "weight", "carrier").to_pandas())
        assert scored.height == 150
        assert set(scored["model_digest"]) == {self.gate.candidate_digest}
        assert scored["score"].to_numpy() == pytest.approx(own, abs=1e-6)
        # And as the pipeline that it was made of, in double precision.
        frame = examples.select("distance", "weight", "carrier").to_pandas()
        assert scored["score"].to_numpy() == pytest.approx(parcels_elsewhere().predict_proba(frame)[:, 1], abs=1e-5)

    def test_its_card_says_who_brought_which_file(self, model: Model):
        card = read_manifest(model.store, model.id, self.gate.candidate_digest).card
        assert (card.estimator, tuple(card.features)) == ("onnx", ("distance", "weight", "carrier"))
        assert card.origin is not None
        assert (card.origin.by, card.origin.reason) == ("ada", "a better carrier table")
        assert card.origin.file_digest == hashlib.sha256(self.data).hexdigest()
        assert 0 < card.threshold < 1

    def test_mlflow_shows_a_run_and_loads_the_version_by_the_same_checks(self, model: Model):
        with bounded(model.project.tracking_uri) as client:
            version = client.get_model_version(str(model.id), self.gate.candidate_version)
            run = client.get_run(self.gate.candidate_run_id)
        assert run.data.tags["ratchet.imported"] == "true"
        assert run.data.tags["ratchet.imported_by"] == "ada"
        assert not run.inputs.dataset_inputs  # nothing of ours is known to have trained it
        assert "auc" in " ".join(run.data.metrics)
        examples = read_table(model.project, model.id, "examples", [NIGHT])
        frame = examples.select("distance", "weight", "carrier").to_pandas()
        answered = mlflow.pyfunc.load_model(version.source).predict(frame)
        assert answered[:, 1] == pytest.approx(own_scores(self.data, frame), abs=1e-6)

    def test_what_needs_its_training_is_said_not_to_be_there(self, model: Model):
        evaluated = read_result(model.project, self.gate.evaluation_uri, EvaluateResult)
        found = read_explanation(model.project, evaluated.explanation_uri)
        assert isinstance(found, Explanation)
        assert {of.feature for of in found.importance[:2]} == {"distance", "carrier"}
        assert found.not_refitted == ("learning curve and groups: an imported model cannot be fitted again",)
        again = reproduce(model.project, model.spec, self.gate.candidate_version)
        assert again.verdict == "undecided"
        assert "not reproducible, imported by ada on" in again.words
        assert "against the spans of its gate" in sense_drift(model.project, model.spec, NIGHT).words
        assert sense_drift(model.project, model.spec, NIGHT).verdict == "pass"
        assert sense_skew(model.project, model.spec, NIGHT).n_matched == 5
        # Seventy-odd days since the end of the year, of 45 that are allowed.
        assert sense_staleness(model.project, model.spec, NIGHT).verdict == "fail"
        page = read_object(model.project, self.gate.report_uri).decode()
        assert "elsewhere, imported; until 2023-12-31, as declared" in page

    def test_a_logged_request_and_a_scored_row_are_explained(self, model: Model):
        of_request = explain_prediction(
            model.project, model.spec, find_logged(model.project, model.spec, "r1-3")[0], {"carrier": "C"}
        )
        assert of_request.is_same
        assert of_request.contributions.method == "exact"
        assert set(of_request.features) == {"distance", "weight", "carrier"}
        scored = find_scored(model.project, model.spec, NIGHT, f"{NIGHT}-0007")
        assert all(explain_prediction(model.project, model.spec, one).is_same for one in scored)

    def test_its_age_asks_for_a_retraining_and_its_unknown_training_leaves_that_to_a_person(self, model: Model):
        gate = gate_of(model)
        assert (gate.span, gate.reasons, gate.comparison) == (
            NIGHT,
            ("staleness", "schedule"),
            "non_inferiority",
        )
        assert checks_of(model, gate)["champion"] == "pass"
        assert checks_of(model, gate)["window"] == "undecided"
        assert "nobody has said which spans the champion was trained on" in reason_of(model, gate, "window")
        assert gate.verdict == "undecided"

    @pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:-1] + b"\0"], ids=["cut", "altered"])
    def test_a_damaged_package_is_not_parsed(self, model: Model, damage: Any):
        name = f"models/{model.id}/{self.gate.candidate_digest}/model.onnx"
        sound = model.store.read(name)
        model.store.write(name, damage(sound))
        with pytest.raises(Exception, match="It was not parsed"):
            load_package(model.store, model.id, self.gate.candidate_digest)
        model.store.write(name, sound)


@pytest.fixture
def champion(life: Life) -> Model:
    """A model with a champion that was trained here, and nothing explained: it is told above."""
    model = life("champion")
    model.edit({"explain.examples": 0})
    return model


class TestAChallengerFromElsewhere:
    def test_it_must_be_better_and_its_unknown_training_goes_to_a_person(self, champion: Model, tmp_path: Path):
        gate, told = enter(champion, write(tmp_path, by_feature(zipmap=False)))
        assert gate.comparison == "superiority"
        assert gate.verdict != "pass"
        assert checks_of(champion, gate)["window"] == "undecided"
        assert "nobody has said which spans the candidate was trained on" in reason_of(champion, gate, "window")
        assert [entry.kind for entry in champion.ledger.entries()][-1] == "gate"
        assert "is champion since" not in told

    def test_spans_it_is_said_to_know_are_compared_and_are_no_test_spans(self, champion: Model, tmp_path: Path):
        # Tested on the tenth and the eleventh.
        said = {"trained_from": day(1), "trained_until": day(10)}
        gate, _ = enter(champion, write(tmp_path, by_feature()), **said)
        found = checks_of(champion, gate)
        assert found["window"] == "pass"
        assert (found["unseen"], found["origin"], found["overlap"]) == ("undecided", "undecided", "fail")
        evaluated = read_result(champion.project, gate.evaluation_uri, EvaluateResult)
        assert evaluated.learnt_spans == evaluated.baseline_spans == tuple(day(number) for number in range(1, 11))


def packages(model: Model) -> set[str]:
    return {name.split("/")[2] for name in model.store.list(f"models/{model.id}/")}


def down(*_: object, **__: object) -> None:
    raise RegistryDownError("MLflow does not answer.")


class TestANet:
    def test_broken_off_before_mlflow_it_goes_on_and_a_passed_gate_waits_for_promotion(
        self, life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        model = life("loaded")
        model.edit({"explain.examples": 0, "evaluate.margin_over_linear": -1.0})
        path = write(tmp_path, net((0.1, 0.0), last="Sigmoid"))
        with monkeypatch.context() as patch:
            patch.setattr(module, "start_or_resume", down)
            with pytest.raises(RegistryDownError):
                enter(model, path, columns=("distance", "hour"))
        (before,) = packages(model)
        gate, _ = enter(model, path, columns=("distance", "hour"), may_promote=False)
        # Whatever the time of the second try, the card has that of the first.
        assert packages(model) == {before} == {gate.candidate_digest}
        assert gate.verdict == "pass"
        assert model.ledger.read_state().champion is None
        again, _ = enter(model, path, columns=("distance", "hour"))
        assert again == gate
        assert model.ledger.read_state().champion.digest == gate.candidate_digest
        # A derived feature is fed as any other.
        loaded = load_package(model.store, model.id, gate.candidate_digest)
        examples = derive(model.project, model.spec, read_table(model.project, model.id, "examples", [day(3)]))
        expected = 1 / (1 + np.exp(-(0.1 * examples["distance"].to_numpy() - 5)))
        assert loaded.predict(examples) == pytest.approx(expected, abs=1e-6)
        assert loaded.predict(examples.with_columns(distance=pl.lit(None, pl.Float64))) == pytest.approx(
            1 / (1 + np.exp(5)), abs=1e-6
        )
        # An erasure names the version: its threshold was chosen on examples of the entity.
        erased = erase(model.project, model.spec, f"{day(9)}-0003", author=AUTHOR, at=at(day(LOADED)))
        assert erased.versions == (gate.candidate_version,)


class TestRefused:
    """Nothing is left of what is refused: no package, no run, no entry."""

    @pytest.fixture
    def model(self, life: Life) -> Iterator[Model]:
        model = life("loaded")
        before = model.objects("models/") | model.objects("ledger/")
        yield model
        assert model.objects("models/") | model.objects("ledger/") == before
        with bounded(model.project.tracking_uri) as client:
            assert client.get_experiment_by_name(str(model.id)) is None

    def test_a_net_without_its_last_step_answers_no_probabilities(self, model: Model, tmp_path: Path):
        with pytest.raises(ModelError, match="must answer a probability for every row"):
            enter(model, write(tmp_path, net((0.1, 0.0), last="Identity")), columns=("distance", "hour"))

    def test_a_declaration_that_cannot_be_is_told_first(self, model: Model, tmp_path: Path):
        path = write(tmp_path, by_feature())
        for said, words in (
            ({"trained_until": "yesterday"}, "yesterday"),
            ({"trained_from": "2020-01-01", "trained_until": "2020-01-31"}, "No span from 2020-01-01"),
            ({"by": " "}, "must be named"),
        ):
            with pytest.raises(InputError, match=words):
                enter(model, path, **said)


def test_a_manifest_that_lists_another_file_is_refused(life: Life):
    model = life("champion")
    digest = model.ledger.read_state().champion.digest
    name = f"models/{model.id}/{digest}/{MANIFEST_FILE}"
    values = json.loads(model.store.read(name)) | {"estimator": "onnx"}
    data = json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
    forged = hashlib.sha256(data).hexdigest()
    model.store.write(f"models/{model.id}/{forged}/{MANIFEST_FILE}", data)
    with pytest.raises(ModelError, match=r"must list model\.onnx alone"):
        load_package(model.store, model.id, forged)
