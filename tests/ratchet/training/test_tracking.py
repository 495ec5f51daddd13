from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from ratchet.errors import RegistryDownError, RegistryRefusedError
from ratchet.identity import ModelId
from ratchet.packaging.bytes import dump_model
from ratchet.training.fit import fit
from ratchet.training.registry import artifact_location, open_client
from ratchet.training.tracking import TrackingRun, TrainingRecord, fail_run, log_training, run_url, start_or_resume
from ratchet.training.versions import find_version, mirror_alias, read_alias, register_version
from tests.factories.tracking import empty_tracking
from tests.ratchet.features.make import LOGISTIC, make_frame, make_spec

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

AT = datetime(2013, 2, 1, 3, tzinfo=UTC)
MODEL, SEGMENT = ModelId("flights"), ModelId("flights", "eu")
RECORD = TrainingRecord(
    parameters={"max_iter": 9, "max_depth": None},
    metrics={"validate_auc": 0.71, "test_auc": 0.7},
    inputs={"table_version": 4, "spans": ["2013-01-01"]},
    tags={"ratchet.spec": "abc", "ratchet.commit": None},
)


@pytest.fixture(scope="module")
def tracking_uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    database = tmp_path_factory.mktemp("home") / "mlflow" / "mlflow.db"
    return empty_tracking(tmp_path_factory.getbasetemp(), database)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    return fit(make_frame(), make_spec(LOGISTIC))


@pytest.fixture
def run(tracking_uri: str, request: pytest.FixtureRequest) -> TrackingRun:
    return start_or_resume(tracking_uri, "flights", request.node.name, at=AT)


def test_a_key_finds_its_run_again(tracking_uri: str, run: TrackingRun) -> None:
    assert start_or_resume(tracking_uri, "flights", run.key, at=AT) == run
    assert start_or_resume(tracking_uri, "flights", "another", at=AT).run_id != run.run_id


