"""Numbers and several classes through whole nights: gate, champion, realised quality, challenger."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ratchet.evaluation.losses import Loss
from ratchet.evaluation.yardstick import Yardstick
from ratchet.packaging.package import load_package
from ratchet.project import Project
from ratchet.steps.champion import read_evaluation
from ratchet.steps.decide_gate import decide_gate
from ratchet.steps.evaluate import evaluate
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.explain_candidate import read_explanation
from ratchet.steps.night import live_through, take_in, watch
from ratchet.steps.promote import promote
from ratchet.steps.results import read_object
from ratchet.steps.select_window import select_window
from ratchet.steps.sense_quality import sense_quality
from ratchet.steps.train import train
from ratchet.steps.tune import tune
from ratchet.training.fit import code_labels
from ratchet.training.registry import bounded
from tests.factories.kinds import Kind, make_kind, make_trips
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
