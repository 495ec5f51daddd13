from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest

from ratchet.errors import DataError, EmptyDataError, MissingSpanError, StoreError
from ratchet.spans.ingestion import ingest_examples, ingest_ground_truth
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import read_table
from ratchet.storage.tables import SpanTable
from tests.factories.models import Model, day, days
from tests.factories.processes import killed_at, race


def ingest(model: Model, *spans: str) -> list[SpanManifest]:
    return ingest_examples(model.project, model.spec, spans)


def read(model: Model, *spans: str) -> pl.DataFrame:
    return read_table(model.project, model.id, "examples", spans)


def table(model: Model, name: str = "examples") -> SpanTable:
    return SpanTable(model.project.uri("tables", "parcels", name))


def manifests(model: Model) -> ManifestStore:
    return ManifestStore(model.store, model.id, "examples")


def ingest_and_say(model: Model, spans: Sequence[str]) -> list[tuple[int, str]]:
    """What `race` can bring back from another process."""
    return [(manifest.revision, manifest.delivery) for manifest in ingest(model, *spans)]


class TestOneSpan:
    def test_is_there_with_a_manifest_that_counts_its_rows(self, model: Model):
        model.deliver(day(1), twice=1)
        (manifest,) = ingest(model, day(1))
        assert (manifest.rows_in, manifest.rows_kept, manifest.rows_quarantined) == (151, 150, 1)
        assert manifest.quarantine_reasons == {"parcel_id is delivered twice": 1}
        assert (manifest.revision, manifest.table_version) == (1, table(model).version())
        assert manifest.columns_withheld == ("delivered_at",)
        assert manifests(model).newest(day(1)) == manifest
        frame = read(model, day(1))
        assert frame.columns == ["span", "parcel_id", "sent_at", "distance", "weight", "carrier", "depot"]
        assert frame.height == 150

    def test_the_rows_left_out_are_kept_with_their_reason(self, model: Model):
        model.deliver(day(1), twice=1)
        (manifest,) = ingest(model, day(1))
        rows = table(model, "examples-quarantine").read([day(1)])
        assert rows.select("span", "delivery", "parcel_id", "reason").rows() == [
            (day(1), manifest.mark, f"{day(1)}-0000", "parcel_id is delivered twice")
        ]

    def test_a_later_revision_without_a_fault_leaves_none_there(self, model: Model):
        model.deliver(day(1), twice=1)
        ingest(model, day(1))
        model.deliver(day(1))
        ingest(model, day(1))
        assert table(model, "examples-quarantine").read([day(1)]).is_empty()

    def test_the_same_bytes_again_do_nothing(self, model: Model):
        first = ingest(model, day(1))
        kept, version = model.objects(), table(model).version()
        assert ingest(model, day(1)) == first
        assert (model.objects(), table(model).version()) == (kept, version)

    def test_other_bytes_make_a_second_revision_that_replaces_the_rows(self, model: Model):
        (first,) = ingest(model, day(1))
        model.deliver(day(1), salt="corrected", n=140)
        (second,) = ingest(model, day(1))
        assert (first.revision, second.revision) == (1, 2)
        assert first.delivery != second.delivery
        assert read(model, day(1)).height == 140
        # The first is still on record.
        assert len(model.objects("manifests/parcels/examples")) == 2

    def test_bytes_that_come_back_are_a_third_revision(self, model: Model):
        (first,) = ingest(model, day(1))
        model.deliver(day(1), salt="corrected")
        ingest(model, day(1))
        model.deliver(day(1))
        (third,) = ingest(model, day(1))
        assert (third.revision, third.delivery) == (3, first.delivery)
        assert read(model, day(1)).height == 150


class TestRange:
    def test_is_taken_in_by_one_commit(self, model: Model):
        found = ingest(model, *days(1, 4))
        assert [manifest.span for manifest in found] == days(1, 4)
        assert {manifest.table_version for manifest in found} == {0}
        assert table(model).version() == 0
        assert read(model, *days(1, 4))["span"].value_counts(sort=True)["count"].to_list() == [150] * 4

    def test_only_the_spans_that_are_new_are_written(self, model: Model):
        ingest(model, day(1), day(3))
        before = manifests(model).newest(day(1))
        found = ingest(model, *days(1, 4))
        assert found[0] == before
        assert [manifest.table_version for manifest in found] == [0, 1, 0, 1]
        assert read(model, *days(1, 4)).height == 600

    def test_one_bad_span_of_a_range_leaves_nothing_of_it(self, model: Model):
        model.deliver(day(3), twice=20)
        with pytest.raises(DataError, match="20 of 170 rows"):
            ingest(model, *days(1, 4))
        assert (model.objects(), table(model).version()) == ({}, None)


