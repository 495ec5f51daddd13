from __future__ import annotations

import json
import logging
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient

from ratchet.project import Project
from ratchet.serving.app import create_app
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.reading import read_labelled, read_table
from ratchet.steps.infer import infer
from ratchet.steps.night import live_through
from ratchet.steps.validate_serving_log import validate_serving_log
from tests.factories.models import AUTHOR, CALENDAR, Model, at, day, days
from tests.factories.people import CANARY, KEY, SECRET, find_in_bytes, make_people


@pytest.fixture
def people(project: Project, monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setenv(KEY, SECRET)
    return make_people(project)


def live(model: Model, *spans: str) -> dict[str, str]:
    night = live_through(model.project, model.spec, spans, author=AUTHOR, clock=lambda: at(spans[-1]))
    return {name: result.verdict for name, result in night.results.items()}


def request(number: int) -> dict[str, object]:
    start, _ = CALENDAR.bounds(day(13))
    return {
        "parcel_id": f"{CANARY}-id-{day(13)}-{number:04d}",
        "sent_at": start.isoformat(),
        "distance": 40.0,
        "weight": 5.0,
        "carrier": "A",
        "depot": "north",
    }


class TestPersonalData:
    def test_is_in_no_byte_of_what_is_kept_logged_printed_or_answered(
        self, people: Model, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ):
        caplog.set_level(logging.DEBUG)
        people.deliver(day(11), twice=3, conflicts=4)  # into the quarantine
        people.deliver(day(13), farther=500.0)  # stopped by validation, which names examples
        assert live(people, *days(1, 12))["decide_gate"] == "pass"
        assert live(people, day(13))["validate_span"] == "fail"
        service = TestClient(create_app(people.project, people.spec, clock=lambda: at(day(12))))
        with service:
            answers = [service.post("/v1/models/parcels/score", json={"examples": [request(0)]})]
            answers += [service.post("/v1/models/parcels/score", json={"examples": [request(1) | {"email": CANARY}]})]
        assert [answer.status_code for answer in answers] == [200, 422]
        assert validate_serving_log(people.project, people.spec, day(13)).n_predictions == 1
        proposal = infer(people.project, people.spec, days(1, 2))
        printed = capfd.readouterr()
        said = [*(a.text for a in answers), caplog.text, printed.out, printed.err, proposal.expectations]
        assert [text for text in said if CANARY in text] == []
        assert SECRET not in caplog.text + printed.out + printed.err
        kept = [path for path in tmp_path.rglob("*") if path.is_file() and "models" not in path.parts]
        assert len(kept) > 100
        found = [path for path in find_in_bytes(tmp_path, CANARY) if not path.endswith("people.py")]
        assert found == []
        assert find_in_bytes(tmp_path, SECRET) == []
        # The search would have found it: the source itself holds it, and so would a table.
        assert find_in_bytes(people.path, CANARY) != []
        pl.DataFrame({"a": [CANARY] * 9}).write_parquet(tmp_path / "planted.parquet")
        assert find_in_bytes(tmp_path, CANARY)[-1].endswith("planted.parquet")

    def test_leaves_a_pseudonym_by_which_tables_join(self, people: Model):
        live(people, *days(1, 3))
        labelled = read_labelled(people.project, people.spec, [day(1)])
        assert labelled.height == 150
        assert labelled["parcel_id"].str.contains(r"^p_[0-9a-f]{32}$").all()
        assert labelled["customer"].n_unique() == 40
        quarantined = json.loads(people.objects("manifests")[f"manifests/parcels/examples/{day(1)}/000001.json"])
        assert set(quarantined["columns_withheld"]) == {"delivered_at", "email", "diagnosis"}

    def test_a_changed_withheld_column_is_no_new_revision_and_a_changed_id_is_one(self, people: Model):
        live(people, *days(1, 3))
        source = people.path / "people.py"
        source.write_text(source.read_text().replace("illness", "other"))
        store = ManifestStore(people.store, people.id, "examples")
        live(people, day(1))
        assert store.newest(day(1)).revision == 1  # type: ignore[union-attr]
        source.write_text(source.read_text().replace("(number % 40)", "(number % 41)"))
        live(people, day(1))
        assert store.newest(day(1)).revision == 2  # type: ignore[union-attr]

    def test_functions_do_not_see_what_is_kept_for_governance_alone(self, people: Model):
        features = people.path / "features.py"
        features.write_text(features.read_text().replace("hour=", 'pl.col("customer"), hour='))
        with pytest.raises(Exception, match="customer"):
            live(people, *days(1, 2))
        assert "customer" in read_table(people.project, people.id, "examples", [day(1)]).columns
