from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from ratchet.packaging import loaded
from ratchet.packaging.loaded import LoadedModel
from ratchet.packaging.package import load_package
from ratchet.serving import scoring
from ratchet.serving.app import create_app
from ratchet.serving.prediction_log import read_log
from ratchet.spans.calendar import Calendar
from ratchet.storage.objects import open_store
from tests.ratchet.serving.make import (
    AT,
    FLIGHTS,
    PATH,
    SPEC,
    crown,
    derive,
    make_examples,
    make_row,
    to_request,
    write_functions,
)

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.packaging.card import PackageCard
    from ratchet.project import Project

ERROR_KEYS = {"code", "message", "request_id"}


def logged(project: Project) -> list[dict[str, Any]]:
    return read_log(project, FLIGHTS, *Calendar("UTC").bounds("2013-02-10")).frame.to_dicts()


class TestScore:
    def test_a_score_is_that_of_the_batch(self, client: TestClient, project: Project) -> None:
        examples = make_examples(300, seed=5)
        answer = client.post(PATH, json=to_request(examples)).json()
        model = load_package(open_store(project.home), FLIGHTS, answer["model_digest"])
        expected = model.predict(derive(project, examples))
        assert len(set(expected)) > 50
        assert [item["score"] for item in answer["predictions"]] == pytest.approx(expected, abs=1e-12)

    def test_the_answer_names_the_version_and_each_prediction(self, client: TestClient) -> None:
        response = client.post(PATH, json={"examples": [make_row(hour=22), make_row(hour=5)]})
        answer = response.json()
        request_id = answer["request_id"]
        assert response.status_code == 200
        assert response.headers["x-request-id"] == request_id
        assert (answer["model"], answer["model_version"], answer["threshold"]) == ("flights", "1", 0.4)
        assert [item["prediction_id"] for item in answer["predictions"]] == [f"{request_id}-0", f"{request_id}-1"]
        assert [item["is_expected"] for item in answer["predictions"]] == [True, False]
        assert all(item["is_expected"] == (item["score"] >= 0.4) for item in answer["predictions"])

    def test_a_client_can_not_choose_the_request_id(self, client: TestClient) -> None:
        response = client.post(PATH, json={"examples": [make_row()]}, headers={"x-request-id": "mine"})
        assert response.json()["request_id"] != "mine"

    def test_what_is_answered_is_in_the_log_whole(self, client: TestClient, project: Project) -> None:
        rows = [make_row(flight_id="a", carrier=None), make_row(flight_id="b", scheduled_at="2013-02-11T04:30:00Z")]
        answer = client.post(PATH, json={"examples": rows}).json()
        records = logged(project)
        shared = {
            "schema_version": 1,
            "model": "flights",
            "model_version": answer["model_version"],
            "model_digest": answer["model_digest"],
            # 23:30 of the day before in New York, for the second.
            "span": "2013-02-10",
            "origin": "service",
            "arm": "champion",
            "propensity": 1.0,
            "threshold": answer["threshold"],
            "scored_at": AT,
        }
        for record, row, item in zip(records, rows, answer["predictions"], strict=True):
            inputs = json.loads(record.pop("inputs"))
            assert record == {**shared, "entity": row["flight_id"], **item}
            assert inputs == {
                "scheduled_at": "2013-02-11T04:30:00Z" if row is rows[1] else "2013-02-10T22:30:00Z",
                "distance": 1089.5,
                "carrier": row["carrier"],
                "hour": 17.0,
                "origin": "JFK",
                "weekday": 7.0,
            }

    def test_a_request_that_is_refused_is_not_in_the_log(self, client: TestClient, project: Project) -> None:
        assert client.post(PATH, json={"examples": [make_row(), make_row(hour="late")]}).status_code == 422
        assert logged(project) == []

    def test_an_answer_that_can_not_be_logged_is_not_given(self, client: TestClient, project: Project) -> None:
        (Path(project.home) / "predictions-log").write_text("a file where the folder belongs", encoding="utf-8")
        response = client.post(PATH, json={"examples": [make_row()]})
        assert response.status_code == 503
        assert response.json().keys() == ERROR_KEYS
        assert response.json()["code"] == "E-STORE"
        assert "predictions-log" not in response.text

    def test_a_model_that_answers_nan_is_an_error_and_no_json_of_nan(
        self, client: TestClient, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Broken:
            def predict_proba(self, matrix: Any) -> Any:
                return np.full((len(matrix), 2), np.nan)

        monkeypatch.setattr(LoadedModel, "predict", lambda self, frame: loaded.score(Broken(), frame))
        response = client.post(PATH, json={"examples": [make_row()]})
        assert (response.status_code, response.json()["code"]) == (500, "E-PREDICTIONS")
        assert logged(project) == []

    def test_functions_that_break_on_a_row_answer_their_code_alone(
        self, project: Project, trained: tuple[Pipeline, PackageCard], caplog: pytest.LogCaptureFixture
    ) -> None:
        crown(project, trained)
        write_functions(project.models_path, "def add_weekday(frame):\n    raise ValueError(frame['carrier'][0])\n")
        client = TestClient(create_app(project, SPEC), raise_server_exceptions=False)
        response = client.post(PATH, json={"examples": [make_row(carrier="CANARY")]})
        assert (response.status_code, response.json()["code"]) == (500, "E-SPEC")
        assert "CANARY" not in response.text + caplog.text
        assert response.json()["request_id"] in caplog.text

    def test_an_unexpected_exception_is_told_by_its_id_only(
        self, client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def break_down(*args: object, **kwargs: object) -> None:
            raise RuntimeError("CANARY")

        monkeypatch.setattr(scoring, "derive_features", break_down)
        response = client.post(PATH, json={"examples": [make_row()]})
        assert response.status_code == 500
        assert response.json().keys() == ERROR_KEYS
        assert response.json()["code"] == "E-INTERNAL"
        assert response.headers["x-request-id"] == response.json()["request_id"]
        assert response.json()["request_id"] in caplog.text
        assert "RuntimeError at test_app.py" in caplog.text
        assert "CANARY" not in response.text + caplog.text


class TestOtherPaths:
    def test_the_served_model_is_shown_by_the_digest_of_what_was_loaded(
        self, shared_client: TestClient, crowned_project: Project
    ) -> None:
        shown = shared_client.get("/v1/model").json()
        digest = shown.pop("digest")
        assert open_store(crowned_project.home).has(f"models/flights/{digest}/package.json")
        assert shown == {
            "model": "flights",
            "version": "1",
            "trained_through": "2013-02-07",
            "since_entry": 1,
            "is_newest": True,
        }

    def test_with_a_champion_it_is_alive_and_ready(self, shared_client: TestClient) -> None:
        assert shared_client.get("/healthz").json() == {"status": "alive"}
        assert shared_client.get("/readyz").json() == {"status": "ready"}

    def test_without_a_champion_it_is_alive_and_not_ready(self, project: Project) -> None:
        client = TestClient(create_app(project, SPEC))
        assert client.get("/healthz").status_code == 200
        answers = [client.get("/readyz"), client.get("/v1/model"), client.post(PATH, json={"examples": [make_row()]})]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "E-NO-CHAMPION")] * 3

    @pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/v1/model/", "/", "/v1/models/flights"])
    def test_other_paths_are_not_there(self, shared_client: TestClient, path: str) -> None:
        response = shared_client.get(path, follow_redirects=False)
        assert (response.status_code, response.json()["code"]) == (404, "E-NOT-FOUND")

    @pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", "/v1/model"), ("TRACE", PATH)])
    def test_another_method_is_refused_in_the_same_form(
        self, shared_client: TestClient, method: str, path: str
    ) -> None:
        response = shared_client.request(method, path)
        assert response.status_code == 405
        assert response.json().keys() == ERROR_KEYS
        assert response.headers["allow"]

    def test_a_ledger_that_can_not_be_read_at_the_start_is_no_crash(
        self, project: Project, caplog: pytest.LogCaptureFixture
    ) -> None:
        open_store(project.home).write("ledger/flights/000001.json", b"not an entry")
        with caplog.at_level(logging.ERROR):
            client = TestClient(create_app(project, SPEC))
        assert client.get("/readyz").status_code == 503
        assert "the ledger cannot be read, nothing is served: E-LEDGER" in caplog.text