class TestRefusals:
    @pytest.mark.parametrize(("twice", "is_refused"), [(1, False), (2, True)])
    def test_too_large_a_share_of_broken_rows_is_refused_and_nothing_is_written(
        self, model: Model, twice: int, is_refused: bool
    ):
        model.deliver(day(1), twice=twice)  # of 151 or 152 rows; 1 % may be
        if not is_refused:
            assert ingest(model, day(1))[0].rows_quarantined == 1
            return
        with pytest.raises(DataError, match="Nothing was written"):
            ingest(model, day(1))
        assert (model.objects(), table(model).version(), table(model, "examples-quarantine").version()) == (
            {},
            None,
            None,
        )

    def test_a_refused_correction_leaves_the_revision_before_it(self, model: Model):
        (first,) = ingest(model, day(1))
        model.deliver(day(1), conflicts=9)
        with pytest.raises(DataError, match="parcel_id stands for rows that differ: 18"):
            ingest(model, day(1))
        assert manifests(model).newest(day(1)) == first
        assert read(model, day(1)).height == 150

    def test_an_empty_delivery_is_no_good_one(self, model: Model):
        model.deliver(day(1), n=0)
        with pytest.raises(EmptyDataError, match=f"source.read_parcels delivered no row for span {day(1)}"):
            ingest(model, day(1))

    def test_a_delivery_that_is_no_frame_is_refused(self, model: Model):
        model.deliver(day(1), parcels=None)
        with pytest.raises(
            DataError, match="source.read_parcels must return a Polars DataFrame for span .* Got NoneType"
        ):
            ingest(model, day(1))


class TestKilledBeforeTheManifest:
    def test_the_reader_refuses_until_the_rerun_mends_it(self, model: Model):
        killed_at("ingest.before_manifest", ingest, model, day(1))
        assert table(model).version() == 0  # the rows were there
        with pytest.raises(MissingSpanError, match=f"no examples of {day(1)}"):
            read(model, day(1))
        (manifest,) = ingest(model, day(1))
        assert manifest.revision == 1
        assert read(model, day(1)).height == 150

    @pytest.mark.parametrize("salt", ["corrected", ""], ids=["the-correction-again", "the-first-bytes-again"])
    def test_of_a_second_revision_it_mends_whatever_comes_next(self, model: Model, salt: str):
        ingest(model, *days(1, 2))
        model.deliver(day(1), salt="corrected", n=140)
        killed_at("ingest.before_manifest", ingest, model, day(1))
        with pytest.raises(StoreError, match=f"the rows of {day(1)} in examples are not those of the newest manifest"):
            read(model, *days(1, 2))
        assert read(model, day(2)).height == 150
        model.deliver(day(1), **({"salt": salt, "n": 140} if salt else {}))
        (manifest,) = ingest(model, day(1))
        assert (manifest.revision, manifest.rows_kept) == ((2, 140) if salt else (1, 150))
        assert read(model, *days(1, 2)).height == manifest.rows_kept + 150
        # And then it is known: nothing is written again.
        version = table(model).version()
        ingest(model, day(1))
        assert table(model).version() == version


class TestRaces:
    def test_two_ingestions_of_one_span_give_one_revision(self, model: Model):
        call = (ingest_and_say, (model, days(1, 2)), {})
        first, second = race(call, call)
        assert first == second
        assert [revision for revision, _ in first] == [1, 1]
        assert len(model.objects("manifests")) == 2
        assert read(model, *days(1, 2)).height == 300

    def test_two_ingestions_of_different_spans_both_stand(self, model: Model):
        answers = race(*((ingest_and_say, (model, [day(number)]), {}) for number in (1, 2)))
        assert [[revision for revision, _ in answer] for answer in answers] == [[1], [1]]
        assert read(model, *days(1, 2)).height == 300


class TestGroundTruth:
    def test_is_taken_in_as_examples_are(self, model: Model):
        model.deliver(day(1), coverage=0.5)
        (manifest,) = ingest_ground_truth(model.project, model.spec, [day(1)])
        assert (manifest.table, manifest.revision, manifest.rows_kept) == ("ground_truth", 1, 75)
        frame = read_table(model.project, model.id, "ground_truth", [day(1)])
        assert frame.columns == ["span", "parcel_id", "is_late"]

    def test_more_outcomes_make_a_second_revision(self, model: Model):
        model.deliver(day(1), coverage=0.5)
        ingest_ground_truth(model.project, model.spec, [day(1)])
        model.deliver(day(1))
        (manifest,) = ingest_ground_truth(model.project, model.spec, [day(1)])
        assert (manifest.revision, manifest.rows_kept) == (2, 150)
