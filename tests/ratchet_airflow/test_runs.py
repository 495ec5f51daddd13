from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ratchet.errors import InputError, SpecError
from ratchet.identity import ModelId
from ratchet.project import Project
from ratchet_airflow.assets import candidate_asset, span_asset
from ratchet_airflow.runs import author_of, plain, read_run, triggering_extra
from tests.ratchet_airflow.contexts import an_event, make_context


def test_a_run_without_a_partition_key_says_how_to_give_one(parcels: Project) -> None:
    with pytest.raises(InputError, match="Advanced Options > Partition Key"):
        read_run("parcels", "")


@pytest.mark.parametrize("key", ["yesterday", "2024-02-30", "20240301", "2024-03-01T00:00:00", "None", "../etc"])
def test_a_key_that_is_no_span_is_refused(parcels: Project, key: str) -> None:
    with pytest.raises(InputError, match="A span key must be a date"):
        read_run("parcels", key)


def test_an_unknown_model_is_named(parcels: Project) -> None:
    with pytest.raises(SpecError, match="did you mean 'parcels'"):
        read_run("parcel", "2024-03-01")


class TestSpansSince:
    def test_no_first_span_is_the_run_alone(self, parcels: Project) -> None:
        assert read_run("parcels", "2024-03-03").spans_since("") == ["2024-03-03"]

    def test_a_first_span_is_the_whole_range(self, parcels: Project) -> None:
        assert read_run("parcels", "2024-03-02").spans_since("2024-02-28") == [
            "2024-02-28",
            "2024-02-29",
            "2024-03-01",
            "2024-03-02",
        ]

    def test_a_first_span_after_the_run_is_refused(self, parcels: Project) -> None:
        with pytest.raises(InputError, match="first_span must not be after the run's span 2024-03-02"):
            read_run("parcels", "2024-03-02").spans_since("2024-03-03")


class TestAuthorOf:
    def test_a_run_that_airflow_started_is_the_service(self) -> None:
        author = author_of(make_context(dag_id="parcels__train"))
        assert (author.kind, author.name) == ("service", "airflow/parcels__train")

    def test_a_run_that_a_person_triggered_is_that_person(self) -> None:
        author = author_of(make_context(user="alice"))
        assert (author.kind, author.name) == ("person", "alice")


class TestTriggeringExtra:
    def test_the_newest_event_counts(self) -> None:
        asset = span_asset(ModelId("parcels"))
        context = make_context(events=[an_event(asset, {"n": 2}, hour=2), an_event(asset, {"n": 1}, hour=1)])
        assert triggering_extra(context, asset) == {"n": 2}

    def test_events_of_other_assets_do_not(self) -> None:
        model = ModelId("parcels")
        context = make_context(events=[an_event(candidate_asset(model), {"n": 1})])
        assert triggering_extra(context, span_asset(model)) is None

    def test_a_manual_run_has_none(self) -> None:
        assert triggering_extra(make_context(), span_asset(ModelId("parcels"))) is None


def test_what_xcom_keeps_holds_lists_for_tuples() -> None:
    result: Any = SimpleNamespace(to_json=lambda: {"spans": ("a", "b"), "deep": (("a", 1),)})
    assert plain(result) == {"spans": ["a", "b"], "deep": [["a", 1]]}
