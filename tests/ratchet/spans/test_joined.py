from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from ratchet.errors import DataError, EmptyDataError, MissingSpanError
from ratchet.project import Project
from ratchet.spans.ingestion import ingest_examples
from ratchet.spans.joined import read_examples
from ratchet.spans.manifests import SpanManifest
from ratchet.spans.reading import read_table
from ratchet.steps.infer import infer
from tests.factories.models import CALENDAR, LOADS, Model, day, make_model


@pytest.fixture
def model(project: Project) -> Model:
    return make_model(project, changes=LOADS)


def ingest(model: Model, *spans: str) -> SpanManifest:
    return ingest_examples(model.project, model.spec, spans)[-1]


def loads(model: Model) -> pl.DataFrame:
    frame = read_table(model.project, model.id, "examples", [day(1)])
    return frame.select("parcel_id", "depot", "sent_at", "load").sort("parcel_id")


class TestIngestion:
    def test_each_row_has_what_was_known_half_an_hour_before(self, model: Model):
        ingest(model, day(1))
        for row in loads(model).iter_rows(named=True):
            # The report of the hour is recorded five minutes past it.
            minutes = row["sent_at"].hour * 60 + row["sent_at"].minute - 35
            hour = minutes // 60 % 24
            assert row["load"] == hour + (0.5 if row["depot"] == "south" else 0.0)

    def test_the_manifest_names_what_was_joined(self, model: Model):
        manifest = ingest(model, day(1))
        assert list(manifest.inputs) == ["joins.loads"]
        assert manifest.inputs["joins.loads"].startswith("sha256:")
        assert manifest.delivery == read_examples(model.project, model.spec, day(1)).digest

    def test_the_same_bytes_again_do_nothing(self, model: Model):
        assert ingest(model, day(1)) == ingest(model, day(1))

    def test_other_bytes_of_the_joined_source_make_a_new_revision(self, model: Model):
        first = ingest(model, day(1))
        model.deliver(day(1), heavier=0.25)
        second = ingest(model, day(1))
        assert (first.revision, second.revision) == (1, 2)
        assert first.inputs != second.inputs
        assert set((loads(model)["load"] % 0.5).to_list()) == {0.25}

    def test_a_revision_recorded_after_the_span_neither_leaks_nor_makes_one(self, model: Model):
        first = ingest(model, day(1))
        rows = loads(model)
        model.deliver(day(1), revised_after_minutes=60 * 24 * 3)
        assert ingest(model, day(1)) == first
        assert loads(model).equals(rows)

    def test_a_revision_recorded_within_the_span_is_seen_only_from_then_on(self, model: Model):
        model.deliver(day(1), revised_after_minutes=40)
        ingest(model, day(1))
        is_revised = set()
        for row in loads(model).iter_rows(named=True):
            # Minutes from the newest report's hour to half an hour before the parcel: 5 to 64.
            age = (row["sent_at"].hour * 60 + row["sent_at"].minute - 35) % 60 + 5
            assert (row["load"] >= 1000) == (age >= 40)
            is_revised.add(age >= 40)
        assert is_revised == {True, False}

    def test_another_rule_makes_a_new_revision(self, model: Model):
        ingest(model, day(1))
        model.edit({"joins.loads.available_after_minutes": 90})
        assert ingest(model, day(1)).revision == 2

    def test_an_empty_joined_source_is_refused(self, model: Model):
        model.deliver(day(1), no_loads=True)
        with pytest.raises(EmptyDataError, match=f"source.read_loads delivered no row for span {day(1)}"):
            ingest(model, day(1))

    def test_a_column_that_is_there_already_is_refused_with_the_way_out(self, model: Model):
        model.edit({"joins.loads.columns": ["load", "weight"]})
        with pytest.raises(DataError, match=r"joins.loads adds weight, which .* Set joins.loads.prefix"):
            ingest(model, day(1))


class TestFilesOfASpanEach:
    """The loads of an hour in a file a day: parcels of the first half hour see what the day before delivered."""

    @pytest.fixture
    def model(self, project: Project) -> Model:
        files = {"kind": "files", "path": "loads/{span}.csv", "settle_seconds": 0}
        made = make_model(project, changes=LOADS)
        for number in (1, 2):
            start, end = CALENDAR.bounds(day(number))
            hours = int((end - start).total_seconds()) // 3600
            rows = [
                f"{depot},{start + timedelta(hours=i):%Y-%m-%dT%H:%M:%SZ},{number}{i:02d}"
                for i in range(hours)
                for depot in ("north", "south")
            ]
            path = Path(project.data) / "loads" / f"{day(number)}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(["depot,measured_at,load", *rows]) + "\n")
        made.edit({"joins.loads.delivery": files, "joins.loads.recorded_time": None, "source.first_span": day(1)})
        return made

    def test_are_read_as_far_back_as_the_join_reaches(self, model: Model):
        frame = read_examples(model.project, model.spec, day(2)).frame
        start, _ = CALENDAR.bounds(day(2))
        early = frame.filter(pl.col("sent_at") < start + timedelta(minutes=30))
        late = frame.filter(pl.col("sent_at") >= start + timedelta(minutes=30))
        assert early.height > 0
        assert early["load"].min() >= 100
        assert early["load"].max() == 123  # the last hour of the day before, as a number
        assert late["load"].min() == 200

    def test_before_the_first_span_there_is_none(self, model: Model):
        frame = read_examples(model.project, model.spec, day(1)).frame
        start, _ = CALENDAR.bounds(day(1))
        assert frame.filter(pl.col("sent_at") < start + timedelta(minutes=30))["load"].null_count() > 0

    def test_a_missing_one_is_named_and_never_taken_for_an_empty_one(self, model: Model):
        (Path(model.project.data) / "loads" / f"{day(1)}.csv").unlink()
        with pytest.raises(MissingSpanError, match=f"loads/{day(1)}.csv"):
            read_examples(model.project, model.spec, day(2))


def test_without_joins_a_delivery_is_what_the_source_says(project: Project):
    bare = make_model(project)
    delivered = read_examples(project, bare.spec, day(1))
    assert (delivered.inputs, "load" in delivered.frame.columns) == ({}, False)


def test_expectations_are_proposed_for_joined_columns_too(model: Model):
    assert "column: load" in infer(model.project, model.spec, CALENDAR.range(day(1), day(2))).expectations
