from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from ratchet.errors import DataError, EmptyDataError, InputError, MissingSpanError, StoreError
from ratchet.project import Project
from ratchet.spans.manifests import ManifestStore
from ratchet.spans.open_span import OpenSpan, check_batch, read_sealed
from ratchet.spans.reading import read_table
from ratchet.steps.append_batch import AppendResult, append_batch
from ratchet.steps.ingest_span import IngestResult, ingest_span
from ratchet.steps.seal_span import SealResult, seal_span
from ratchet.storage.tables import SpanTable
from tests.factories.models import BATCHES, LOADS, Model, day, make_model
from tests.factories.processes import killed_at, race
from tests.faults.moto_server import S3Server, run_s3_server

THREE = ("1-of-3", "2-of-3", "3-of-3")


@pytest.fixture
def model(project: Project) -> Model:
    return make_model(project, changes=BATCHES)


def append(model: Model, batch: str) -> AppendResult:
    return append_batch(model.project, model.spec, day(1), batch)


def seal(model: Model) -> SealResult:
    return seal_span(model.project, model.spec, day(1))


def ingest(model: Model) -> IngestResult:
    return ingest_span(model.project, model.spec, [day(1)])


def append_and_say(model: Model, batch: str) -> tuple[str, bool]:
    result = append(model, batch)
    return result.digest, result.is_late


def seal_and_say(model: Model) -> int:
    return seal(model).number


def manifest(model: Model) -> Any:
    return ManifestStore(model.store, model.id, "examples").newest(day(1))


def parcels(model: Model) -> list[str]:
    ids: list[str] = read_table(model.project, model.id, "examples", [day(1)])["parcel_id"].sort().to_list()
    return ids


def seals(model: Model) -> list[str]:
    return model.store.list(f"open/parcels/examples/{day(1)}/seals")


def open_table(model: Model) -> SpanTable:
    return SpanTable(model.project.uri("tables", "parcels", "examples-open"))


class TestAppend:
    def test_counts_what_the_span_holds(self, model: Model):
        said = [(result.rows_in, result.n_batches, result.rows_so_far) for result in (append(model, b) for b in THREE)]
        assert said == [(50, 1, 50), (50, 2, 100), (50, 3, 150)]

    def test_the_same_batch_again_does_nothing(self, model: Model):
        first, version, kept = append(model, "1-of-3"), open_table(model).version(), model.objects()
        assert append(model, "1-of-3") == first
        assert (open_table(model).version(), model.objects()) == (version, kept)

    def test_a_batch_of_that_name_with_other_bytes_is_refused(self, model: Model):
        append(model, "1-of-3")
        model.deliver(day(1), salt="corrected")
        with pytest.raises(DataError, match="a batch 1-of-3 of 2024-03-01 is there with other bytes .50 rows; 50 now"):
            append(model, "1-of-3")
        assert append(model, "2-of-3").rows_so_far == 100

    def test_an_empty_batch_is_refused(self, model: Model):
        model.deliver(day(1), n=2)
        with pytest.raises(EmptyDataError, match="Batch 3-of-3 of 2024-03-01 holds no row"):
            append(model, "3-of-3")

    def test_whole_numbers_in_one_batch_and_broken_ones_in_the_next_are_one_column(self, model: Model):
        model.deliver("1-of-2", weights="whole")
        assert [append(model, batch).rows_in for batch in ("1-of-2", "2-of-2")] == [75, 75]
        seal(model)
        assert ingest(model).rows_kept == 150

    def test_what_is_known_only_afterwards_is_not_stored(self, model: Model):
        append(model, "1-of-3")
        assert "delivered_at" not in open_table(model).read(open_table(model).spans()).columns

    def test_a_model_without_batches_takes_none(self, project: Project):
        bare = make_model(project, "letters")
        with pytest.raises(InputError, match="letters takes no batches"):
            append(bare, "1-of-3")
        with pytest.raises(InputError, match="letters takes no batches"):
            seal(bare)

    @pytest.mark.parametrize("name", ["", "../1", "a/b", ".hidden", "a~b", "a b", "x" * 129, "a\n", "é", None, 7])
    def test_a_name_that_is_none_is_refused(self, name: Any):
        with pytest.raises(InputError, match="A batch's name must be"):
            check_batch(name)

    @pytest.mark.parametrize("name", ["x" * 128, "a", "2024-03-01T00.part_1"])
    def test_a_plain_name_is_taken(self, name: str):
        assert check_batch(name) == name


