from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import TaskDeferred

from ratchet.errors import InputError, MissingSpanError, StoreError
from ratchet_airflow.sensors import span as span_module
from ratchet_airflow.sensors.source import WaitForSourceSensor
from ratchet_airflow.sensors.watch import SenseDriftSensor, SenseQualitySensor, SenseSkewSensor, SenseStalenessSensor
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
