from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from ratchet.errors import InputError, MissingSpanError, StoreError
from ratchet_airflow.sensors import span as span_module
from ratchet_airflow.sensors.source import WaitForSourceSensor
from ratchet_airflow.sensors.watch import SenseDriftSensor, SenseQualitySensor, SenseSkewSensor, SenseStalenessSensor
from ratchet_airflow.triggers.span_input import SpanInputTrigger
from tests.factories.loops import run_async
from tests.ratchet_airflow.contexts import make_context

if TYPE_CHECKING:
    from ratchet.project import Project
    from ratchet_airflow.sensors.span import SpanSensor

END = datetime(2024, 3, 2, 5, tzinfo=UTC)  # of New York's first of March


def a_sensor(kind: type[SpanSensor], *, span: str = "2024-03-01", **kwargs: Any) -> Any:
    return kind(task_id="sense", model="parcels", span=span, **kwargs)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set the sensors' clock."""

    def use(now: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
                return now

        monkeypatch.setattr(span_module, "datetime", Clock)

    return use


@pytest.mark.usefixtures("parcels")
class TestWaitForSource:
    def test_a_span_in_the_past_is_not_waited_for(self) -> None:
        done = a_sensor(WaitForSourceSensor).execute(make_context())
        assert done == {
            "span": "2024-03-01",
            "start": "2024-03-01T05:00:00+00:00",
            "end": "2024-03-02T05:00:00+00:00",
        }

    def test_a_span_that_has_not_ended_is_waited_for_in_the_triggerer(self, at: Any) -> None:
        at(END.replace(hour=4, minute=59))
        with pytest.raises(TaskDeferred) as deferred:
            a_sensor(WaitForSourceSensor, poke_interval=30).execute(make_context())
        _, arguments = deferred.value.trigger.serialize()
        assert arguments == {
            "model": "parcels",
            "span": "2024-03-01",
            "awaited": "source",
            "deadline": "2024-03-02T11:00:00+00:00",
            "poll_seconds": 30,
        }
        assert deferred.value.method_name == "execute_complete"

    def test_it_goes_on_when_the_source_is_there(self) -> None:
        done = a_sensor(WaitForSourceSensor).execute_complete(make_context(), {"status": "there"})
        assert done["span"] == "2024-03-01"

    @pytest.mark.parametrize("span", ["", "2024-02-30"])
    def test_it_checks_the_key_of_the_run_first(self, span: str) -> None:
        with pytest.raises(InputError, match="partition key|span key"):
            a_sensor(WaitForSourceSensor, span=span).execute(make_context())


@pytest.mark.usefixtures("parcels")
@pytest.mark.parametrize("kind", [SenseDriftSensor, SenseSkewSensor, SenseQualitySensor])
class TestSensingAValidatedSpan:
    def test_a_night_that_is_over_without_it_fails_at_once(self, kind: type[SpanSensor]) -> None:
        with pytest.raises(MissingSpanError, match="not there by 2024-03-02 11:00 UTC, the deadline of that night"):
            a_sensor(kind).execute(make_context())

    def test_tonight_it_is_waited_for(self, kind: type[SpanSensor], at: Any) -> None:
        at(END)
        with pytest.raises(TaskDeferred):
            a_sensor(kind).execute(make_context())

    def test_a_late_event_fails_and_is_not_retried(self, kind: type[SpanSensor]) -> None:
        with pytest.raises(MissingSpanError, match="Look at the ingest run") as failure:
            a_sensor(kind).execute_complete(make_context(), {"status": "late"})
        assert not failure.value.is_retryable

    def test_a_look_that_failed_is_tried_again(self, kind: type[SpanSensor]) -> None:
        with pytest.raises(StoreError, match="no answer") as failure:
            a_sensor(kind).execute_complete(make_context(), {"status": "error", "words": "no answer"})
        assert failure.value.is_retryable


class TestSensing:
    """Every sensor is done at once when its input is there, also while there is no champion and no label."""

    @pytest.mark.parametrize("kind", [SenseDriftSensor, SenseSkewSensor, SenseQualitySensor, SenseStalenessSensor])
    def test_without_a_champion_it_is_undecided_at_once(self, kind: type[SpanSensor], parcels: Project) -> None:
        from ratchet.spec.loading import load_spec
        from ratchet.steps.ingest_span import ingest_span
        from ratchet.steps.validate_span import validate_span

        spec = load_spec(parcels, "parcels")
        ingest_span(parcels, spec, ["2024-03-01"])
        validate_span(parcels, spec, ["2024-03-01"])
        assert a_sensor(kind).execute(make_context())["verdict"] == "undecided"


@pytest.mark.usefixtures("parcels")
def test_without_deferral_it_looks_on_the_worker(at: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    at(END.replace(hour=4))
    looks = iter([False, False, True])
    monkeypatch.setattr(span_module, "is_there", lambda *_: next(looks))
    sensor = a_sensor(WaitForSourceSensor, deferrable=False, poke_interval=0)
    assert sensor.execute(make_context())["span"] == "2024-03-01"


@pytest.fixture
def parcels_of_files(parcels: Project) -> Project:
    """The model's days come as files, each with a marker."""
    path = parcels.models_path / "parcels" / "spec.yaml"
    block = "delivery: {kind: files, path: '{year}/{span}.csv', complete_marker: '{year}/{span}.done'}"
    path.write_text(path.read_text().replace("delivery: {kind: function, function: source.read_parcels}", block))
    return parcels


def write_file(project: Project, name: str, text: str = "") -> None:
    path = Path(project.data) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


PARCELS_CSV = "parcel_id,sent_at,distance,carrier\n" + "".join(
    f"p{number},2024-03-01T{number % 10 + 8:02}:00:00Z,{number},A\n" for number in range(60)
)


class TestWaitingForFiles:
    """Faults F28 and F29: a file that is late, and one that never comes."""

    def test_from_the_end_of_the_span_until_the_deadline_they_are_waited_for(
        self, parcels_of_files: Project, at: Any
    ) -> None:
        for now in (END, END + timedelta(hours=6, microseconds=-1)):
            at(now)
            with pytest.raises(TaskDeferred):
                a_sensor(WaitForSourceSensor).execute(make_context())
        write_file(parcels_of_files, "2024/2024-03-01.csv", PARCELS_CSV)
        with pytest.raises(TaskDeferred):
            a_sensor(WaitForSourceSensor).execute(make_context())
        write_file(parcels_of_files, "2024/2024-03-01.done")
        assert a_sensor(WaitForSourceSensor).execute(make_context())["span"] == "2024-03-01"

    @pytest.mark.usefixtures("parcels_of_files")
    def test_at_the_deadline_the_task_fails_and_names_what_is_missing(self, at: Any) -> None:
        at(END + timedelta(hours=6))
        with pytest.raises(MissingSpanError) as alarm:
            a_sensor(WaitForSourceSensor).execute(make_context())
        assert str(alarm.value) == (
            "E-SPAN: parcels: the source of 2024-03-01 was not there by 2024-03-02 11:00 UTC, the deadline of that "
            "night. Missing, or still being written: 2024/2024-03-01.csv and 2024/2024-03-01.done. The span counts as "
            "missing, never as empty. Clear this task when the delivery has come."
        )
        assert not alarm.value.is_retryable, "the alarm is not put off by retries"

    def test_a_missing_span_leaves_nothing_that_could_be_taken_for_one(self, parcels_of_files: Project) -> None:
        from ratchet.spec.loading import load_spec
        from ratchet.steps.ingest_span import ingest_span

        with pytest.raises(MissingSpanError, match="There is no file 2024/2024-03-01.csv"):
            ingest_span(parcels_of_files, load_spec(parcels_of_files, "parcels"), ["2024-03-01"])
        assert not (Path(parcels_of_files.home) / "manifests").exists()

    def test_a_late_file_is_processed_when_it_has_come_and_the_task_is_cleared(
        self, parcels_of_files: Project, at: Any
    ) -> None:
        from ratchet.spec.loading import load_spec
        from ratchet.steps.ingest_span import ingest_span

        at(END + timedelta(days=3))
        with pytest.raises(MissingSpanError):
            a_sensor(WaitForSourceSensor).execute(make_context())
        write_file(parcels_of_files, "2024/2024-03-01.csv", PARCELS_CSV)
        write_file(parcels_of_files, "2024/2024-03-01.done")
        assert a_sensor(WaitForSourceSensor).execute(make_context())["span"] == "2024-03-01"
        result = ingest_span(parcels_of_files, load_spec(parcels_of_files, "parcels"), ["2024-03-01"])
        assert (result.rows_in, result.rows_kept) == (60, 60)

    def test_the_champions_age_needs_no_file(self, parcels_of_files: Project, at: Any) -> None:
        at(END)
        assert a_sensor(SenseStalenessSensor).execute(make_context())["verdict"] == "undecided"


def test_the_trigger_fires_when_the_file_comes(parcels_of_files: Project) -> None:
    trigger = SpanInputTrigger(
        model="parcels",
        span="2024-03-01",
        awaited="source",
        deadline="2031-01-01T00:00:00+00:00",
        poll_seconds=0.01,
    )

    async def first_event() -> Any:
        waiting = asyncio.ensure_future(anext(trigger.run()))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        write_file(parcels_of_files, "2024/2024-03-01.csv", PARCELS_CSV)
        write_file(parcels_of_files, "2024/2024-03-01.done")
        return (await asyncio.wait_for(waiting, timeout=30)).payload

    assert run_async(first_event()) == {"status": "there"}
