"""Combine what was sensed on the newest nights into one decision, and write its reasons in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.monitoring.retrain import RetrainDecision
from ratchet.monitoring.retrain import decide_retrain as decide
from ratchet.monitoring.sensed import SpanObservation
from ratchet.spans.calendar import Calendar
from ratchet.spans.reading import labelled_spans
from ratchet.steps.champion import read_state
from ratchet.steps.results import StepKey, StepResult, read_result, run_once
from ratchet.storage.objects import ObjectStore, open_store
from ratchet.training.window import find_shortage

if TYPE_CHECKING:
    from ratchet.ledger.state import LedgerState
    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.spec.watching import Reason
    from ratchet.steps.sense_drift import DriftStepResult
    from ratchet.steps.sense_quality import QualityStepResult
    from ratchet.steps.sense_skew import SkewStepResult
    from ratchet.steps.sense_staleness import StalenessStepResult

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainStepResult(StepResult):
    """Whether training is asked for: ``decision`` is request, hold, undecided or history.

    ``alarms`` are what training would not mend.
    """

    decision: str
    reasons: tuple[Reason, ...]
    drifted: tuple[str, ...]
    alarms: tuple[str, ...] = ()

    @property
    def is_request(self) -> bool:
        """Whether this starts training."""
        return self.decision == "request"


def decide_retrain(
    project: Project,
    spec: ModelSpec,
    span: str,
    *,
    drift: DriftStepResult,
    skew: SkewStepResult,
    quality: QualityStepResult,
    staleness: StalenessStepResult,
) -> RetrainStepResult:
    """Decide on the night of ``span``, on what was sensed then and on the nights before.

    A night that has asked for training keeps its answer, also when what it asked for has changed the champion since.
    """
    store, model = open_store(project.home), ModelId(spec.name)
    asked = f"{_folder(model, span)}/request.json"
    if store.has(asked):
        return read_result(project, json.loads(store.read(asked))["decision_uri"], RetrainStepResult)
    state = read_state(project, spec)
    _write_observation(store, model, span, _observe(span, drift, skew, quality, staleness, state))
    nights = _Nights(store, model, spec)
    observations = nights.observations(span)
    requests = nights.requests(before=span)
    shortage = find_shortage(
        span,
        Calendar.of(spec.source),
        labelled_spans(project, model),
        spec.train,
        spec.evaluate,
        known_after_spans=spec.label.known_after_spans,
    )
    key = StepKey(
        step="decide_retrain",
        version=2,
        spec=spec,
        sections=("watch", "train", "evaluate", "label"),
        span=span,
        inputs={
            "observations": [one.to_json() for one in observations],
            "requests": requests,
            "champion": state.champion.digest if state.champion else None,
            "shortage": shortage,
        },
    )
    decision = decide(
        observations,
        key=span,
        requests=requests,
        champion_trained_through=state.champion.trained_through if state.champion else None,
        policy=spec.watch.retrain,
        calendar=Calendar.of(spec.source),
        first_span=_first_watched(state, spec),
    )
    result = run_once(
        project, key, RetrainStepResult, lambda folder: _result(spec, span, decision, shortage, folder.uri)
    )
    if result.is_request:
        _note_request(store, model, span, result)
    return result


def _result(spec: ModelSpec, span: str, decision: RetrainDecision, shortage: str | None, uri: str) -> RetrainStepResult:
    is_short = decision.verdict == "request" and shortage is not None
    return RetrainStepResult(
        model=spec.name,
        span=span,
        verdict="undecided" if decision.verdict == "undecided" else "pass",
        words=" ".join((f"Nothing is asked for on {span}: {shortage}", *decision.alarms))
        if is_short
        else decision.words,
        uri=uri,
        decision="hold" if is_short else decision.verdict,
        reasons=() if is_short else tuple(reason for reason, _ in decision.reasons),
        drifted=decision.drifted,
        alarms=decision.alarms,
    )


def _observe(
    span: str,
    drift: DriftStepResult,
    skew: SkewStepResult,
    quality: QualityStepResult,
    staleness: StalenessStepResult,
    state: LedgerState,
) -> SpanObservation:
    return SpanObservation(
        span=span,
        drift=drift.verdict,
        drifted=drift.drifted,
        quality=quality.verdict if quality.version else None,  # no predictions: nothing was due
        skew=skew.verdict if skew.uri else None,  # nothing was logged: nothing was due
        staleness=staleness.verdict,
        has_champion=state.champion is not None,
    )


class _Nights:
    """The index of nights: what was sensed and asked for, by span. Evidence is in the results; this finds it."""

    def __init__(self, store: ObjectStore, model: ModelId, spec: ModelSpec) -> None:
        self._store, self._prefix = store, f"watch/{model}"
        self._calendar, self._n = Calendar.of(spec.source), spec.watch.retrain.n

    def observations(self, span: str) -> list[SpanObservation]:
        newest = self._calendar.range(self._calendar.shift(span, 1 - self._n), span)
        names = [f"{self._prefix}/{one}/observation.json" for one in newest]
        found = (json.loads(self._store.read(name)) for name in names if self._store.has(name))
        return [SpanObservation.from_json(values["observation"]) for values in found]

    def requests(self, *, before: str) -> list[str]:
        """Return the spans whose night asked for training, the newest one before ``before`` only: it is what counts."""
        spans = [name.split("/")[-2] for name in self._store.list(self._prefix + "/") if name.endswith("/request.json")]
        earlier = [span for span in spans if span < before]
        return [max(earlier)] if earlier else []


def _write_observation(store: ObjectStore, model: ModelId, span: str, observation: SpanObservation) -> None:
    values = {"schema_version": SCHEMA_VERSION, "observation": observation.to_json()}
    store.write(f"{_folder(model, span)}/observation.json", json.dumps(values).encode())


def _note_request(store: ObjectStore, model: ModelId, span: str, result: RetrainStepResult) -> None:
    values = {"schema_version": SCHEMA_VERSION, "span": span, "decision_uri": result.uri}
    store.write_once(f"{_folder(model, span)}/request.json", json.dumps(values).encode())


def _folder(model: ModelId, span: str) -> str:
    return f"watch/{model}/{span}"


def _first_watched(state: LedgerState, spec: ModelSpec) -> str | None:
    """Return the first span whose night had a champion to watch; nights before it leave no gap."""
    first = (*state.previous_champions, *([state.champion] if state.champion else []))
    tested = [one.tested_through for one in first if one.tested_through]
    if not tested:
        return None
    # Labels of the last test span were known that many spans later: the night on which it became champion.
    return Calendar.of(spec.source).shift(min(tested), spec.label.known_after_spans)