class TestSeal:
    def test_nothing_downstream_sees_an_open_span(self, model: Model):
        append(model, "1-of-3")
        with pytest.raises(MissingSpanError, match="2024-03-01 is open still"):
            ingest(model)
        with pytest.raises(MissingSpanError, match="no examples of 2024-03-01"):
            parcels(model)
        assert manifest(model) is None

    def test_all_rows_are_kept_or_quarantined_over_all_batches(self, model: Model):
        model.deliver("2-of-3", twice=1)
        for batch in THREE:
            append(model, batch)
        sealed = seal(model)
        result = ingest(model)
        assert (sealed.n_batches, sealed.rows_in) == (3, 151)
        assert (result.rows_in, result.rows_kept, result.rows_quarantined) == (151, 150, 1)
        assert len(parcels(model)) == 150

    def test_an_example_of_two_batches_is_a_duplicate(self, model: Model):
        model.edit({"source.max_quarantined": 0.5})
        append(model, "1-of-3")
        append(model, "1-of-2")
        seal(model)
        assert (ingest(model).rows_kept, manifest(model).rows_quarantined) == (75, 50)

    def test_the_manifest_names_the_batches(self, model: Model):
        digests = {f"batches.{batch}": append(model, batch).digest for batch in THREE}
        seal(model)
        ingest(model)
        assert manifest(model).inputs == digests

    def test_the_order_in_which_batches_came_changes_nothing(self, project: Project):
        found = set()
        for number, order in enumerate(permutations(THREE)):
            home = replace(project, home=f"{project.home}-{number}")
            one = Model(project=home) if number else make_model(home, changes=BATCHES)
            for batch in order:
                append(one, batch)
            seal(one)
            ingest(one)
            found.add((manifest(one).delivery, tuple(parcels(one))))
        assert len(found) == 1

    def test_sealing_again_makes_no_second_seal(self, model: Model):
        append(model, "1-of-3")
        assert (seal(model).number, seal(model).number, len(seals(model))) == (1, 1, 1)

    def test_a_span_without_a_batch_is_not_sealed(self, model: Model):
        with pytest.raises(EmptyDataError, match="no batch of 2024-03-01 was appended"):
            seal(model)

    def test_a_batch_that_comes_afterwards_says_so_and_makes_a_new_revision(self, model: Model):
        append(model, "1-of-3")
        seal(model)
        ingest(model)
        assert append(model, "1-of-3").is_late is False
        assert append(model, "2-of-3").is_late is True
        assert (manifest(model).revision, len(parcels(model))) == (1, 50)
        assert seal(model).number == 2
        ingest(model)
        assert (manifest(model).revision, len(parcels(model))) == (2, 100)

    def test_joined_columns_are_added_to_the_batches(self, project: Project):
        model = make_model(project, changes={**BATCHES, **LOADS})
        append(model, "1-of-3")
        seal(model)
        ingest(model)
        assert list(manifest(model).inputs) == ["batches.1-of-3", "joins.loads"]
        assert "load" in read_table(project, model.id, "examples", [day(1)]).columns


class TestKilled:
    def test_between_commit_and_record_the_batch_is_not_there_and_a_rerun_appends_it_once(self, model: Model):
        append(model, "1-of-3")
        killed_at("append.before_record", append, model, "2-of-3")
        assert len(open_table(model).spans()) == 2  # the rows were committed
        assert [record.batch for record in OpenSpan(model.project, model.spec, day(1)).records()] == ["1-of-3"]
        assert append(model, "2-of-3").rows_so_far == 100
        seal(model)
        assert ingest(model).rows_in == 100

    def test_rows_of_a_killed_writer_are_not_sealed(self, model: Model):
        append(model, "1-of-3")
        killed_at("append.before_record", append, model, "2-of-3")
        assert seal(model).n_batches == 1
        assert ingest(model).rows_in == 50

    def test_before_the_seal_the_span_stays_open(self, model: Model):
        append(model, "1-of-3")
        killed_at("seal.before_seal", seal, model)
        assert seals(model) == []
        assert seal(model).number == 1

    def test_between_commit_and_manifest_a_rerun_takes_the_sealed_batches(self, model: Model):
        for batch in THREE:
            append(model, batch)
        seal(model)
        killed_at("ingest.before_manifest", ingest, model)
        assert manifest(model) is None
        assert (ingest(model).rows_in, manifest(model).revision) == (150, 1)

    def test_rows_that_are_not_those_of_the_record_are_refused(self, model: Model):
        append(model, "1-of-3")
        seal(model)
        (partition,) = open_table(model).spans()
        rows = open_table(model).read([partition])
        open_table(model).replace_spans(rows.head(49), [partition], commit={})
        with pytest.raises(StoreError, match="the rows of 1-of-3 of 2024-03-01 are not those of their records"):
            read_sealed(model.project, model.spec, day(1))


class TestRaces:
    def test_two_writers_of_one_batch_append_it_once(self, model: Model):
        one, two = race(*[(append_and_say, (model, "1-of-3"), {})] * 2)
        assert one == two
        seal(model)
        assert ingest(model).rows_in == 50

    def test_two_writers_of_two_batches_both_append(self, model: Model):
        race(*((append_and_say, (model, batch), {}) for batch in THREE[:2]))
        assert seal(model).rows_in == 100
        assert ingest(model).rows_in == 100

    def test_an_append_against_a_seal_is_in_it_or_says_that_it_is_late(self, model: Model):
        append(model, "1-of-3")
        (_, is_late), number = race((append_and_say, (model, "2-of-3"), {}), (seal_and_say, (model,), {}))
        assert number == 1
        sealed = OpenSpan(model.project, model.spec, day(1)).newest_seal()
        assert sealed is not None
        assert ("2-of-3" in sealed.batches) == (not is_late)
        seal(model)
        assert ingest(model).rows_in == 100

    def test_two_that_seal_agree(self, model: Model):
        append(model, "1-of-3")
        assert race(*[(seal_and_say, (model,), {})] * 2) == [1, 1]
        assert len(seals(model)) == 1


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with run_s3_server() as server:
        yield server


def test_on_s3_it_is_the_same(s3: S3Server, project: Project):
    model = make_model(project, changes=BATCHES)
    there = replace(model, project=replace(project, home=s3.fresh_uri()))
    from tests.faults.moto_server import set_s3_environment

    with pytest.MonkeyPatch.context() as patch:
        set_s3_environment(patch, s3.url)
        for batch in THREE[:2]:
            append(there, batch)
        append(there, "1-of-3")
        assert seal(there).rows_in == 100
        assert ingest(there).rows_in == 100
        assert append(there, "3-of-3").is_late is True
        assert (seal(there).number, ingest(there).rows_in, manifest(there).revision) == (2, 150, 2)
