"""An entity that is erased is in no byte of the home, and what was counted still adds up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from ratchet.errors import InputError, StoreError
from ratchet.identity import ModelId
from ratchet.ledger.entries import Author
from ratchet.project import Project
from ratchet.serving.prediction_log import open_log, read_log
from ratchet.spans.erased import KEY_FILE, VARIABLE, name_of
from ratchet.spans.ingestion import ingest_examples, ingest_ground_truth
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.open_span import OpenSpan
from ratchet.spans.reading import labelled_spans, read_table
from ratchet.spans.records import PREDICTION
from ratchet.spans.sources import SpanWindow
from ratchet.spans.traces import find_traces
from ratchet.spec.functions import load_functions
from ratchet.steps.append_batch import append_batch
from ratchet.steps.erase import Erasure, erase
from ratchet.steps.ingest_span import ingest_span
from ratchet.steps.score_span import score_span
from ratchet.steps.seal_span import seal_span
from ratchet.steps.validate_span import validate_span
from tests.factories.lives import WATCHED, Life
from tests.factories.models import BATCHES, CALENDAR, Model, at, day, make_model
from tests.factories.processes import killed_at
from tests.faults.moto_server import S3Server

PERSON = Author(kind="person", name="ada")
NOW = datetime(2024, 4, 1, 12, tzinfo=UTC)
POINTS = [
    *("planned", "before_rows", "before_manifest", "between_manifests", "examples", "ground_truth", "predictions"),
    *("batches", "statistics", "files", "redacted"),
]


def erase_one(model: Model, entity: str) -> Erasure:
    return erase(model.project, model.spec, entity, author=PERSON, at=NOW)


def places(model: Model, entity: str) -> list[str]:
    """Every file of the home that holds the key: its bytes, and for a Parquet file its values as well."""
    found = []
    for path in Path(model.project.home).rglob("*"):
        if not path.is_file() or "mlflow" in path.parts:
            continue
        values = ""
        if path.suffix == ".parquet" and "_delta_log" not in path.parts:
            values = repr(pl.read_parquet(path, hive_partitioning=False).rows())
        if entity.encode() in path.read_bytes() or entity in values:
            found.append(str(path.relative_to(model.project.home)))
    return found


def manifest(model: Model, table: str, span: str) -> SpanManifest:
    found = ManifestStore(model.store, model.id, table).newest(span)  # type: ignore[arg-type]
    assert found is not None
    return found


def read_batch(model: Model, batch: str) -> pl.DataFrame:
    (read,) = load_functions(model.path, ("source.read_batch",))
    frame = read(SpanWindow.of(CALENDAR, day(1)), batch)
    assert isinstance(frame, pl.DataFrame)
    return frame


def named(model: Model) -> str:
    """An entity of a watched span: scored, known in its outcome, and an example of an anomaly in a report."""
    entity = f"{day(WATCHED)}-0000"
    # The first parcels are delivered twice, so they are in the quarantine too; and a rule names them.
    model.edit({"source.max_quarantined": 0.5})
    model.deliver(day(WATCHED), salt="corrected", twice=3)
    expectations = model.path / "expectations.yaml"
    expectations.write_text(
        expectations.read_text()
        + "  - {expect: expect_column_values_to_be_between, column: weight, min_value: 90, severity: warning}\n"
    )
    ingest_span(model.project, model.spec, [day(WATCHED)])
    validate_span(model.project, model.spec, [day(WATCHED)])
    score_span(model.project, model.spec, day(WATCHED), at=at(day(WATCHED)))
    ingest_ground_truth(model.project, model.spec, [day(WATCHED)])
    return entity


class TestErase:
    def test_leaves_no_byte_of_the_key_and_what_is_left_adds_up(self, life: Life):
        model = life("watched")
        entity, span = named(model), day(WATCHED)
        rooms = {name.split("/")[0] for name in places(model, entity)}
        assert rooms == {"tables", "runs"}
        assert any(name.endswith(".html") for name in places(model, entity))
        found = erase_one(model, entity)
        assert places(model, entity) == []
        assert found.files_scanned > 0
        examples = manifest(model, "examples", span)
        assert (examples.rows_in, examples.rows_kept, examples.rows_quarantined, examples.n_erased) == (153, 149, 2, 2)
        assert examples.reason == "erasure"
        assert read_table(model.project, model.id, "examples", [span]).height == 149
        assert manifest(model, "ground_truth", span).n_erased == 1
        assert read_table(model.project, model.id, "predictions", [span]).height == 149

    def test_keeps_what_was_decided_on_the_others(self, life: Life):
        model = life("watched")
        entity, span = named(model), day(WATCHED)
        labelled, predictions = labelled_spans(model.project, model.id), manifest(model, "predictions", span)
        scores = read_table(model.project, model.id, "predictions", [span])
        erase_one(model, entity)
        assert labelled_spans(model.project, model.id) == labelled
        # Scored by whoever scored it then: nothing is scored anew.
        score_span(model.project, model.spec, span, at=NOW)
        assert manifest(model, "predictions", span).revision == predictions.revision + 1
        rest = read_table(model.project, model.id, "predictions", [span])
        assert rest.sort("entity").equals(scores.filter(pl.col("entity") != entity).sort("entity"))

    def test_names_the_versions_trained_on_it_and_the_entry_holds_no_key(self, life: Life):
        model = life("second")
        entity = f"{day(5)}-0007"
        found = erase_one(model, entity)
        assert found.versions == ("1",)
        state = model.ledger.read_state()
        assert found.entry == state.number
        (former,) = state.previous_champions
        assert dict(state.not_reproducible) == {former.digest: state.number}
        entry = list(model.ledger.entries())[-1]
        assert (entry.kind, entry.author, entry.body["rows"]) == ("erasure", PERSON, 2)
        key = Path(model.project.home, KEY_FILE)
        assert entry.body["entity_hmac"] == f"hmac-sha256:{name_of(entity, key.read_bytes().strip())}"
        assert key.stat().st_mode & 0o777 == 0o600
        assert model.ledger.verify() == []
        assert places(model, entity) == []

    def test_again_does_nothing_again(self, life: Life):
        model = life("watched")
        entity = named(model)
        first, before = erase_one(model, entity), model.objects()
        again = erase_one(model, entity)
        assert (again.entry, again.versions) == (first.entry, first.versions)
        assert model.objects() == before

    def test_of_somebody_unknown_enters_nothing(self, life: Life):
        model = life("loaded")
        before = model.objects()
        assert erase_one(model, "nobody-at-all").entry is None
        assert model.objects("ledger") == {}
        assert model.objects().keys() - before.keys() == {KEY_FILE}

    def test_of_a_key_that_begins_another_leaves_the_other(self, life: Life):
        model = life("watched")
        entity = named(model)
        erase_one(model, entity[:-1])
        assert manifest(model, "examples", day(WATCHED)).n_erased == 0
        assert places(model, entity) != []

    @pytest.mark.parametrize("point", POINTS)
    def test_killed_anywhere_is_finished_by_the_rerun(self, life: Life, point: str):
        model = life("watched")
        entity = named(model)
        killed_at(f"erase.{point}", erase_one, model, entity)
        found = erase_one(model, entity)
        assert places(model, entity) == []
        assert (found.entry, found.rows) == (3, 4)
        examples = manifest(model, "examples", day(WATCHED))
        assert (examples.rows_kept, examples.rows_quarantined, examples.n_erased) == (149, 2, 2)
        assert read_table(model.project, model.id, "predictions", [day(WATCHED)]).height == 149
        assert sum(entry.kind == "erasure" for entry in model.ledger.entries()) == 1


class TestOpenSpans:
    @pytest.fixture
    def model(self, project: Project) -> Model:
        made = make_model(project, changes=BATCHES)
        for batch in ("1-of-2", "2-of-2"):
            append_batch(made.project, made.spec, day(1), batch)
        return made

    @pytest.mark.parametrize("point", [None, "before_seal", "planned", "batches", "files"])
    def test_a_batch_loses_the_key_and_the_span_is_taken_in_without_it(self, model: Model, point: str | None):
        entity = f"{day(1)}-0000"
        if point == "before_seal":
            assert erase_one(model, entity).entry == 1
            seal_span(model.project, model.spec, day(1))
        else:
            seal_span(model.project, model.spec, day(1))
            ingest_examples(model.project, model.spec, [day(1)])
            if point:
                killed_at(f"erase.{point}", erase_one, model, entity)
            assert erase_one(model, entity).entry == 1
        assert places(model, entity) == []
        ingest_examples(model.project, model.spec, [day(1)])
        assert read_table(model.project, model.id, "examples", [day(1)]).height == 149
        assert sum(record.rows for record in OpenSpan(model.project, model.spec, day(1)).records()) == 149

    def test_the_same_bytes_again_are_known_and_bring_nobody_back(self, model: Model):
        entity = f"{day(1)}-0000"
        erase_one(model, entity)
        for batch in ("1-of-2", "2-of-2"):
            append_batch(model.project, model.spec, day(1), batch)
        assert places(model, entity) == []

    def test_a_new_batch_that_names_the_entity_is_kept_without_it(self, model: Model):
        entity = f"{day(1)}-0000"
        erase_one(model, entity)
        frame = read_batch(model, "1-of-2")
        assert frame["parcel_id"].is_in([entity]).any()
        OpenSpan(model.project, model.spec, day(1)).append("again", frame)
        assert places(model, entity) == []


class TestOtherHomes:
    def test_tables_of_an_earlier_version_lose_the_key_from_their_logs_too(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("ratchet.storage.tables._CONFIGURATION", {})
        model, entity = make_model(project), f"{day(1)}-0000"
        for number in (1, 2):
            ingest_examples(model.project, model.spec, [day(number)])
        DeltaTable(model.project.uri("tables", "parcels", "examples")).create_checkpoint()
        assert any("_delta_log" in name for name in places(model, entity))
        erase_one(model, entity)
        assert places(model, entity) == []
        assert read_table(model.project, model.id, "examples", [day(1), day(2)]).height == 299

    def test_on_s3_the_key_is_gone_from_the_bucket(
        self, project: Project, s3: S3Server, monkeypatch: pytest.MonkeyPatch
    ):
        model = make_model(replace(project, home=s3.fresh_uri()))
        model.deliver(day(1), twice=1)
        entity = f"{day(1)}-0000"
        ingest_examples(model.project, model.spec, [day(1)])
        with pytest.raises(InputError, match=f"Set {VARIABLE} to a secret of 32 characters"):
            erase_one(model, entity)
        monkeypatch.setenv(VARIABLE, "k" * 32)
        found = erase_one(model, entity)
        assert (found.rows, found.entry) == (2, 1)
        assert find_traces(model.project, model.store, model.id, model.spec, entity) == []
        assert all(entity.encode() not in model.store.read(name) for name in model.store.list(""))
        assert read_table(model.project, model.id, "examples", [day(1)]).height == 149

    def test_what_cannot_be_redacted_is_told_and_nothing_is_entered(self, life: Life):
        model = life("loaded")
        entity = f"{day(3)}-0001"
        model.store.write("batches/parcels/1.bin", b"\xff" + entity.encode())
        with pytest.raises(StoreError, match="batches/parcels/1.bin is no text and holds the entity's key"):
            erase_one(model, entity)
        assert model.objects("ledger") == {}


class TestAfterwards:
    def test_a_source_that_delivers_the_entity_again_is_not_believed(self, life: Life):
        model = life("watched")
        entity = named(model)
        erase_one(model, entity)
        model.deliver(day(WATCHED), salt="again")
        (taken,) = ingest_examples(model.project, model.spec, [day(WATCHED)])
        assert (taken.rows_in, taken.rows_kept, taken.n_erased) == (150, 149, 1)
        assert places(model, entity) == []

    def test_without_the_key_nobody_is_known_any_more(self, life: Life):
        model = life("watched")
        entity = named(model)
        erase_one(model, entity)
        Path(model.project.home, KEY_FILE).unlink()
        model.deliver(day(WATCHED), salt="again")
        (taken,) = ingest_examples(model.project, model.spec, [day(WATCHED)])
        assert (taken.rows_kept, taken.n_erased) == (150, 0)

    def test_the_key_may_come_from_the_environment(self, life: Life, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv(VARIABLE, "k" * 32)
        model = life("loaded")
        found = erase_one(model, f"{day(3)}-0001")
        assert found.entity_hmac == name_of(f"{day(3)}-0001", b"k" * 32)
        assert not Path(model.project.home, KEY_FILE).exists()


class TestLog:
    def test_records_are_blanked_in_place_while_a_service_appends(self, life: Life):
        model = life("loaded")
        log, start = open_log(model.project, ModelId("parcels")), datetime(2024, 3, 20, 1, tzinfo=UTC)

        def record(entity: str, number: int) -> dict[str, object]:
            values = dict.fromkeys(PREDICTION, "x") | {"entity": entity, "prediction_id": f"r-{number}"}
            numbers = {"schema_version": 1, "propensity": 1.0, "score": 0.5, "threshold": 0.5, "is_expected": True}
            return values | numbers | {"scored_at": start, "inputs": json.dumps({"a": 1})}

        log.append([record("anna-4711", 0), record("bert", 1)], at=start)
        erase_one(model, "anna-4711")
        log.append([record("carl", 2)], at=start)
        log.close()
        found = read_log(model.project, ModelId("parcels"), start, start.replace(hour=2))
        assert (found.frame["entity"].to_list(), found.n_torn) == (["bert", "carl"], 0)
        assert places(model, "anna-4711") == []
