"""Numbers and several classes through whole nights: gate, champion, realised quality, challenger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console

from ratchet.cli.explaining import print_explained
from ratchet.evaluation.yardstick import Yardstick
from ratchet.packaging.package import load_package
from ratchet.project import Project
from ratchet.serving.champion import ChampionWatch
from ratchet.serving.prediction_log import open_log
from ratchet.serving.scoring import Scorer
from ratchet.spans.reading import read_table
from ratchet.steps.champion import read_evaluation
from ratchet.steps.decide_gate import decide_gate
from ratchet.steps.evaluate import evaluate
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.explain_candidate import read_explanation
from ratchet.steps.explain_prediction import explain_prediction
from ratchet.steps.logged_predictions import LoggedPrediction, find_logged, find_scored
from ratchet.steps.night import live_through, take_in, watch
from ratchet.steps.promote import promote
from ratchet.steps.results import read_object
from ratchet.steps.select_window import select_window
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from ratchet.training.fit import code_labels
from ratchet.training.losses import Loss
from ratchet.training.registry import bounded
from tests.factories.kinds import CLASSES, Kind, make_kind, make_trips
from tests.factories.models import AUTHOR, Model, at, day, days
from tests.factories.tracking import empty_tracking

if TYPE_CHECKING:
    from ratchet.steps.decide_gate import GateStepResult
    from ratchet.steps.evaluate import EvaluateResult
    from ratchet.steps.night import Night
    from ratchet.steps.select_window import WindowResult

KINDS: tuple[Kind, ...] = ("regression", "multiclass")
CROWNED, NEXT = 7, 9
CHANGES = {
    "watch.retrain.every_spans": 2,
    "watch.quality.min_examples": 20,
    "evaluate.test_spans": 2,
    "evaluate.min_slice_examples": 20,
    "explain.examples": 100,
    "explain.repeats": 1,
    "explain.learning_points": 1,
}


@dataclass(frozen=True, kw_only=True)
class Lived:
    model: Model
    window: WindowResult
    evaluated: EvaluateResult
    gate: GateStepResult
    nights: dict[int, Night]


@pytest.fixture(scope="module", params=KINDS)
def lived(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lived:
    run = tmp_path_factory.getbasetemp()
    base = run / "judged"
    (base / "models").mkdir(parents=True, exist_ok=True)
    tracking = empty_tracking(run, base / "mlflow.db")
    project = Project(home=str(base / "home"), models_path=base / "models", tracking_uri=tracking)
    changes = {**CHANGES, **({"evaluate.metric": "rmse"} if request.param == "regression" else {})}
    model = make_kind(project, request.param, base / "data", changes, trips=make_trips(NEXT + 1))
    spec, span = model.spec, day(CROWNED)
    assert take_in(model.project, spec, days(1, CROWNED), done=lambda name, result: None)
    watch(model.project, spec, span, clock=lambda: at(span), done=lambda name, result: None)
    window = select_window(model.project, spec, span, reasons=("cold_start",))
    trained = train(model.project, spec, window, tune(model.project, spec, window), at=at(span))
    evaluated = evaluate(model.project, spec, window, trained)
    gate = decide_gate(model.project, spec, evaluated, author=AUTHOR, at=at(span))
    promote(model.project, spec, gate, author=AUTHOR, at=at(span))
    nights = {
        number: live_through(model.project, spec, [day(number)], author=AUTHOR, clock=lambda n=number: at(day(n)))  # type: ignore[misc]
        for number in range(CROWNED + 1, NEXT + 1)
    }
    return Lived(model=model, window=window, evaluated=evaluated, gate=gate, nights=nights)


def yardstick_of(lived: Lived) -> Yardstick:
    spec = lived.model.spec
    if spec.label.kind == "multiclass":
        return Yardstick.of(spec)
    fitted_on = read_labelled_examples(lived.model.project, spec, lived.window.train_spans)
    return Yardstick.of(spec, reference=Loss(name="rmse").constant(fitted_on[spec.label.column].to_numpy()))


def test_the_gate_crowns_a_candidate_by_the_quality_of_its_kind(lived: Lived):
    model, spec = lived.model, lived.model.spec
    assert lived.gate.verdict == "pass", lived.gate.explanation
    test = read_labelled_examples(model.project, spec, lived.window.test_spans)
    answers = load_package(model.store, model.id, lived.evaluated.candidate_digest).predict(test)
    yardstick = yardstick_of(lived)
    labels = yardstick.check_labels(code_labels(test[spec.label.column], spec.label))
    assert lived.evaluated.candidate_auc == yardstick.quality(labels, answers)
    found = read_evaluation(model.project, lived.evaluated)
    assert (found.kind, found.quality, found.reference) == (spec.label.kind, yardstick.name, yardstick.reference)
    assert {one.name for one in found.contenders} == {"candidate", "linear", "dummy", "rule"}
    dummy = found.metrics("dummy")
    assert dummy is not None
    assert dummy.quality is not None
    assert dummy.quality.value == yardstick.guess


def test_what_features_bring_is_told_in_the_same_quality(lived: Lived):
    explained = read_explanation(lived.model.project, lived.evaluated.explanation_uri)
    assert explained is not None
    first = explained.importance[0]
    assert (first.feature, first.drop.low > 0.05) == ("distance", True)
    assert len(explained.learning) > 1


def test_pages_and_mlflow_show_the_figures_of_the_kind(lived: Lived):
    model = lived.model
    page = read_object(model.project, lived.gate.report_uri).decode()
    with bounded(model.project.tracking_uri) as client:
        run = client.get_run(lived.evaluated.candidate_run_id)
        plots = {one.path for one in client.list_artifacts(run.info.run_id, "plots")}
    if model.spec.label.kind == "regression":
        assert {"test_skill_candidate", "test_rmse_candidate", "test_r2_candidate", "test_bias_candidate"} <= set(
            run.data.metrics
        )
        assert {"plots/actual_candidate.svg", "plots/residuals_candidate.svg", "plots/calibration.svg"} <= plots
        assert "Predicted and came" in page
    else:
        assert {"test_auc_candidate", "test_accuracy_candidate", "test_recall_rail_candidate"} <= set(run.data.metrics)
        assert {"plots/confusion_candidate.svg", "plots/roc.svg", "plots/calibration.svg"} <= plots
        assert "Each class against the rest" in page
    assert "Decisions at the threshold" not in page


def test_the_nights_judge_what_came_and_bring_a_challenger_before_the_gate(lived: Lived):
    results = lived.nights[NEXT].results
    assert lived.nights[CROWNED + 1].results["score_span"].verdict == "pass"
    realised = results["sense_quality"]
    assert realised.verdict == "pass", realised.words
    assert f"The realised {yardstick_of(lived).name} is" in realised.words
    gate = results["decide_gate"]
    assert gate.comparison == "non_inferiority"  # type: ignore[attr-defined]
    table = gate.explanation  # type: ignore[attr-defined]
    assert all(name in table for name in ("champion", "slices", "disagreement", "window", "leakage", "stability"))
    assert ("label noise" in table) == (lived.model.spec.label.kind == "multiclass")


def test_realised_quality_is_that_of_the_predictions_that_were_made(lived: Lived):
    model, spec = lived.model, lived.model.spec
    found = sense_quality(model.project, spec, day(NEXT))
    examples = read_labelled_examples(model.project, spec, [found.cohort])
    answers = load_package(model.store, model.id, lived.evaluated.candidate_digest).predict(examples)
    yardstick = yardstick_of(lived)
    labels = yardstick.check_labels(code_labels(examples[spec.label.column], spec.label))
    assert found.auc == pytest.approx(yardstick.quality(labels, answers), abs=1e-9)
    assert found.gate_auc == lived.evaluated.candidate_auc


def test_no_number_of_an_example_stands_in_a_result(lived: Lived):
    if lived.model.spec.label.kind != "regression":
        pytest.skip("classes are no numbers")
    model = lived.model
    test = read_labelled_examples(model.project, model.spec, lived.window.test_spans)
    text = read_object(model.project, lived.evaluated.evaluation_uri).decode()
    kept = np.array(list(_numbers(json.loads(text))))
    assert not np.isin(np.round(test["minutes"].to_numpy(), 6), np.round(kept, 6)).any()


def _numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for one in value.values() for number in _numbers(one)]
    if isinstance(value, list):
        return [number for one in value for number in _numbers(one)]
    return [float(value)] if isinstance(value, int | float) else []


class TestExplaining:
    @pytest.fixture
    def logged(self, lived: Lived) -> LoggedPrediction:
        span = day(CROWNED + 1)
        entity = read_table(lived.model.project, lived.model.id, "predictions", [span])["entity"].sort()[3]
        return find_scored(lived.model.project, lived.model.spec, span, entity)[0]

    def test_a_prediction_of_a_scored_span_is_taken_apart_in_its_own_unit(self, lived: Lived, logged: LoggedPrediction):
        model, spec = lived.model, lived.model.spec
        found = explain_prediction(model.project, spec, logged)
        parts, is_number = found.contributions, spec.label.kind == "regression"
        assert (found.is_same, found.threshold) == (True, None)
        assert (parts.method, parts.unit) == ("exact", "label" if is_number else "probability")
        assert found.predicted == logged.record.get("predicted")
        total = parts.base + sum(of.amount for of in parts.contributions)
        assert total == pytest.approx(logged.record["score"], abs=1e-9)
        # The base is the mean, of the same class, over 64 of the examples that the gate was judged on.
        test = read_labelled_examples(model.project, spec, found.background_spans)
        answers = load_package(model.store, model.id, found.model_digest).predict(test)
        mean = answers.mean() if is_number else answers[:, CLASSES.index(found.predicted or "")].mean()
        assert parts.base == pytest.approx(mean, abs=answers.std())
        assert abs(parts.base - mean) < abs(total - mean)
        told = found.to_json()
        assert ("predicted" in told) == (not is_number)

    def test_linear_contributions_are_coefficients_times_what_differs_from_the_mean(
        self, lived: Lived, logged: LoggedPrediction
    ):
        if lived.model.spec.label.kind != "regression":
            pytest.skip("a probability of a class is no sum")
        model, spec = lived.model, lived.model.spec
        found = explain_prediction(model.project, spec, logged)
        other = explain_prediction(model.project, spec, logged, {"weather": "wet"})
        dry = explain_prediction(model.project, spec, logged, {"weather": "dry"})
        assert other.what_if is not None
        assert dry.what_if is not None
        wet_by = other.what_if.changed_score - dry.what_if.changed_score
        share_wet = 0.4
        (weather,) = [of.amount for of in found.contributions.contributions if of.feature == "weather"]
        is_wet = found.features["weather"] == "wet"
        assert wet_by == pytest.approx(8, abs=2)
        assert weather == pytest.approx(wet_by * (is_wet - share_wet), abs=0.2 * wet_by)

    def test_a_what_if_tells_another_class(self, lived: Lived, logged: LoggedPrediction):
        model, spec, near, far = lived.model, lived.model.spec, {"distance": 0.3}, {"distance": 12.0}
        short, long = (explain_prediction(model.project, spec, logged, change).what_if for change in (near, far))
        assert short is not None
        assert long is not None
        if spec.label.kind == "regression":
            assert long.changed_score - short.changed_score == pytest.approx(4 * 11.7, abs=6)
            assert (short.predicted, long.predicted) == (None, None)
        else:
            assert (short.predicted, long.predicted) == ("walk", "rail")

    def test_it_is_printed_with_the_class_or_the_number(
        self, lived: Lived, logged: LoggedPrediction, capsys: pytest.CaptureFixture[str]
    ):
        spec, score = lived.model.spec, f"{logged.record['score']:.4f}"
        found = explain_prediction(lived.model.project, spec, logged, {"distance": 0.3})
        print_explained(found, Console(width=200))
        told = capsys.readouterr().out
        if spec.label.kind == "regression":
            assert f"  predicted {score}; computed again: the same" in told
            assert "would be predicted" not in told
        else:
            assert f"  predicted {found.predicted}, with the score {score}, which is explained; computed again" in told
            assert ("walk would be predicted" in told) == (found.predicted != "walk")

    def test_a_request_is_explained_by_the_class_that_was_answered(self, lived: Lived):
        model, spec, span = lived.model, lived.model.spec, day(CROWNED + 1)
        champions, log = ChampionWatch(model.project, spec), open_log(model.project, model.id)
        champions.refresh()
        scorer = Scorer(model.project, spec, champions=champions, log=log, clock=lambda: at(day(NEXT)))
        sent = [
            {"trip_id": f"t{i}", "began_at": f"{span}T15:00:00Z", "distance": distance, "weather": "dry"}
            for i, distance in enumerate((0.5, 6.0, 11.5))
        ]
        answer = json.loads(scorer.score(json.dumps({"examples": sent}).encode(), "asked"))["predictions"]
        log.close()
        found = [explain_prediction(model.project, spec, one) for one in find_logged(model.project, spec, "asked")]
        assert [of.predicted for of in found] == [of.get("predicted") for of in answer]
        assert [of.score for of in found] == pytest.approx([of["score"] for of in answer], abs=1e-9)
        assert all(of.is_same for of in found)
