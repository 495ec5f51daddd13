from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient

from ratchet.serving.app import create_app
from ratchet.serving.champion import ChampionWatch
from ratchet.spec.features import FeatureColumn, Features
from ratchet.storage.objects import ObjectStore, open_store
from tests.ratchet.features.make import make_spec
from tests.ratchet.serving.make import PATH, SPEC, crown, crown_digest, make_row

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.packaging.card import PackageCard
    from ratchet.project import Project

    Trained = tuple[Pipeline, PackageCard]


@pytest.fixture
def watch(project: Project, trained: Trained) -> ChampionWatch:
    """A watch that serves version 1."""
    crown(project, trained)
    watch = ChampionWatch(project, SPEC)
    watch.refresh()
    return watch


def serving(watch: ChampionWatch) -> tuple[str, int]:
    assert watch.served is not None
    return watch.served.version.version, watch.served.number


def model_file(project: Project, digest: str) -> Path:
    return Path(project.home) / "models" / "flights" / digest / "model.skops"


def damage(project: Project, digest: str) -> bytes:
    """Cut the last byte off a packaged model, and return what it was."""
    whole = model_file(project, digest).read_bytes()
    model_file(project, digest).write_bytes(whole[:-1])
    return whole


class TestRefresh:
    def test_before_the_first_champion_nothing_is_served(self, project: Project, trained: Trained) -> None:
        watch = ChampionWatch(project, SPEC)
        watch.refresh()
        assert watch.served is None
        assert not watch.is_newest
        crown(project, trained)
        watch.refresh()
        assert serving(watch) == ("1", 1)

    def test_a_new_champion_takes_over(self, project: Project, watch: ChampionWatch, retrained: Trained) -> None:
        crown(project, retrained, version="2")
        assert serving(watch) == ("1", 1)
        watch.refresh()
        assert serving(watch) == ("2", 2)
        assert watch.served is not None
        assert watch.served.loaded.digest == watch.served.version.digest
        assert watch.is_newest

    def test_nothing_new_loads_nothing(self, watch: ChampionWatch) -> None:
        before = watch.served
        watch.refresh()
        assert watch.served is before

    def test_only_the_next_number_is_asked_for(self, watch: ChampionWatch, monkeypatch: pytest.MonkeyPatch) -> None:
        store: ObjectStore = watch._store
        asked: list[str] = []
        read = store.read
        monkeypatch.setattr(store, "read", lambda name: (asked.append(name), read(name))[1])
        watch.refresh()
        assert asked == ["ledger/flights/000002.json"]

    def test_a_damaged_champion_leaves_the_old_one_serving(
        self, project: Project, watch: ChampionWatch, retrained: Trained, caplog: pytest.LogCaptureFixture
    ) -> None:
        digest = crown(project, retrained, version="2").body["version"]["digest"]
        damage(project, digest)
        watch.refresh()
        assert serving(watch) == ("1", 1)
        assert not watch.is_newest
        expected = f"version 2 ({digest}) of entry 2 cannot be served, version 1 goes on serving: E-CHECKSUM"
        assert [record.levelno for record in caplog.records if expected in record.message] == [logging.ERROR]

    def test_a_champion_whose_package_is_missing_leaves_the_old_one_serving(
        self, project: Project, watch: ChampionWatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        crown_digest(project, "f" * 64, version="2")
        watch.refresh()
        assert serving(watch) == ("1", 1)
        assert "version 1 goes on serving: E-MODEL" in caplog.text

    def test_a_loader_that_breaks_leaves_the_old_one_serving(
        self, project: Project, watch: ChampionWatch, retrained: Trained, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def break_down(*args: object) -> None:
            raise MemoryError

        crown(project, retrained, version="2")
        monkeypatch.setattr("ratchet.serving.champion.load_package", break_down)
        watch.refresh()
        assert serving(watch) == ("1", 1)

    def test_a_champion_that_failed_is_left_alone_for_a_while(
        self, project: Project, watch: ChampionWatch, retrained: Trained, caplog: pytest.LogCaptureFixture
    ) -> None:
        digest = crown(project, retrained, version="2").body["version"]["digest"]
        whole = damage(project, digest)
        watch.refresh()
        model_file(project, digest).write_bytes(whole)
        watch.refresh()
        assert serving(watch) == ("1", 1)
        assert caplog.text.count("cannot be served") == 1

    def test_a_champion_that_was_mended_takes_over(
        self, project: Project, trained: Trained, retrained: Trained
    ) -> None:
        crown(project, trained)
        watch = ChampionWatch(project, SPEC, retry_seconds=0)
        watch.refresh()
        digest = crown(project, retrained, version="2").body["version"]["digest"]
        whole = damage(project, digest)
        watch.refresh()
        assert serving(watch) == ("1", 1)
        model_file(project, digest).write_bytes(whole)
        watch.refresh()
        assert serving(watch) == ("2", 2)

    def test_the_champion_after_a_damaged_one_takes_over_at_once(
        self, project: Project, trained: Trained, watch: ChampionWatch, retrained: Trained
    ) -> None:
        crown_digest(project, "f" * 64, version="2")
        watch.refresh()
        crown(project, retrained, version="3")
        watch.refresh()
        assert serving(watch) == ("3", 3)

    def test_a_ledger_that_can_not_be_read_is_told_once(
        self, project: Project, watch: ChampionWatch, retrained: Trained, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = open_store(project.home)
        crown(project, retrained, version="2")
        entry = store.read("ledger/flights/000002.json")
        store.write("ledger/flights/000002.json", entry[:40])
        watch.refresh()
        watch.refresh()
        assert serving(watch) == ("1", 1)
        assert caplog.text.count("the ledger cannot be read, version 1 goes on serving: E-LEDGER") == 1
        store.write("ledger/flights/000002.json", entry)
        watch.refresh()
        assert serving(watch) == ("2", 2)
        assert "the ledger can be read again, through entry 2" in caplog.text

    def test_an_entry_of_another_chain_is_not_followed(
        self, project: Project, watch: ChampionWatch, retrained: Trained, caplog: pytest.LogCaptureFixture
    ) -> None:
        store = open_store(project.home)
        entry = crown(project, retrained, version="2")
        forged = entry.to_bytes().replace(str(entry.previous).encode(), b"sha256:" + b"0" * 64)
        store.write("ledger/flights/000002.json", forged)
        watch.refresh()
        assert serving(watch) == ("1", 1)
        assert "E-LEDGER" in caplog.text

    def test_a_model_of_other_features_than_the_specs_is_not_served(
        self, project: Project, trained: Trained, caplog: pytest.LogCaptureFixture
    ) -> None:
        crown(project, trained)
        numeric = FeatureColumn(role="numeric")
        spec = make_spec(features=Features(columns={"distance": numeric, "hour": numeric, "carrier": numeric}))
        watch = ChampionWatch(project, spec)
        watch.refresh()
        assert watch.served is None
        assert (
            "nothing is served: E-MODEL: The model reads carrier, weekday, which the spec does not have" in caplog.text
        )


def test_the_service_answers_with_the_new_champion(project: Project, trained: Trained, retrained: Trained) -> None:
    crown(project, trained)
    with TestClient(create_app(project, SPEC, poll_seconds=0.01)) as client:
        before = client.post(PATH, json={"examples": [make_row()]}).json()
        crown(project, retrained, version="2")
        deadline = time.monotonic() + 120
        while client.get("/v1/model").json()["version"] != "2" and time.monotonic() < deadline:
            time.sleep(0.01)
        after = client.post(PATH, json={"examples": [make_row()]}).json()
    assert (before["model_version"], after["model_version"]) == ("1", "2")
    assert before["predictions"][0]["score"] != after["predictions"][0]["score"]
