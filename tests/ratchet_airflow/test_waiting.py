from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ratchet.project import Project
from ratchet_airflow.runs import read_run
from ratchet_airflow.waiting import Wait, is_there, night_of

DEADLINE = datetime(2024, 3, 2, 11, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("there", "now", "answer"),
    [
        pytest.param(True, DEADLINE - MOMENT, "there", id="in-time"),
        pytest.param(True, DEADLINE + timedelta(days=999), "there", id="in-the-past-is-never-late"),
        pytest.param(False, DEADLINE - MOMENT, "wait", id="just-before"),
        pytest.param(False, DEADLINE, "late", id="at-the-deadline"),
    ],
)
def test_a_wait_ends_when_it_is_there_or_at_the_deadline(there: bool, now: datetime, answer: str) -> None:
    assert Wait(deadline=DEADLINE).judge(is_there=there, now=now) == answer


def test_a_night_ends_some_hours_after_its_local_day(parcels: Project) -> None:
    # New York's first of March ends at 05:00 UTC; the spec waits six hours.
    assert night_of(read_run("parcels", "2024-03-01")) == Wait(deadline=DEADLINE)


def test_the_source_can_be_asked_from_the_end_of_the_span_on(parcels: Project) -> None:
    run, end = read_run("parcels", "2024-03-01"), datetime(2024, 3, 2, 5, tzinfo=UTC)
    assert [is_there("source", run, now) for now in (end - MOMENT, end)] == [False, True]


def test_a_span_counts_once_its_newest_revision_is_validated(parcels: Project) -> None:
    from ratchet.identity import ModelId
    from ratchet.spans.manifests import ManifestStore
    from ratchet.steps.ingest_span import ingest_span
    from ratchet.storage.objects import open_store

    run, now = read_run("parcels", "2024-03-01"), datetime(2030, 1, 1, tzinfo=UTC)
    assert not is_there("validated_span", run, now)
    ingest_span(run.project, run.spec, [run.span])
    assert not is_there("validated_span", run, now)
    ManifestStore(open_store(run.project.home), ModelId("parcels"), "examples").mark_validated(run.span, 1, "x")
    assert is_there("validated_span", run, now)
