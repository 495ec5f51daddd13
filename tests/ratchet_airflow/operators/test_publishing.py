from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from ratchet.errors import InputError
from ratchet.identity import ModelId
from ratchet_airflow.assets import candidate_asset, retrain_request_asset
from ratchet_airflow.operators.gating import PublishCandidateOperator
from ratchet_airflow.operators.releasing import PromoteOperator
from ratchet_airflow.operators.watching import PublishRequestOperator
from tests.ratchet_airflow.contexts import an_event, make_context

if TYPE_CHECKING:
    from ratchet.project import Project

MODEL = ModelId("parcels")
RESULT = {"model": "parcels", "span": "2024-03-01", "verdict": "pass", "words": "in words", "uri": "/home/result.json"}
GATE = {
    **RESULT,
    "reasons": ["drift"],
    "comparison": None,
    "candidate_version": "7",
    "candidate_digest": "sha256:1",
    "candidate_run_id": "run",
    "candidate_spans": ["2024-02-01"],
    "test_spans": ["2024-02-02"],
    "champion_digest": None,
    "evaluation_uri": "/home/evaluation.json",
    "gate_uri": "/home/gate.json",
    "gate_digest": "sha256:2",
    "explanation": "a table",
    "report_uri": "/home/report.html",
    "run_url": None,
}
pytestmark = pytest.mark.usefixtures("parcels")


def publish_request(decision: str, reasons: list[str]) -> PublishRequestOperator:
    return PublishRequestOperator(
        task_id="publish_request",
        model="parcels",
        span="2024-03-01",
        decision={**RESULT, "decision": decision, "reasons": reasons, "drifted": []},
        outlets=[retrain_request_asset(MODEL)],
    )


def publish_candidate(verdict: str) -> PublishCandidateOperator:
    return PublishCandidateOperator(
        task_id="publish_candidate",
        model="parcels",
        span="2024-03-01",
        gate={**GATE, "verdict": verdict},
        outlets=[candidate_asset(MODEL)],
    )


class TestPublishRequest:
    def test_a_request_carries_its_reasons(self) -> None:
        context = make_context()
        publish_request("request", ["schedule", "drift"]).execute(context)
        event = context["outlet_events"][retrain_request_asset(MODEL)]
        assert event.extra == {
            "reasons": ["schedule", "drift"],
            "words": "in words",
            "decision_uri": "/home/result.json",
        }

    @pytest.mark.parametrize("decision", ["hold", "undecided", "history"])
    def test_anything_else_is_skipped_with_its_words(self, decision: str) -> None:
        with pytest.raises(AirflowSkipException, match=f"No training for 2024-03-01: {decision}. in words"):
            publish_request(decision, ["drift"]).execute(make_context())


class TestPublishCandidate:
    def test_a_passed_gate_is_handed_on_by_its_result(self) -> None:
        context = make_context()
        publish_candidate("pass").execute(context)
        event = context["outlet_events"][candidate_asset(MODEL)]
        assert event.extra == {"gate_result_uri": "/home/result.json", "version": "7", "reasons": ["drift"]}

    @pytest.mark.parametrize("verdict", ["fail", "undecided"])
    def test_no_other_verdict_is_ever_published(self, verdict: str) -> None:
        with pytest.raises(AirflowSkipException, match="Version 7 of parcels stays a candidate"):
            publish_candidate(verdict).execute(make_context())


class TestPromote:
    def promote(self, **kwargs: Any) -> Any:
        return PromoteOperator(task_id="promote", model="parcels", span="2024-03-01").execute(make_context(**kwargs))

    def test_a_manual_run_without_a_gate_says_what_is_missing(self) -> None:
        with pytest.raises(InputError, match="set gate_result_uri"):
            self.promote(params={"gate_result_uri": None})

    def test_only_results_of_the_home_are_read(self) -> None:
        with pytest.raises(ValueError, match="is not below the home"):
            self.promote(params={"gate_result_uri": "/etc/passwd"})

    def test_the_gate_of_another_span_is_refused(self, parcels: Project) -> None:
        import json

        from ratchet.storage.objects import open_store

        name = "runs/parcels/decide_gate/2024-02-29-x/result.json"
        open_store(parcels.home).write_once(name, json.dumps({"result": {**GATE, "span": "2024-02-29"}}).encode())
        event = an_event(candidate_asset(MODEL), {"gate_result_uri": f"{parcels.home}/{name}"})
        with pytest.raises(InputError, match="the gate's result is of parcels, 2024-02-29"):
            self.promote(events=[event])
