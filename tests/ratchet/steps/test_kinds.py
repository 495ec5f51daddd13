"""A label of numbers, and one of several classes: from a file through every step to predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from ratchet.errors import DataError, ModelError
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.ledger.versions import ModelVersion
from ratchet.packaging.package import load_package
from ratchet.project import Project
from ratchet.serving.champion import ChampionWatch
from ratchet.serving.prediction_log import open_log, read_log
from ratchet.serving.scoring import Scorer
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_table
from ratchet.spans.records import PREDICTED_CLASS, PREDICTION
from ratchet.spec.label import Label
from ratchet.spec.selection import Selection
from ratchet.statistics.table import StatisticsTable
from ratchet.steps.examples import read_all_examples, read_labelled_examples
from ratchet.steps.ingest_span import ingest_span
from ratchet.steps.look import look_at_source
from ratchet.steps.night import take_in
from ratchet.steps.outcome_statistics import SCORE, SCORE_EDGES, read_score_statistics
from ratchet.steps.reproduce import reproduce
from ratchet.steps.results import read_object
from ratchet.steps.score_span import make_predictions, score_span
from ratchet.steps.select_window import select_window
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from tests.factories.kinds import A_SPAN, CLASSES, LABELS, Kind, make_kind, make_trips
from tests.factories.models import AUTHOR, Model, at, day, days
from tests.factories.tracking import empty_tracking

if TYPE_CHECKING:
    from pathlib import Path

    from ratchet.steps.select_window import WindowResult
    from ratchet.steps.train import TrainResult
    from ratchet.steps.tune import TuneResult

KINDS: tuple[Kind, ...] = ("regression", "multiclass")
# The fewest spans of which one is validated on and two are tested on.
N_SPANS = 7


@dataclass(frozen=True, kw_only=True)
class Trained:
    model: Model
    window: WindowResult
    tuned: TuneResult
    result: TrainResult

    @property
    def version(self) -> ModelVersion:
        return ModelVersion(
            version=self.result.version, digest=self.result.digest, trained_through=self.window.train_spans[-1]
        )


def train_on(project: Project, folder: Path, kind: Kind, changes: dict[str, Any] | None = None) -> Trained:
    model = make_kind(project, kind, folder, changes, trips=make_trips(N_SPANS))
    assert take_in(model.project, model.spec, days(1, N_SPANS), done=lambda name, result: None)
    window = select_window(model.project, model.spec, day(N_SPANS), reasons=("cold_start",))
    tuned = tune(model.project, model.spec, window)
    return Trained(
        model=model,
        window=window,
        tuned=tuned,
        result=train(model.project, model.spec, window, tuned, at=at(day(N_SPANS))),
    )


def told_by_sklearn(trained: Trained, examples: pl.DataFrame) -> np.ndarray:
    """What scikit-learn itself answers, fitted on the same rows by hand."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    spec, project = trained.model.spec, trained.model.project
    fitted_on = read_labelled_examples(project, spec, trained.window.train_spans)
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer([("n", numbers, ["distance"]), ("c", OneHotEncoder(), ["weather"])])
    is_number = spec.label.kind == "regression"
    model = make_pipeline(
        columns, Ridge() if is_number else LogisticRegression(max_iter=1000, solver="newton-cholesky")
    )
    roles = feature_roles(spec.features)
    model.fit(to_matrix(fitted_on, roles), fitted_on[spec.label.column].to_numpy())
    rows = to_matrix(examples, roles)
    if is_number:
        return np.asarray(model.predict(rows))
    # scikit-learn answers in the order of the alphabet.
    return np.asarray(model.predict_proba(rows)[:, [list(model.classes_).index(name) for name in CLASSES]])


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One life for each kind, looked at from several sides."""
    run = tmp_path_factory.getbasetemp()
    base = run / "kinds"
    (base / "models").mkdir(parents=True, exist_ok=True)
    tracking = empty_tracking(run, base / "mlflow.db")
    project = Project(home=str(base / "home"), models_path=base / "models", tracking_uri=tracking)
    kind: Kind = request.param
    tree = f"sklearn.tree.DecisionTree{'Classifier' if kind == 'multiclass' else 'Regressor'}"
    stump = {"estimator": tree, "parameters": {"max_depth": 1}}
    found = train_on(project, base / "data", kind, {"train.search": {"trials": 1, "families": {"stump": stump}}})
    version = {"version": found.version.to_json()}
    found.model.ledger.append(
        "bootstrap", version, decision_id="promotion-1", author=AUTHOR, at=at(day(N_SPANS)), after=0
    )
    return found


def test_what_a_file_holds_becomes_the_predictions_that_scikit_learn_makes(trained: Trained):
    model, spec, span = trained.model, trained.model.spec, day(N_SPANS)
    is_number = spec.label.kind == "regression"
    stored = read_table(model.project, model.id, "ground_truth", days(1, N_SPANS - 1))
    assert stored.schema[spec.label.column] == (pl.Float64 if is_number else pl.String)
    assert stored.height == (N_SPANS - 1) * A_SPAN
    assert (trained.tuned.measured, trained.result.threshold) == ("skill" if is_number else "macro AUC", None)
    scored = score_span(model.project, spec, span, at=at(span))
    assert (scored.verdict, scored.n_examples) == ("pass", A_SPAN)
    predictions = read_table(model.project, model.id, "predictions", [span]).sort("entity")
    columns = PREDICTION | ({} if is_number else PREDICTED_CLASS)
    assert {name: predictions.schema[name] for name in columns} == columns
    assert set(predictions.columns) == set(columns)
    assert predictions["threshold"].is_null().all()
    assert predictions["is_expected"].is_null().all()
    examples = read_all_examples(model.project, spec, [span]).sort("trip_id")
    expected, score = told_by_sklearn(trained, examples), predictions["score"].to_numpy()
    if is_number:
        np.testing.assert_allclose(score, expected, rtol=1e-9)
        assert score.max() > 1
    else:
        np.testing.assert_allclose(np.array(predictions["scores"].to_list()), expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(score, expected.max(axis=1), rtol=1e-9)
        assert predictions["predicted"].to_list() == [CLASSES[place] for place in expected.argmax(axis=1)]
        assert set(predictions["predicted"]) == set(CLASSES)


def test_the_service_answers_as_the_batch_did_and_logs_it(trained: Trained):
    model, spec, span = trained.model, trained.model.spec, day(N_SPANS - 1)
    examples = read_all_examples(model.project, spec, [span]).head(7)
    loaded = load_package(model.store, model.id, trained.result.digest)
    batch = make_predictions(spec, loaded, trained.version, examples, at(span)).sort("entity")
    champions, log = ChampionWatch(model.project, spec), open_log(model.project, model.id)
    champions.refresh()
    scorer = Scorer(model.project, spec, champions=champions, log=log, clock=lambda: at(span))
    rows = examples.select("trip_id", "began_at", "distance", "weather").with_columns(
        pl.col("began_at").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    )
    answer = json.loads(scorer.score(json.dumps({"examples": rows.to_dicts()}).encode(), "r1"))
    log.close()
    told = pl.DataFrame(answer["predictions"])
    assert "threshold" not in answer
    is_number = spec.label.kind == "regression"
    assert set(told.columns) == {"prediction_id", "score", *(() if is_number else ("predicted", "scores"))}
    np.testing.assert_allclose(told["score"].to_numpy(), batch["score"].to_numpy(), rtol=1e-12)
    if not is_number:
        assert answer["classes"] == list(CLASSES)
        assert told["predicted"].to_list() == batch["predicted"].to_list()
        np.testing.assert_allclose(np.array(told["scores"].to_list()), np.array(batch["scores"].to_list()), rtol=1e-12)
    logged = read_log(model.project, model.id, at(span), at(day(N_SPANS))).frame
    np.testing.assert_array_equal(logged["score"].to_numpy(), told["score"].to_numpy())
    assert logged.schema == pl.Schema(PREDICTION)


def test_outcomes_and_scores_have_statistics_of_their_own_kind(trained: Trained):
    model, label = trained.model, trained.model.spec.label
    of_label = StatisticsTable(model.project.home, model.id, "ground_truth").read([day(1)])[day(1)][label.column]
    scores = read_score_statistics(model.project, model.spec, trained.version, [day(6)], scored=False)[day(6)][SCORE]
    assert of_label.role == ("numeric" if label.kind == "regression" else "categorical")
    assert scores.n_present == A_SPAN
    assert scores.edges == (of_label.edges if label.kind == "regression" else SCORE_EDGES)


def test_a_first_look_tells_what_goes_with_the_outcome(trained: Trained):
    model = trained.model
    found = look_at_source(model.project, model.spec, days(1, 3))
    page = read_object(model.project, found.report_uri).decode()
    assert found.verdict == "pass"
    outcomes = read_table(model.project, model.id, "ground_truth", days(1, 3))[model.spec.label.column]
    is_number = model.spec.label.kind == "regression"
    assert f"is {'above its median' if is_number else outcomes.mode().sort()[-1]}" in page


def test_what_competed_is_told_with_its_distance_to_the_best(trained: Trained):
    best, other = trained.tuned.contenders
    assert (best["family"], other["family"], trained.result.family) == ("main", "stump", "main")
    assert 0 < other["low"] < best["auc"] - other["auc"] < other["high"]  # type: ignore[operator]
    page = read_object(trained.model.project, trained.tuned.report_uri or "").decode()
    assert f"<dt>{trained.tuned.measured}</dt>" in page


def test_a_version_is_made_again_to_the_bit(trained: Trained):
    made = reproduce(trained.model.project, trained.model.spec, trained.result.version)
    assert (made.verdict, made.equality) == ("pass", "bits")


def test_a_second_training_finds_the_first(trained: Trained):
    model = trained.model
    assert train(model.project, model.spec, trained.window, trained.tuned, at=at(day(N_SPANS))) == trained.result


def test_a_model_of_another_label_than_the_spec_says_scores_nothing(trained: Trained):
    spec = trained.model.spec
    other: Kind = "regression" if spec.label.kind == "multiclass" else "multiclass"
    label = Label.model_validate_json(json.dumps({**LABELS[other], "known_after_spans": 1}))
    changed = spec.model_copy(update={"label": label})
    loaded = load_package(trained.model.store, trained.model.id, trained.result.digest)
    examples = read_all_examples(trained.model.project, spec, [day(1)])
    with pytest.raises(ModelError, match=f"was trained on a {spec.label.kind} label, and the spec now says {other}"):
        make_predictions(changed, loaded, trained.version, examples, at(day(1)))


def test_a_feature_that_brings_too_little_is_left_out_of_the_package(trained: Trained):
    model, spec = trained.model, trained.model.spec
    features = spec.features.model_copy(update={"selection": Selection(floor=0.5, examples=100)})
    narrow = spec.model_copy(update={"features": features})
    result = train(model.project, narrow, trained.window, tune(model.project, narrow, trained.window), at=at(day(8)))
    assert result.left_out == ("weather",)
    loaded = load_package(model.store, model.id, result.digest)
    examples = read_all_examples(model.project, spec, [day(1)])
    assert list(loaded.card.features) == ["distance"]
    assert len(loaded.predict(examples.drop("weather"))) == A_SPAN
    made = reproduce(model.project, narrow, result.version)
    assert (made.verdict, made.equality) == ("pass", "bits")
    if spec.label.kind == "regression":
        # What a feature brings is told in another loss, so it is another training.
        other = narrow.model_copy(update={"evaluate": spec.evaluate.model_copy(update={"metric": "rmse"})})
        tuned = tune(model.project, narrow, trained.window)
        assert train(model.project, other, trained.window, tuned, at=at(day(8))).uri != result.uri


class TestOutcomesThatAreNone:
    def test_a_class_that_is_not_listed_is_quarantined_with_its_reason(self, project: Project, tmp_path: Path):
        is_boat = pl.int_range(pl.len()) == 4
        strange = make_trips(3).with_columns(mode=pl.when(is_boat).then(pl.lit("boat")).otherwise("mode"))
        model = make_kind(project, "multiclass", tmp_path, {"source.max_quarantined": 0.1}, trips=strange)
        assert ingest_span(model.project, model.spec, days(1, 2)).n_labels == A_SPAN - 1
        manifest = ManifestStore(model.store, model.id, "ground_truth").newest(day(1))
        assert manifest is not None
        assert manifest.quarantine_reasons == {"mode is none of label.classes": 1}

    def test_too_many_of_them_stop_the_span(self, project: Project, tmp_path: Path):
        trips = make_trips(3).with_columns(mode=pl.lit("boat"))
        with pytest.raises(DataError, match="mode is none of label.classes: 60"):
            make_kind(project, "multiclass", tmp_path, trips=trips)
