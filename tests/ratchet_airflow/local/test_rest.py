from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ratchet_airflow.local.rest import AirflowApiError, AirflowClient

Answer = Callable[[httpx.Request], httpx.Response]


def make_client(answer: Answer, *, retry_seconds: float = 5.0) -> tuple[AirflowClient, list[httpx.Request]]:
    """Return a client whose requests are answered by ``answer``, and the list that they are kept in."""
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": f"token-{len(requests)}"})
        requests.append(request)
        return answer(request)

    transport = httpx.MockTransport(handle)
    client = AirflowClient("http://a", user="u", password="p", retry_seconds=retry_seconds, transport=transport)
    return client, requests


def in_turn(*answers: httpx.Response | Exception) -> Answer:
    left = list(answers)

    def answer(_: httpx.Request) -> httpx.Response:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    return answer


def body(request: httpx.Request) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(request.content)
    return found


class TestRetries:
    def test_a_locked_database_and_a_lost_connection_are_outlived(self) -> None:
        answer = in_turn(httpx.Response(500), httpx.ConnectError("refused"), httpx.Response(200, json={"up": True}))
        client, requests = make_client(answer)
        assert client.health() == {"up": True}
        assert len(requests) == 3

    def test_the_deadline_ends_it_with_what_was_seen(self) -> None:
        client, _ = make_client(lambda _: httpx.Response(503, text="locked"), retry_seconds=0.3)
        with pytest.raises(ConnectionError, match="GET .*health failed for 0.3 s, at last with HTTP 503: locked"):
            client.health()

    def test_a_refusal_is_not_repeated(self) -> None:
        client, requests = make_client(in_turn(httpx.Response(422, text="no backfill")))
        with pytest.raises(AirflowApiError, match="422: no backfill") as caught:
            client.create_backfill("d", from_date="a", to_date="b")
        assert (caught.value.status, len(requests)) == (422, 1)

    def test_an_expired_token_is_renewed_once(self) -> None:
        client, requests = make_client(in_turn(httpx.Response(401), httpx.Response(200, json={})))
        client.health()
        assert [request.headers["Authorization"] for request in requests] == ["Bearer token-0", "Bearer token-1"]

    def test_a_wrong_password_is_an_error_not_a_loop(self) -> None:
        client, requests = make_client(lambda _: httpx.Response(401, text="Invalid"))
        with pytest.raises(AirflowApiError, match="401"):
            client.health()
        assert len(requests) == 2


class TestTrigger:
    def test_a_run_whose_answer_was_lost_is_found_not_started_twice(self) -> None:
        run = {"dag_run_id": "r", "state": "queued"}
        answer = in_turn(httpx.ReadTimeout("lost"), httpx.Response(409, text="exists"), httpx.Response(200, json=run))
        client, requests = make_client(answer)
        assert client.trigger("d", partition_key="2026-01-01") == run
        first, second, read = requests
        assert body(first) == body(second)
        assert read.url.path == f"/api/v2/dags/d/dagRuns/{body(first)['dag_run_id']}"

    def test_the_key_and_the_conf_are_sent_without_a_logical_date(self) -> None:
        client, requests = make_client(lambda _: httpx.Response(200, json={}))
        client.trigger("d", partition_key="2026-01-01", conf={"n": 1})
        sent = body(requests[0])
        assert (sent["partition_key"], sent["conf"], sent["logical_date"]) == ("2026-01-01", {"n": 1}, None)


class TestLists:
    def test_all_pages_are_read(self) -> None:
        full = [{"dag_id": str(i)} for i in range(100)]
        client, requests = make_client(
            in_turn(httpx.Response(200, json={"dags": full}), httpx.Response(200, json={"dags": [{"dag_id": "x"}]}))
        )
        assert len(client.dags()) == 101
        assert [request.url.params["offset"] for request in requests] == ["0", "100"]

    def test_runs_of_a_key_that_only_begins_alike_are_left_out(self) -> None:
        runs = [{"partition_key": "2026-01-1"}, {"partition_key": "2026-01-10"}]
        client, _ = make_client(lambda _: httpx.Response(200, json={"dag_runs": runs}))
        assert client.list_runs("d", partition_key="2026-01-1") == runs[:1]


class TestWaits:
    def test_a_run_that_never_ends_is_named(self) -> None:
        client, _ = make_client(lambda _: httpx.Response(200, json={"state": "running"}))
        with pytest.raises(TimeoutError, match="run r of d is still running after 0 s"):
            client.wait_for_run("d", "r", timeout_seconds=0)

    def test_a_failed_run_is_returned(self) -> None:
        client, _ = make_client(lambda _: httpx.Response(200, json={"state": "failed"}))
        assert client.wait_for_run("d", "r", timeout_seconds=0)["state"] == "failed"

    def test_an_import_error_ends_the_wait_for_a_dag(self) -> None:
        errors = {"import_errors": [{"filename": "d.py", "stack_trace": "no such spec"}]}

        def answer(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json=errors if "importErrors" in request.url.path else {"dags": []})

        client, _ = make_client(answer)
        with pytest.raises(ImportError, match=r"d\.py: no such spec"):
            client.wait_for_dags({"d"}, timeout_seconds=5)
