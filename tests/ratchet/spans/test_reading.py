from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from ratchet.errors import MissingSpanError, StoreError
from ratchet.spans.ingestion import ingest_examples, ingest_ground_truth
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import labelled_spans, read_labelled, read_manifests, read_table
from ratchet.spans.records import DELIVERY
from ratchet.storage.tables import SpanTable
from tests.factories.models import Model, day, days


@pytest.fixture
def loaded(model: Model) -> Model:
    model.deliver(day(2), coverage=0.5)
    ingest_examples(model.project, model.spec, days(1, 3))
    ingest_ground_truth(model.project, model.spec, days(1, 2))
    return model


def examples(model: Model) -> ManifestStore:
    return ManifestStore(model.store, model.id, "examples")


class TestRowsWithoutAManifest:
    @pytest.mark.parametrize("change", ["one-more", "one-less", "other-delivery", "none"])
    def test_are_refused_naming_the_span(self, loaded: Model, change: str):
        table = SpanTable(loaded.project.uri("tables", "parcels", "examples"))
        rows = table.read([day(2)])
        changed = {
            "one-more": pl.concat([rows, rows.head(1)]),
            "one-less": rows.tail(-1),
            "other-delivery": rows.with_columns(pl.lit("0123456789abcdef").alias(DELIVERY)),
            "none": rows.clear(),
        }[change]
        table.replace_spans(changed, [day(2)], commit={})
        with pytest.raises(StoreError, match=f"the rows of {day(2)} in examples are not those of the newest manifest"):
            read_table(loaded.project, loaded.id, "examples", days(1, 3))
        assert read_table(loaded.project, loaded.id, "examples", [day(1), day(3)]).height == 300

    def test_a_span_that_nobody_took_in_is_missing(self, loaded: Model):
        with pytest.raises(
            MissingSpanError, match=f"parcels: no examples of {day(4)}, {day(5)}. Ingest the span first."
        ):
            read_manifests(loaded.project, loaded.id, "examples", days(3, 5))

    def test_of_many_missing_spans_the_first_are_named(self, loaded: Model):
        with pytest.raises(MissingSpanError, match=f"{day(14)} and 5 more"):
            read_manifests(loaded.project, loaded.id, "examples", days(10, 19))


class TestReading:
    def test_rows_come_sorted_by_span_whatever_order_was_asked_for(self, loaded: Model):
        frame = read_table(loaded.project, loaded.id, "examples", [day(3), day(1)])
        assert frame["span"].unique(maintain_order=True).to_list() == [day(1), day(3)]

    def test_only_the_columns_asked_for_are_read(self, loaded: Model):
        frame = read_table(loaded.project, loaded.id, "examples", [day(1)], columns=["carrier"])
        assert frame.columns == ["span", "carrier"]

    def test_labelled_examples_are_those_whose_outcome_is_known(self, loaded: Model):
        frame = read_labelled(loaded.project, loaded.spec, days(1, 2))
        assert frame["span"].value_counts(sort=True).rows() == [(day(1), 150), (day(2), 75)]
        assert frame["is_late"].null_count() == 0
        assert frame.equals(frame.sort("span", "parcel_id"))


class TestLabelledSpans:
    def test_are_validated_and_have_an_outcome(self, loaded: Model):
        assert labelled_spans(loaded.project, loaded.id) == set()
        for number in (2, 3):
            examples(loaded).mark_validated(day(number), 1, "evidence")
        assert labelled_spans(loaded.project, loaded.id) == set()  # no outcome passed validation
        for number in (1, 2):
            ManifestStore(loaded.store, loaded.id, "ground_truth").mark_validated(day(number), 1, "evidence")
        assert labelled_spans(loaded.project, loaded.id) == {day(2)}  # day 3 has no outcome, day 1 is not validated

    def test_a_new_revision_must_be_validated_again(self, loaded: Model):
        store = examples(loaded)
        store.mark_validated(day(1), 1, "evidence")
        loaded.deliver(day(1), salt="corrected")
        ingest_examples(loaded.project, loaded.spec, [day(1)])
        assert store.validated() == set()
        assert not store.is_validated(day(1))
        store.mark_validated(day(1), 2, "evidence")
        assert store.validated() == {day(1)}
        assert store.is_validated(day(1))

    def test_a_mark_for_a_revision_that_is_not_the_newest_counts_for_nothing(self, loaded: Model):
        examples(loaded).mark_validated(day(1), 2, "evidence")
        assert examples(loaded).validated() == set()
        assert not examples(loaded).is_validated(day(1))


class TestManifest:
    def test_survives_its_own_json(self, loaded: Model):
        manifest = examples(loaded).newest(day(1))
        assert manifest is not None
        assert manifest.to_json()["schema_version"] == 1
        assert SpanManifest.from_json(manifest.to_json()) == manifest

    def test_in_which_a_row_is_lost_can_not_be_made(self, loaded: Model):
        manifest = examples(loaded).newest(day(1))
        assert manifest is not None
        with pytest.raises(ValueError, match="150 rows in, 149 kept and 0 quarantined: a row is lost"):
            replace(manifest, rows_kept=149)

    def test_of_a_revision_is_written_once(self, loaded: Model):
        manifest = examples(loaded).newest(day(1))
        assert manifest is not None
        assert not examples(loaded).write(replace(manifest, delivery="sha256:" + "0" * 64))
        assert examples(loaded).newest(day(1)) == manifest

    def test_revisions_are_counted_and_not_sorted_as_text(self, loaded: Model):
        manifest = examples(loaded).newest(day(1))
        assert manifest is not None
        for revision in (9, 10):
            examples(loaded).write(replace(manifest, revision=revision))
        newest = examples(loaded).newest(day(1))
        assert newest is not None
        assert (newest.revision, examples(loaded).revisions()[day(1)]) == (10, 10)