def test_a_training_is_logged_whole_and_once(tracking_uri: str, run: TrackingRun, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    report.write_text("<p>")
    record = TrainingRecord(
        parameters=RECORD.parameters,
        metrics=RECORD.metrics,
        inputs=RECORD.inputs,
        tags=RECORD.tags,
        files={"reports": report},
    )
    log_training(run, record, at=AT)
    resumed = start_or_resume(tracking_uri, "flights", run.key, at=AT)
    assert resumed.is_logged
    log_training(resumed, TrainingRecord(parameters={"max_iter": 10}, metrics={}, inputs={}), at=AT)
    client = open_client(tracking_uri)
    found = client.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.params == {"max_iter": "9", "max_depth": "None"}
    assert found.data.metrics == RECORD.metrics
    assert found.data.tags["ratchet.spec"] == "abc"
    assert "ratchet.commit" not in found.data.tags
    assert found.inputs.dataset_inputs[0].dataset.name == "examples"
    artifacts = Path(str(found.info.artifact_uri).removeprefix("file://"))
    assert json.loads((artifacts / "inputs.json").read_text()) == RECORD.inputs
    assert (artifacts / "reports" / "report.html").exists()
    assert artifacts.is_relative_to(Path(tracking_uri.removeprefix("sqlite:///")).parent)


def test_a_log_that_was_cut_short_is_completed_without_double_points(tracking_uri: str, run: TrackingRun) -> None:
    log_training(run, RECORD, at=AT)
    log_training(run, RECORD, at=AT)  # `run` does not know that it is logged, as after a lost reply
    assert len(open_client(tracking_uri).get_metric_history(run.run_id, "test_auc")) == 1


def test_a_failed_run_is_taken_up_again(tracking_uri: str, run: TrackingRun) -> None:
    fail_run(run, at=AT)
    resumed = start_or_resume(tracking_uri, "flights", run.key, at=AT)
    assert (resumed.run_id, resumed.is_logged) == (run.run_id, False)
    log_training(resumed, RECORD, at=AT)
    assert open_client(tracking_uri).get_run(run.run_id).info.status == "FINISHED"


def test_a_digest_is_registered_once(run: TrackingRun, tracking_uri: str, pipeline: Pipeline) -> None:
    data = dump_model(pipeline)
    assert find_version(tracking_uri, SEGMENT, "a" * 64) is None
    first = register_version(run, SEGMENT, "a" * 64, pipeline, model_bytes=data)
    assert register_version(run, SEGMENT, "a" * 64, pipeline, model_bytes=data) == first == "1"
    assert register_version(run, SEGMENT, "b" * 64, pipeline, model_bytes=data) == "2"
    assert find_version(tracking_uri, SEGMENT, "b" * 64) == "2"
    source = open_client(tracking_uri).get_model_version(str(SEGMENT), first).source
    assert Path(str(source).removeprefix("file://"), "model.skops").read_bytes() == data


def test_what_a_killed_upload_left_is_marked_as_failed(run: TrackingRun, tracking_uri: str, pipeline: Pipeline) -> None:
    client = open_client(tracking_uri)
    left = client.create_logged_model(run.experiment_id, name="flights", source_run_id=run.run_id)
    register_version(run, SEGMENT, "c" * 64, pipeline, model_bytes=dump_model(pipeline))
    of_run = f"source_run_id = '{run.run_id}'"
    found = client.search_logged_models([run.experiment_id], filter_string=of_run)
    statuses = {one.model_id: str(one.status) for one in found}
    assert statuses.pop(left.model_id) == "FAILED"
    assert list(statuses.values()) == ["READY"]


def test_an_alias_is_mirrored_moved_and_removed(run: TrackingRun, tracking_uri: str, pipeline: Pipeline) -> None:
    assert read_alias(tracking_uri, ModelId("unknown"), "champion") is None
    for digest in ("c" * 64, "d" * 64):
        register_version(run, MODEL, digest, pipeline, model_bytes=dump_model(pipeline))
    assert read_alias(tracking_uri, MODEL, "champion") is None
    for version in ("1", "2", "2", None, None):
        mirror_alias(tracking_uri, MODEL, "champion", version)
        assert read_alias(tracking_uri, MODEL, "champion") == version


def test_a_run_has_a_page_on_a_server_only(run: TrackingRun) -> None:
    assert run_url(run.tracking_uri, run) is None
    page = f"http://127.0.0.1:5000/#/experiments/{run.experiment_id}/runs/{run.run_id}"
    assert run_url("http://127.0.0.1:5000/", run) == page


def test_only_a_file_store_is_told_where_its_artifacts_go() -> None:
    assert artifact_location("sqlite:////state/mlflow/mlflow.db", "flights") == "file:///state/mlflow/artifacts/flights"
    assert artifact_location("http://127.0.0.1:5000", "flights") is None


class Failing(BaseHTTPRequestHandler):
    status = 503

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  # named by the standard library

    def log_message(self, *_: object) -> None:
        pass


class Unauthorized(Failing):
    status = 401


class Forbidden(Failing):
    status = 403


@contextmanager
def answering(handler: type[Failing]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def failing_uri() -> Iterator[str]:
    with answering(Failing) as uri:
        yield uri


@pytest.fixture
def closed_uri() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://user:secret@127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("server", ["failing_uri", "closed_uri"])
def test_a_server_that_is_down_is_said_to_be_down_in_time(server: str, request: pytest.FixtureRequest) -> None:
    uri: str = request.getfixturevalue(server)
    started = time.monotonic()
    with pytest.raises(RegistryDownError, match="did not answer") as caught:
        start_or_resume(uri, "flights", "key", at=AT)
    assert time.monotonic() - started < 120  # a server that is down blocks for 247 s by default
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("handler", [Unauthorized, Forbidden])
def test_a_server_that_does_not_let_the_caller_in_is_no_case_for_a_retry(handler: type[Failing]) -> None:
    with answering(handler) as uri, pytest.raises(RegistryRefusedError, match="MLFLOW_TRACKING_USERNAME") as caught:
        start_or_resume(uri.replace("//", "//user:secret@"), "flights", "key", at=AT)
    assert not caught.value.is_retryable
    assert "secret" not in str(caught.value)


def test_a_refusal_is_not_taken_for_a_server_that_is_down(tracking_uri: str) -> None:
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match="not found"):
        mirror_alias(tracking_uri, ModelId("unknown"), "champion", "7")
