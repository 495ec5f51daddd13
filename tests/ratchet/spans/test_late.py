"""Late rows are taken into the span of their event time, once, whatever happens on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ratchet.errors import DataError
from ratchet.project import Project
from ratchet.spans.ingestion import ingest_examples
from ratchet.spans.manifests import ManifestStore, SpanManifest
from ratchet.spans.reading import read_table
from ratchet.spans.records import REASON
from ratchet.spans.writing import read_quarantined
from tests.factories.models import CALENDAR, Model, day, make_model
from tests.factories.processes import killed_at, race

SOURCE = """
from datetime import datetime
import json
from pathlib import Path
import polars as pl

UTC = pl.Datetime("us", "UTC")

def read_rows(window):
    rows = json.loads(Path(__file__).with_name("rows.json").read_text())[window.key]
    frame = pl.DataFrame(rows, schema={"parcel_id": pl.String, "sent_at": pl.String, "distance": pl.Float64})
    return frame.with_columns(
        pl.col("sent_at").str.to_datetime("%+", time_unit="us", time_zone="UTC"),
        weight=pl.lit(5.0), carrier=pl.lit("A"), depot=pl.lit("north"),
    )
"""
Row = tuple[str, int, float]


@pytest.fixture
def model(project: Project) -> Model:
    return make_late(project)


def make_late(project: Project) -> Model:
    model = make_model(
        project,
        changes={
            "source.delivery.function": "rows.read_rows",
            "source.max_quarantined": 0.9,
            "source.rows": {"late": "own_span"},
            "features.slices": ["depot"],
        },
    )
    (model.path / "rows.py").write_text(SOURCE)
    return model


def deliver(model: Model, **spans: list[Row]) -> None:
    """Let the source deliver rows: the entity, the day that it was sent on, and its distance."""
    import json

    path = model.path / "rows.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    for name, rows in spans.items():
        said = [
            (entity, (CALENDAR.bounds(day(number))[0] + timedelta(hours=1)).isoformat(), distance)
            for entity, number, distance in rows
        ]
        known[day(int(name[1:]))] = [dict(zip(("parcel_id", "sent_at", "distance"), row, strict=True)) for row in said]
    path.write_text(json.dumps(known))


def ingest(model: Model, *numbers: int) -> list[SpanManifest]:
    return ingest_examples(model.project, model.spec, [day(number) for number in numbers])


def ingest_and_say(model: Model, *numbers: int) -> list[tuple[int, str]]:
    return [(one.revision, one.delivery) for one in ingest(model, *numbers)]


def kept(model: Model, *numbers: int) -> list[str]:
    frame = read_table(model.project, model.id, "examples", [day(number) for number in numbers])
    return sorted(frame["parcel_id"])


def newest(model: Model, number: int) -> SpanManifest:
    found = ManifestStore(model.store, model.id, "examples").newest(day(number))
    assert found is not None
    return found


def all_rows(model: Model, *numbers: int) -> list[str]:
    """Every row that is held, kept or quarantined."""
    found = kept(model, *numbers)
    for number in numbers:
        manifest = newest(model, number)
        if manifest.rows_quarantined:
            found += read_quarantined(model.project, model.id, "examples", manifest)["parcel_id"].to_list()
    return sorted(found)


class TestLateRows:
    def test_make_a_new_revision_of_their_own_span_and_are_counted_on_both(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0), ("b", 1, 2.0)], d2=[("c", 2, 3.0), ("d", 1, 4.0), ("e", 1, 5.0)])
        (first,) = ingest(model, 1)
        (second,) = ingest(model, 2)
        late = newest(model, 1)
        assert (kept(model, 1), kept(model, 2)) == (["a", "b", "d", "e"], ["c"])
        assert (second.rows_in, second.rows_kept, second.moved_to) == (3, 1, {day(1): 2})
        assert (late.revision, late.rows_in, late.rows_kept, late.moved_from) == (2, 2, 4, {day(2): 2})
        assert (late.delivered, late.delivery != first.delivery) == (first.delivered, True)
        assert late.reason == f"late rows delivered with {day(2)}"

    def test_of_a_repeated_delivery_are_not_doubled(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0)], d2=[("c", 2, 3.0), ("d", 1, 4.0)])
        ingest(model, 1, 2)
        before = model.objects()
        ingest(model, 2)
        ingest(model, 1, 2)
        assert model.objects() == before

    def test_of_a_corrected_delivery_replace_those_it_brought_before(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0)], d2=[("c", 2, 3.0), ("d", 1, 4.0)])
        ingest(model, 1)
        ingest(model, 2)
        deliver(model, d2=[("c", 2, 3.0), ("e", 1, 4.0)])
        ingest(model, 2)
        assert kept(model, 1) == ["a", "e"]
        deliver(model, d2=[("c", 2, 3.0)])
        ingest(model, 2)
        assert kept(model, 1) == ["a"]
        # And so the span is what its own delivery made of it.
        assert newest(model, 1).delivery == newest(model, 1).delivered

    def test_stay_when_their_span_is_delivered_again(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0)], d2=[("c", 2, 3.0), ("d", 1, 4.0)])
        ingest(model, 1)
        ingest(model, 2)
        deliver(model, d1=[("b", 1, 1.0)])
        ingest(model, 1)
        assert kept(model, 1) == ["b", "d"]
        assert newest(model, 1).moved_from == {day(2): 1}

    def test_that_contradict_a_row_there_quarantine_both_until_they_are_withdrawn(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0), ("b", 1, 1.0)], d2=[("c", 2, 3.0), ("a", 1, 9.0)])
        ingest(model, 1)
        ingest(model, 2)
        assert kept(model, 1) == ["b"]
        assert newest(model, 1).quarantine_reasons == {"parcel_id stands for rows that differ": 2}
        deliver(model, d2=[("c", 2, 3.0)])
        ingest(model, 2)
        assert kept(model, 1) == ["a", "b"]

    def test_that_are_there_already_change_nothing_there(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0)], d2=[("c", 2, 3.0), ("a", 1, 1.0)])
        ingest(model, 1)
        (second,) = ingest(model, 2)
        assert (newest(model, 1).revision, second.quarantine_reasons) == (1, {"parcel_id is delivered twice": 1})

    def test_of_a_span_that_was_never_taken_in_or_is_yet_to_come_are_quarantined(self, model: Model):
        deliver(model, d2=[("c", 2, 3.0), ("a", 1, 1.0), ("z", 3, 1.0)])
        (second,) = ingest(model, 2)
        assert second.quarantine_reasons == {"sent_at is outside the span": 2}
        assert second.moved_to == {}

    def test_of_a_first_load_are_placed_within_it(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0)], d2=[("c", 2, 3.0), ("d", 1, 4.0)], d3=[("f", 3, 1.0), ("e", 2, 1.0)])
        found = ingest(model, 1, 2, 3)
        assert [one.revision for one in found] == [1, 1, 1]
        assert (kept(model, 1), kept(model, 2), kept(model, 3)) == (["a", "d"], ["c", "e"], ["f"])

    def test_that_spoil_their_span_refuse_the_delivery(self, model: Model):
        model.edit({"source.max_quarantined": 0.3})
        deliver(model, d1=[("a", 1, 1.0), ("b", 1, 1.0)], d2=[("c", 2, 3.0), ("a", 1, 9.0), ("b", 1, 9.0)])
        ingest(model, 1)
        with pytest.raises(DataError, match=f"With the late rows of span {day(1)}: 4 of 4 rows"):
            ingest(model, 2)
        assert kept(model, 1) == ["a", "b"]

    def test_are_quarantined_unless_the_spec_says_otherwise(self, model: Model):
        model.edit({"source.rows": {}})
        deliver(model, d1=[("a", 1, 1.0)], d2=[("c", 2, 3.0), ("d", 1, 4.0)])
        ingest(model, 1)
        (second,) = ingest(model, 2)
        assert (second.quarantine_reasons, newest(model, 1).revision) == ({"sent_at is outside the span": 1}, 1)


class TestKilled:
    @pytest.mark.parametrize("point", ["before_rows", "before_manifest", "between_manifests"])
    def test_anywhere_the_rerun_loses_and_doubles_nothing(self, model: Model, point: str):
        deliver(
            model,
            d1=[("a", 1, 1.0), ("b", 1, 1.0)],
            d2=[("c", 2, 3.0), ("d", 1, 4.0), ("a", 1, 9.0)],
        )
        ingest(model, 1)
        killed_at(f"ingest.{point}", ingest, model, 2)
        ingest(model, 2)
        assert all_rows(model, 1, 2) == ["a", "a", "b", "c", "d"]
        assert kept(model, 1) == ["b", "d"]
        before = model.objects()
        ingest(model, 1, 2)
        assert model.objects() == before


class TestRaces:
    def test_two_deliveries_with_late_rows_for_one_span_both_reach_it(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0)], d2=[("c", 2, 3.0), ("d", 1, 4.0)], d3=[("f", 3, 3.0), ("e", 1, 4.0)])
        ingest(model, 1)
        answers = race(*((ingest_and_say, (model, number), {}) for number in (2, 3)))
        assert all(isinstance(answer, list) for answer in answers), answers
        assert (kept(model, 1), kept(model, 2), kept(model, 3)) == (["a", "d", "e"], ["c"], ["f"])
        assert newest(model, 1).moved_from == {day(2): 1, day(3): 1}

    def test_the_same_span_twice_at_once_is_taken_in_once(self, model: Model):
        deliver(model, d1=[("a", 1, 1.0)], d2=[("c", 2, 3.0), ("d", 1, 4.0)])
        ingest(model, 1)
        first, second = race(*((ingest_and_say, (model, 2), {}) for _ in range(2)))
        assert first == second
        assert (kept(model, 1), newest(model, 1).moved_from) == (["a", "d"], {day(2): 1})


DELIVERIES = st.lists(
    st.tuples(
        st.integers(1, 3),
        st.lists(
            st.tuples(st.sampled_from("abcd"), st.integers(1, 3), st.sampled_from([1.0, 2.0])), min_size=1, max_size=4
        ),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(DELIVERIES)
def test_whatever_is_delivered_in_whatever_order_every_row_of_the_newest_deliveries_is_there_once(
    tmp_path_factory: pytest.TempPathFactory, deliveries: list[tuple[int, list[Row]]]
):
    root = tmp_path_factory.mktemp("walk")
    (root / "models").mkdir()
    project = Project.from_environment({"RATCHET_HOME": str(root / "home"), "RATCHET_MODELS": str(root / "models")})
    model = make_late(project)
    model.edit({"source.max_quarantined": 1.0})
    last: dict[int, list[Row]] = {}
    for number, rows in deliveries:
        deliver(model, **{f"d{number}": rows})
        ingest(model, number)
        last[number] = rows
    numbers = sorted(last)
    expected = sorted(entity for rows in last.values() for entity, _, _ in rows)
    assert all_rows(model, *numbers) == expected
    frame = read_table(model.project, model.id, "examples", [day(number) for number in numbers])
    assert frame.select("span", "parcel_id").is_unique().all()
    for span, sent_at in frame.select("span", "sent_at").iter_rows():
        assert CALENDAR.containing(sent_at) == span
    assert_never_lost(model, numbers)


def assert_never_lost(model: Model, numbers: list[int]) -> None:
    found: dict[str, Any] = {day(number): newest(model, number) for number in numbers}
    for span, manifest in found.items():
        for origin, n in manifest.moved_from.items():
            assert found[origin].moved_to[span] == n
    held = pl.concat(
        [read_quarantined(model.project, model.id, "examples", one) for one in found.values() if one.rows_quarantined]
        or [pl.DataFrame({REASON: []}, schema={REASON: pl.String})],
        how="diagonal_relaxed",
    )
    assert held[REASON].null_count() == 0
