"""Score candidate, champion and baselines on the same test examples, which none of them was trained on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.evaluation.baselines import dummy_answers, rule_answers
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.evaluation.curves import Curves, compute_curves
from ratchet.evaluation.logged import logged_metrics
from ratchet.evaluation.yardstick import Yardstick
from ratchet.features.transform import build_linear_baseline
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.loaded import score
from ratchet.packaging.package import load_package
from ratchet.reports.evaluation import render_evaluation
from ratchet.reports.explaining import curve_plots, explanation_plots
from ratchet.reports.kinds import kind_plots
from ratchet.reports.plot_files import to_file
from ratchet.steps.beside import tell_beside
from ratchet.steps.champion import champion_evidence
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.explain_candidate import explain_candidate, read_explanation
from ratchet.steps.results import StepFolder, StepKey, StepResult, read_object, run_once
from ratchet.steps.train_examples import read_train_examples, sampling_input
from ratchet.storage.objects import open_store
from ratchet.training.fit import code_labels, fit_pipeline, labelled_matrix
from ratchet.training.losses import Loss
from ratchet.training.tracking import log_evaluation

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.evaluation.results import Evaluation
    from ratchet.explanation.results import Explanation
    from ratchet.ledger.versions import ModelVersion
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.watching import Reason
    from ratchet.steps.select_window import WindowResult
    from ratchet.steps.train import TrainResult


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateResult(StepResult):
    """Who was compared on what; all figures are in ``evaluation_uri``.

    ``candidate_spans`` and ``champion_spans`` are those that each was fitted or tuned on; the champion's are None
    while there is none. ``champion_train_spans`` are those it was fitted on; ``data_version`` is that of the window,
    empty in results of an earlier version. ``candidate_auc`` and ``champion_auc`` are qualities: of several classes the
    macro AUC, of numbers the skill.

    Of a candidate that was imported, ``train_spans`` are those that the linear model beside it was fitted on, and
    ``trained_until`` and ``declared_spans`` what was declared of it (see `TrainResult`).
    """

    reasons: tuple[Reason, ...]
    candidate_version: str
    candidate_digest: str
    candidate_run_id: str
    candidate_spans: tuple[str, ...]
    candidate_auc: float | None
    champion_version: str | None
    champion_digest: str | None
    champion_spans: tuple[str, ...] | None
    champion_auc: float | None
    train_spans: tuple[str, ...]
    test_spans: tuple[str, ...]
    n_examples: int
    evaluation_uri: str
    report_uri: str
    run_url: str | None
    champion_train_spans: tuple[str, ...] | None = None
    data_version: tuple[tuple[str, str, str], ...] = ()
    curves_uri: str | None = None
    explanation_uri: str | None = None
    trained_until: str | None = None
    declared_spans: tuple[str, ...] | None = None

    @property
    def learnt_spans(self) -> tuple[str, ...]:
        """The spans that the candidate learnt from; none where nobody knows."""
        return self.train_spans if self.declared_spans is None else self.declared_spans

    @property
    def baseline_spans(self) -> tuple[str, ...]:
        """The spans that its inputs are compared with later: those it learnt from, or those it was judged beside."""
        return self.learnt_spans or self.train_spans


def evaluate(project: Project, spec: ModelSpec, window: WindowResult, trained: TrainResult) -> EvaluateResult:
    """Evaluate the trained candidate against the present champion, a linear model, a dummy and the business rule.

    Run again after its candidate became champion, it answers with the evaluation that made it so.
    """
    model = ModelId(spec.name)
    champion = Ledger(open_store(project.home), model).read_state().champion
    if champion is not None and champion.digest == trained.digest:
        made_so = champion_evidence(project, champion)
        # A later night that trained the very same model is compared, and its tie keeps the champion.
        if (made_so.span, made_so.reasons) == (window.span, window.reasons):
            return made_so
    key = StepKey(
        step="evaluate",
        version=4,
        spec=spec,
        sections=("objective", "features", "label", "train", "evaluate", "explain"),
        span=window.span,
        inputs={
            "candidate": trained.digest,
            "champion": champion.digest if champion else None,
            "data": window.data_version,
            "reasons": list(window.reasons),
            **sampling_input(spec),
        },
    )
    return run_once(
        project, key, EvaluateResult, lambda folder: _evaluate(project, spec, window, trained, champion, folder)
    )


def _evaluate(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    trained: TrainResult,
    champion: ModelVersion | None,
    folder: StepFolder,
) -> EvaluateResult:
    test = read_labelled_examples(project, spec, window.test_spans, versions=window.data_version)
    train = read_train_examples(project, spec, window.train_spans, versions=window.data_version).frame
    yardstick = _yardstick(spec, train)
    scores = _all_scores(project, spec, trained, champion, train, test)
    labels = code_labels(test[spec.label.column], spec.label)
    digests = {"candidate": trained.digest} | ({"champion": champion.digest} if champion else {})
    evaluation = evaluate_contenders(
        labels,
        scores,
        test.select(spec.features.slices),
        policy=spec.evaluate,
        seed=spec.train.seed,
        beside=tell_beside(project, spec, test, scores, digests),
        yardstick=yardstick,
    )
    text = json.dumps(evaluation.to_json(), indent=1, allow_nan=False)
    curves = _curves(labels, scores, yardstick)
    explained = explain_candidate(project, spec, window, trained, train, test, yardstick)
    explanation = read_explanation(project, explained.explanation_uri if explained else None)
    page = render_evaluation(
        evaluation,
        title=f"{spec.name}: version {trained.version}, {window.span}",
        words=window.words,
        curves=curves,
        explanation=explanation,
    )
    candidate, former = evaluation.metrics("candidate"), evaluation.metrics("champion")
    drawn = curve_plots(curves) | kind_plots(evaluation) | explanation_plots(explanation, evaluation.quality)
    plots = {f"plots/{name}.svg": to_file(of) for name, of in drawn.items()}
    log_evaluation(
        project.tracking_uri,
        trained.run_id,
        logged_metrics(evaluation) | _importance_metrics(explanation),
        {"evaluation.html": page, **plots},
    )
    evidence = champion_evidence(project, champion) if champion else None
    return EvaluateResult(
        model=spec.name,
        span=window.span,
        verdict="pass",
        words=_words(evaluation),
        uri=folder.uri,
        reasons=window.reasons,
        candidate_version=trained.version,
        candidate_digest=trained.digest,
        candidate_run_id=trained.run_id,
        candidate_spans=(*window.train_spans, *window.validate_spans, *_spans_until(window, trained.trained_until)),
        candidate_auc=candidate.quality.value if candidate and candidate.quality else None,
        champion_version=champion.version if champion else None,
        champion_digest=champion.digest if champion else None,
        champion_spans=(evidence.candidate_spans if evidence else ()) if champion else None,
        champion_auc=former.quality.value if former and former.quality else None,
        train_spans=window.train_spans,
        test_spans=window.test_spans,
        n_examples=evaluation.n_examples,
        evaluation_uri=folder.write("evaluation.json", text),
        report_uri=folder.write("report.html", page),
        run_url=trained.run_url,
        champion_train_spans=evidence.learnt_spans if evidence else None,
        data_version=window.data_version,
        curves_uri=folder.write("curves.json", json.dumps(curves.to_json(), indent=1, allow_nan=False)),
        explanation_uri=explained.explanation_uri if explained else None,
        trained_until=trained.trained_until,
        declared_spans=trained.declared_spans,
    )


def _spans_until(window: WindowResult, trained_until: str | None) -> tuple[str, ...]:
    """Return the test spans that an imported model may have been trained on."""
    return tuple(span for span in window.test_spans if trained_until is not None and span <= trained_until)


def read_curves(project: Project, uri: str | None) -> Curves | None:
    """Return the curves that stand at a URI; None where there are none."""
    return None if uri is None else Curves.from_json(json.loads(read_object(project, uri)))


def _all_scores(
    project: Project,
    spec: ModelSpec,
    trained: TrainResult,
    champion: ModelVersion | None,
    train: pl.DataFrame,
    test: pl.DataFrame,
) -> dict[str, NDArray[np.float64]]:
    model, store = ModelId(spec.name), open_store(project.home)
    fitted_on, rule, label, loss = labelled_matrix(train, spec), spec.objective.rule, spec.label, Loss.of(spec.evaluate)
    known = train.filter(train[label.column].is_not_null())
    labels = code_labels(known[label.column], label)
    linear = fit_pipeline(build_linear_baseline(spec), fitted_on, threads=spec.train.threads)
    scores = {
        # As answered: NaN is a fault for the gate to name.
        "candidate": load_package(store, model, trained.digest, folder=spec.folder).raw_scores(test),
        "linear": score(linear, labelled_matrix(test, spec).features, AnswerForm.of(label)),
        "dummy": dummy_answers(fitted_on.labels, label, test.height, loss=loss),
        "rule": rule_answers(known[rule.column], labels, label, rule, test[rule.column], loss=loss),
    }
    if champion is None:
        return scores
    return scores | {"champion": load_package(store, model, champion.digest, folder=spec.folder).raw_scores(test)}


def _yardstick(spec: ModelSpec, train: pl.DataFrame) -> Yardstick:
    """Return what the label is judged by; of numbers beside what the dummy answers."""
    if spec.label.kind != "regression":
        return Yardstick.of(spec)
    labels = code_labels(train[spec.label.column].drop_nulls(), spec.label)
    return Yardstick.of(spec, reference=Loss.of(spec.evaluate).constant(labels))


def _curves(labels: NDArray[Any], scores: dict[str, NDArray[np.float64]], yardstick: Yardstick) -> Curves:
    """Return the curves of all contenders, or those of each class against the rest by the candidate."""
    if yardstick.kind == "binary":
        return compute_curves(labels, scores)
    classes, answers = yardstick.classes, scores["candidate"]
    if not classes or yardstick.find_fault(answers) is not None:
        return Curves(share_positive=None, roc=(), precision_recall=())
    by_class = [compute_curves(labels == i, {name: answers[:, i]}) for i, name in enumerate(classes)]
    return Curves(
        share_positive=None,
        roc=tuple(curve for of in by_class for curve in of.roc),
        precision_recall=tuple(curve for of in by_class for curve in of.precision_recall),
    )


def _words(evaluation: Evaluation) -> str:
    known = {one.name: one.quality for one in evaluation.contenders}
    figures = ", ".join(f"{name} {of.value:.4f}" if of else f"{name} unknown" for name, of in known.items())
    return f"{evaluation.quality} on {evaluation.n_examples} test examples: {figures}"


def _importance_metrics(explanation: Explanation | None) -> dict[str, float]:
    return {f"importance/{of.feature}": of.drop.value for of in explanation.importance} if explanation else {}
