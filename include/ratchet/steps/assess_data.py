"""Measure what governance asks of the examples that a candidate was trained on, once, for its gate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from ratchet.evaluation.governance import assess, governance_checks
from ratchet.spec.gaps import find_gaps
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.results import StepFolder, StepKey, StepResult, run_once
from ratchet.verdicts import Check, worst

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.evaluate import EvaluateResult


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentResult(StepResult):
    """The checks that governance adds to the gate; none where it declares nothing."""

    checks_json: str
    assessment_uri: str | None

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks, as the gate takes them."""
        values: list[dict[str, Any]] = json.loads(self.checks_json)
        return tuple(Check.from_json(check) for check in values)


def assess_data(project: Project, spec: ModelSpec, evaluated: EvaluateResult) -> AssessmentResult:
    """Assess the labelled examples of the candidate's training spans."""
    key = StepKey(
        step="assess_data",
        version=2,
        spec=spec,
        sections=("source", "features", "label", "governance"),
        span=evaluated.span,
        inputs={"evaluation": evaluated.uri, "profile": project.profile},
    )
    return run_once(project, key, AssessmentResult, lambda folder: _assess(project, spec, evaluated, folder))


def _assess(project: Project, spec: ModelSpec, evaluated: EvaluateResult, folder: StepFolder) -> AssessmentResult:
    governance = spec.governance
    assessment = assess(_examples(project, spec, evaluated), spec)
    gaps = [".".join(map(str, at)) for at, _ in find_gaps(spec)]
    checks = governance_checks(assessment, governance, gaps, strict=project.profile == "production")
    told = [f"{check.name}: {check.reason}" for check in checks if check.verdict != "pass"]
    return AssessmentResult(
        model=spec.name,
        span=evaluated.span,
        verdict=worst(checks) if checks else "pass",
        words="; ".join(told) or f"{len(checks)} checks of governance passed",
        uri=folder.uri,
        checks_json=json.dumps([check.to_json() for check in checks]),
        assessment_uri=folder.write("assessment.json", json.dumps(assessment.to_json(), indent=1, allow_nan=False)),
    )


def _examples(project: Project, spec: ModelSpec, evaluated: EvaluateResult) -> pl.DataFrame:
    """Return the train examples; where they are fed by spans, one span at a time and of it the columns asked for."""
    versions, spans = evaluated.data_version or None, sorted(evaluated.train_spans)
    if spec.train.feed == "whole":
        return read_labelled_examples(project, spec, evaluated.train_spans, versions=versions)
    governance = spec.governance
    asked = [spec.source.entity, *(governance.groups or {}), *governance.quasi_identifiers]
    if governance.prohibited:
        asked += [*governance.prohibited, *spec.features.columns]
    columns = list(dict.fromkeys(asked))
    parts = (read_labelled_examples(project, spec, [span], versions=versions).select(columns) for span in spans)
    return pl.concat(parts, how="vertical_relaxed")
