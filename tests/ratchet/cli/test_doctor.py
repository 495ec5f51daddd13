"""F65: what is missing, wrong or closed is named by its variable, and no secret is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ratchet.project import Project
from tests.factories.models import QUEUE, Model, make_model
from tests.ratchet.cli.conftest import Answer, Ratchet

SECRET = "hunter2-canary"


def faults(answer: Answer) -> list[str]:
    return [line for line in answer.out.splitlines() if line.startswith("FAULT")]


def sql(model: Model) -> None:
    query = "SELECT * FROM parcels WHERE sent_at >= :start AND sent_at < :end"
    model.edit({"source.delivery": {"kind": "sql", "url_variable": "PARCELS_URL", "query": query}})


@pytest.fixture
def model(project: Project) -> Model:
    return make_model(project)


def test_a_sound_project_has_no_fault(ratchet: Ratchet, model: Model):
    answer = ratchet(model, "doctor")
    assert (answer.code, faults(answer)) == (0, [])
    assert "ok     RATCHET_HOME" in answer.out
    assert "ok     parcels: spec" in answer.out


def test_a_broken_spec_is_named_and_the_other_models_are_asked(ratchet: Ratchet, model: Model):
    broken = make_model(model.project, "letters")
    (broken.path / "spec.yaml").write_text("schema_version: 1\n")
    answer = ratchet(model, "doctor")
    assert answer.code == 1
    assert all("letters: spec" in line for line in faults(answer))
    assert "ok     parcels: spec" in answer.out


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "The environment variable PARCELS_URL is not set"),
        (f"mysql://me:{SECRET}@host/parcels", "PARCELS_URL must be the URL of one of"),
        (f"postgresql+psycopg2://me:{SECRET}@127.0.0.1:1/parcels", "The database of PARCELS_URL did not answer"),
    ],
    ids=["missing", "another-kind", "closed"],
)
def test_a_database(ratchet: Ratchet, model: Model, monkeypatch: pytest.MonkeyPatch, url: str, words: str):
    sql(model)
    monkeypatch.setenv("PARCELS_URL", url)
    answer = ratchet(model, "doctor")
    (line,) = faults(answer)
    assert (answer.code, words in line) == (1, True)
    assert SECRET not in answer.out + answer.err


def test_a_database_that_answers(ratchet: Ratchet, model: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    sql(model)
    monkeypatch.setenv("PARCELS_URL", f"sqlite:///{tmp_path / 'parcels.db'}")
    assert faults(ratchet(model, "doctor")) == []


@pytest.mark.parametrize(
    ("delivery", "words"),
    [
        ({"kind": "files", "path": "parcels/{span}.csv"}, "nothing lies in"),
        ({"kind": "delta", "table": "parcels"}, "There is no Delta table"),
    ],
)
def test_a_place_without_data(ratchet: Ratchet, model: Model, delivery: dict[str, object], words: str):
    model.edit({"source.delivery": delivery})
    (line,) = faults(ratchet(model, "doctor"))
    assert words in line


def test_a_queue(ratchet: Ratchet, model: Model, monkeypatch: pytest.MonkeyPatch):
    model.edit(QUEUE)
    monkeypatch.delenv("PARCELS_QUEUE", raising=False)
    (line,) = faults(ratchet(model, "doctor"))
    assert "PARCELS_QUEUE must hold the URL of a queue. It is not set" in line
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("PARCELS_QUEUE", f"http://127.0.0.1:1/{SECRET}")
    answer = ratchet(model, "doctor")
    (line,) = faults(answer)
    assert "Asking the queue failed" in line
    assert SECRET not in answer.out


def test_a_tracking_server_that_is_down_is_named_without_its_login(ratchet: Ratchet, model: Model):
    down = Model(project=replace(model.project, tracking_uri=f"http://me:{SECRET}@127.0.0.1:1"))
    answer = ratchet(down, "doctor")
    (line,) = faults(answer)
    assert "MLFLOW_TRACKING_URI: http://127.0.0.1:1: E-REGISTRY-DOWN" in line
    assert SECRET not in answer.out


def test_a_home_that_may_not_be_written(ratchet: Ratchet, model: Model):
    blocked = Path(model.project.home) / "probes"
    blocked.parent.mkdir(parents=True, exist_ok=True)
    blocked.write_text("a file where a folder must be")
    answer = ratchet(model, "doctor")
    assert answer.code == 1
    assert "RATCHET_HOME" in faults(answer)[0]


def test_a_key_that_others_may_read_and_one_that_is_not_there(ratchet: Ratchet, model: Model):
    key = Path(model.project.home) / "keys" / "erasure.key"
    key.parent.mkdir(parents=True)
    key.write_text("k" * 40)
    key.chmod(0o644)
    model.edit({"governance.pseudonymise": ["parcel_id"]})
    answer = ratchet(model, "doctor")
    assert [("erasure key" in line, "pseudonyms" in line) for line in faults(answer)] == [(True, False), (False, True)]
    assert "k" * 40 not in answer.out
