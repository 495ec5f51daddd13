"""Drift of the outcomes and of the champion's scores, each judged apart from that of the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.drift.decisions import compare_columns
from ratchet.identity import ModelId
from ratchet.spans.calendar import Calendar
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_manifests
from ratchet.steps.drift_windows import DriftWindows, choose_windows, merge_sides
from ratchet.steps.outcome_statistics import LABEL, SCORE, read_label_statistics, read_score_statistics
from ratchet.storage.objects import open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ratchet.drift.results import DriftResult
    from ratchet.ledger.versions import ModelVersion
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.evaluate import EvaluateResult


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeWindows:
    """The spans whose outcomes, and whose scores, are compared on a night; ``versions`` names what they hold."""

    target: DriftWindows
    predictions: DriftWindows
    versions: dict[str, Any]


def choose_outcome_windows(
    project: Project, spec: ModelSpec, span: str, champion: ModelVersion, evidence: EvaluateResult
) -> OutcomeWindows:
    """Return the windows of the night of ``span``: cohorts that are due and known well enough, spans it has scored."""
    model, store, calendar = ModelId(spec.name), open_store(project.home), Calendar.of(spec.source)
    validated = ManifestStore(store, model, "examples").validated()
    due = calendar.shift(span, -spec.label.known_after_spans)
    target = choose_windows(
        due,
        evidence.baseline_spans,
        _matured(project, spec, _may_be_compared(spec, validated, evidence.baseline_spans, due)),
        spec.watch.target,
        calendar,
        season_spans=spec.watch.target.season_spans,
    )
    tuned = set(evidence.train_spans)
    held_out = [*(one for one in evidence.candidate_spans if one not in tuned), *evidence.test_spans]
    predictions = ManifestStore(store, model, "predictions")
    newest = calendar.range(calendar.shift(span, 1 - spec.watch.predictions.window_spans), span)
    own = {
        one for one in newest if (m := predictions.newest(one)) is not None and m.inputs["digest"] == champion.digest
    }
    scored = DriftWindows(
        baseline=tuple(one for one in held_out if one in validated),
        current=tuple(one for one in newest if one in own),
        previous=(),
        seasons=(),
    )
    truth = read_manifests(project, model, "ground_truth", target.spans)
    examples = read_manifests(project, model, "examples", scored.spans)
    versions = {
        "ground_truth": [(m.span, m.delivery) for m in truth],
        "scored": [(m.span, m.delivery) for m in examples],
    }
    return OutcomeWindows(target=target, predictions=scored, versions=versions)


def _may_be_compared(spec: ModelSpec, validated: set[str], train_spans: Sequence[str], due: str) -> set[str]:
    """Return the spans that a window may hold: looking each of a long history up would cost a read each."""
    policy, calendar = spec.watch.target, Calendar.of(spec.source)
    if policy.season_spans:
        return {one for one in validated if one <= due}
    return validated & {*train_spans, *calendar.range(calendar.shift(due, 1 - 2 * policy.window_spans), due)}


def _matured(project: Project, spec: ModelSpec, spans: set[str]) -> set[str]:
    """Return the spans whose labels are known of a large enough share of their examples."""
    store, model = open_store(project.home), ModelId(spec.name)
    examples, truths = ManifestStore(store, model, "examples"), ManifestStore(store, model, "ground_truth")
    wanted = sorted(spans & set(truths.revisions()))
    counted = ((one, examples.newest(one), truths.newest(one)) for one in wanted)
    return {
        one
        for one, of, truth in counted
        if of is not None and truth is not None and truth.rows_kept >= spec.label.min_coverage * of.rows_kept
    }


def compare_target(project: Project, spec: ModelSpec, windows: DriftWindows) -> DriftResult:
    """Compare the outcomes of the newest matured cohorts with those of the training spans."""
    policy, by_span = spec.watch.target, read_label_statistics(project, spec, windows.spans)
    sides = merge_sides(by_span, windows, policy)
    return compare_columns({LABEL: None, **sides.baseline}, sides.current, policy, sides.history)


def compare_predictions(
    project: Project, spec: ModelSpec, champion: ModelVersion, windows: DriftWindows
) -> DriftResult:
    """Compare the champion's newest scores with its own on the spans that it was validated and tested on."""

    def read(spans: Sequence[str], *, scored: bool) -> dict[str, Any]:
        return dict(read_score_statistics(project, spec, champion, spans, scored=scored))

    policy = spec.watch.predictions
    by_span = read(windows.baseline, scored=False) | read(windows.current, scored=True)
    sides = merge_sides(by_span, windows, policy)
    return compare_columns({SCORE: None, **sides.baseline}, sides.current, policy, sides.history)
