"""Score candidate, champion and baselines on the same test examples, which none of them was trained on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.evaluation.baselines import dummy_scores, rule_scores
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.evaluation.curves import Curves, compute_curves
from ratchet.evaluation.logged import logged_metrics
from ratchet.features.transform import build_linear_baseline
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.packaging.loaded import score
from ratchet.packaging.package import load_package
from ratchet.reports.evaluation import render_evaluation
from ratchet.reports.explaining import curve_plots, explanation_plots
from ratchet.reports.plot_files import to_file
from ratchet.steps.beside import tell_beside
from ratchet.steps.champion import champion_evidence
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.explain_candidate import explain_candidate, read_explanation
from ratchet.steps.results import StepFolder, StepKey, StepResult, read_object, run_once
from ratchet.storage.objects import open_store
from ratchet.training.fit import fit_pipeline, labelled_matrix
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
    empty in results of an earlier version.

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
        version=3,
        spec=spec,
        sections=("objective", "features", "label", "train", "evaluate", "explain"),
        span=window.span,
        inputs={
            "candidate": trained.digest,
            "champion": champion.digest if champion else None,
            "data": window.data_version,
            "reasons": list(window.reasons),
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
    scores = _all_scores(project, spec, window, trained, champion, test)
    digests = {"candidate": trained.digest} | ({"champion": champion.digest} if champion else {})
    evaluation = evaluate_contenders(
        test[spec.label.column].to_numpy(),
        scores,
        test.select(spec.features.slices),
        policy=spec.evaluate,
        seed=spec.train.seed,
        beside=tell_beside(project, spec, test, scores, digests),
    )
    text = json.dumps(evaluation.to_json(), indent=1, allow_nan=False)
    curves = compute_curves(test[spec.label.column].to_numpy(), scores)
    explained = explain_candidate(project, spec, window, trained, test)
    explanation = read_explanation(project, explained.explanation_uri if explained else None)
    page = render_evaluation(
        evaluation,
        title=f"{spec.name}: version {trained.version}, {window.span}",
        words=window.words,
        curves=curves,
        explanation=explanation,
    )
    candidate, former = evaluation.metrics("candidate"), evaluation.metrics("champion")
    plots = {
        f"plots/{name}.svg": to_file(of) for name, of in (curve_plots(curves) | explanation_plots(explanation)).items()
    }
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
        candidate_auc=candidate.auc.value if candidate and candidate.auc else None,
        champion_version=champion.version if champion else None,
        champion_digest=champion.digest if champion else None,
        champion_spans=(evidence.candidate_spans if evidence else ()) if champion else None,
        champion_auc=former.auc.value if former and former.auc else None,
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
    window: WindowResult,
    trained: TrainResult,
    champion: ModelVersion | None,
    test: pl.DataFrame,
) -> dict[str, NDArray[np.float64]]:
    model, store = ModelId(spec.name), open_store(project.home)
    train = read_labelled_examples(project, spec, window.train_spans, versions=window.data_version)
    fitted_on, rule = labelled_matrix(train, spec), spec.objective.rule
    linear = fit_pipeline(build_linear_baseline(spec), fitted_on, threads=spec.train.threads)
    scores = {
        # As answered: NaN is a fault for the gate to name.
        "candidate": load_package(store, model, trained.digest, folder=spec.folder).raw_scores(test),
        "linear": score(linear, labelled_matrix(test, spec).features),
        "dummy": dummy_scores(fitted_on.labels, test.height),
        "rule": rule_scores(train[rule.column], train[spec.label.column].to_numpy(), rule, test[rule.column]),
    }
    if champion is None:
        return scores
    return scores | {"champion": load_package(store, model, champion.digest, folder=spec.folder).raw_scores(test)}


def _words(evaluation: Evaluation) -> str:
    figures = ", ".join(f"{m.name} {m.auc.value:.4f}" if m.auc else f"{m.name} unknown" for m in evaluation.contenders)
    return f"AUC on {evaluation.n_examples} test examples: {figures}"


def _importance_metrics(explanation: Explanation | None) -> dict[str, float]:
    return {f"importance/{of.feature}": of.drop.value for of in explanation.importance} if explanation else {}
