"""Decide whether the candidate may become champion, and write the verdict into the ledger, whatever it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.errors import LostRaceError
from ratchet.evaluation.declared import check_declared
from ratchet.evaluation.gate import GateResult, explain
from ratchet.evaluation.gate import decide_gate as judge
from ratchet.evaluation.inspection_checks import inspection_checks
from ratchet.evaluation.results import Evaluation
from ratchet.identity import ModelId
from ratchet.ledger.chain import Ledger
from ratchet.ledger.versions import ModelVersion
from ratchet.reports.evaluation import render_evaluation
from ratchet.spec.switched_off import find_switched_off
from ratchet.steps.assess_data import AssessmentResult, assess_data
from ratchet.steps.evaluate import read_curves
from ratchet.steps.explain_candidate import read_explanation
from ratchet.steps.inspect_candidate import InspectResult, inspect_candidate, read_inspection
from ratchet.steps.results import StepFolder, StepKey, StepResult, read_object, run_once
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from ratchet.ledger.entries import Author
    from ratchet.project import Project
    from ratchet.spec.evaluation import Comparison
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.watching import Reason
    from ratchet.steps.evaluate import EvaluateResult
    from ratchet.verdicts import Check


_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class GateStepResult(StepResult):
    """The verdict, the table that decided, and who stood against whom."""

    reasons: tuple[Reason, ...]
    comparison: Comparison | None
    candidate_version: str
    candidate_digest: str
    candidate_run_id: str
    candidate_spans: tuple[str, ...]
    test_spans: tuple[str, ...]
    champion_digest: str | None
    evaluation_uri: str
    gate_uri: str
    gate_digest: str
    explanation: str
    report_uri: str
    run_url: str | None
    trained_until: str | None = None

    @property
    def candidate(self) -> ModelVersion:
        """The candidate as the ledger names it."""
        return ModelVersion(
            version=self.candidate_version,
            digest=self.candidate_digest,
            run_id=self.candidate_run_id,
            # Of one that was imported, as declared.
            trained_from=None if self.trained_until else self.candidate_spans[0],
            trained_through=self.trained_until or self.candidate_spans[-1],
            tested_through=self.test_spans[-1],
            evidence_uri=self.evaluation_uri,
        )


def decide_gate(
    project: Project, spec: ModelSpec, evaluated: EvaluateResult, *, author: Author, at: datetime
) -> GateStepResult:
    """Decide by the figures of an evaluation; the gate is written and entered in the ledger also when it fails."""
    assessed = assess_data(project, spec, evaluated)
    inspected = inspect_candidate(project, spec, evaluated)
    key = StepKey(
        step="decide_gate",
        version=3,
        spec=spec,
        sections=("evaluate",),
        span=evaluated.span,
        inputs={
            "evaluation": evaluated.uri,
            "assessment": assessed.uri,
            "inspection": inspected.uri,
            "profile": project.profile,
        },
    )
    result = run_once(
        project, key, GateStepResult, lambda folder: _decide(project, spec, evaluated, assessed, inspected, folder)
    )
    crash_point("decide_gate.before_ledger")
    _enter(project, result, author=author, at=at)
    return result


def _decide(
    project: Project,
    spec: ModelSpec,
    evaluated: EvaluateResult,
    assessed: AssessmentResult,
    inspected: InspectResult,
    folder: StepFolder,
) -> GateStepResult:
    switched_off = [".".join(map(str, at)) for at, _ in find_switched_off(spec)]
    strict = project.profile == "production"
    inspection = inspection_checks(read_inspection(project, inspected), spec.evaluate, switched_off, strict=strict)
    evaluation = Evaluation.from_json(json.loads(read_object(project, evaluated.evaluation_uri)))
    gate = judge(
        evaluation,
        spec.evaluate,
        reasons=evaluated.reasons,
        test_spans=evaluated.test_spans,
        candidate_spans=evaluated.candidate_spans,
        champion_spans=evaluated.champion_spans,
        further=(
            *([check_declared(until, evaluated.test_spans)] if (until := evaluated.trained_until) else ()),
            *_with_evidence(inspection, inspected.inspection_uri),
            *_with_evidence(assessed.checks, assessed.assessment_uri),
        ),
    )
    # What has none of its own was told from the figures of the evaluation.
    gate = replace(gate, checks=tuple(_with_evidence(gate.checks, evaluated.evaluation_uri)))
    text = json.dumps(gate.to_json(), indent=1, sort_keys=True, allow_nan=False)
    return GateStepResult(
        model=spec.name,
        span=evaluated.span,
        verdict=gate.verdict,
        words=_words(gate),
        uri=folder.uri,
        reasons=evaluated.reasons,
        comparison=gate.comparison,
        candidate_version=evaluated.candidate_version,
        candidate_digest=evaluated.candidate_digest,
        candidate_run_id=evaluated.candidate_run_id,
        candidate_spans=evaluated.candidate_spans,
        test_spans=evaluated.test_spans,
        champion_digest=evaluated.champion_digest,
        evaluation_uri=evaluated.uri,
        gate_uri=folder.write("gate.json", text),
        gate_digest="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        explanation=explain(gate),
        report_uri=folder.write("report.html", _page(project, spec, evaluated, evaluation, gate)),
        run_url=evaluated.run_url,
        trained_until=evaluated.trained_until,
    )


def _with_evidence(checks: Iterable[Check], uri: str | None) -> Iterator[Check]:
    return (check if check.evidence_uri else replace(check, evidence_uri=uri) for check in checks)


def _page(
    project: Project, spec: ModelSpec, evaluated: EvaluateResult, evaluation: Evaluation, gate: GateResult
) -> str:
    facts = {
        "Goal": spec.objective.goal,
        "Owner": spec.owner,
        "Candidate": f"version {evaluated.candidate_version}, asked for by {', '.join(evaluated.reasons)}",
        "Champion": f"version {evaluated.champion_version}" if evaluated.champion_version else "none yet",
        "Trained on": f"{evaluated.train_spans[0]} to {evaluated.train_spans[-1]}"
        if evaluated.trained_until is None
        else f"elsewhere, imported; until {evaluated.trained_until}, as declared",
        "Tested on": f"{evaluated.test_spans[0]} to {evaluated.test_spans[-1]}",
    }
    title = f"{spec.name}: gate of version {evaluated.candidate_version}, {evaluated.span}"
    return render_evaluation(
        evaluation,
        title=title,
        words=evaluated.words,
        gate=gate,
        curves=read_curves(project, evaluated.curves_uri),
        explanation=read_explanation(project, evaluated.explanation_uri),
        facts=facts,
    )


def _words(gate: GateResult) -> str:
    deciding = [check for check in gate.checks if check.verdict == gate.verdict and gate.verdict != "pass"]
    against = (gate.comparison or "cold start").replace("_", "-")
    reasons = "; ".join(f"{check.name}: {check.reason}" for check in deciding)
    return f"{gate.verdict} ({against})" + (f": {reasons}" if reasons else f": all {len(gate.checks)} checks passed")


def _enter(project: Project, result: GateStepResult, *, author: Author, at: datetime) -> None:
    ledger = Ledger(open_store(project.home), ModelId(result.model))
    decision_id = f"gate:{result.candidate_digest}:{result.gate_digest}"
    body = {
        "candidate": result.candidate.to_json(),
        "over": result.champion_digest,
        "verdict": result.verdict,
        "comparison": result.comparison,
        "reasons": list(result.reasons),
        "span": result.span,
        "gate_uri": result.gate_uri,
        "gate_digest": result.gate_digest,
        "words": result.words,
    }
    for tries_left in reversed(range(_TRIES)):
        after = ledger.read_state().number
        try:
            ledger.append("gate", body, decision_id=decision_id, author=author, at=at, after=after)
            return
        except LostRaceError:
            # A verdict stands by itself, whatever was decided meanwhile: it takes the next number.
            if not tries_left:
                raise
