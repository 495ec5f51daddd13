from __future__ import annotations

import asyncio
import importlib
import inspect
import json
from collections.abc import Iterator
from pkgutil import walk_packages
from typing import Any, get_args, get_type_hints

import pytest
from airflow.triggers.base import BaseTrigger

import ratchet_airflow.triggers
from ratchet.errors import StoreError
from ratchet.project import Project
from ratchet_airflow.triggers import span_input
from ratchet_airflow.triggers.span_input import SpanInputTrigger
from ratchet_airflow.waiting import Awaited
from tests.factories.loops import run_async


def every_trigger() -> Iterator[type[BaseTrigger]]:
    for module in walk_packages(ratchet_airflow.triggers.__path__, "ratchet_airflow.triggers."):
        for value in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(value) and issubclass(value, BaseTrigger) and value.__module__ == module.name:
                yield value


def made_up(kind: type[BaseTrigger]) -> dict[str, Any]:
    """A value of the right type for each argument, none of them a default."""
    values: dict[Any, Any] = {str: "2031-05-06T07:00:00+00:00", float: 12.5, int: 7, bool: True}
    hints = get_type_hints(kind.__init__)
    names = list(inspect.signature(kind).parameters)
    return {name: values.get(hints[name]) or get_args(hints[name])[-1] for name in names}


def test_there_is_a_trigger_to_find() -> None:
    assert SpanInputTrigger in set(every_trigger())


@pytest.mark.parametrize("kind", list(every_trigger()))
class TestEveryTrigger:
    def test_survives_its_serialization(self, kind: type[BaseTrigger]) -> None:
        arguments = made_up(kind)
        path, kept = kind(**arguments).serialize()
        assert kept == arguments
        module, _, name = path.rpartition(".")
        again = getattr(importlib.import_module(module), name)(**json.loads(json.dumps(kept)))
        assert again.serialize() == (path, kept)

    def test_takes_no_argument_that_it_does_not_know(self, kind: type[BaseTrigger]) -> None:
        with pytest.raises(TypeError, match="unexpected keyword argument 'poll_intervall'"):
            kind(**made_up(kind), poll_intervall=3)


def events_of(trigger: BaseTrigger) -> list[Any]:
    async def collect() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return run_async(asyncio.wait_for(collect(), timeout=30))


def waiting_for(span: str, awaited: Awaited, *, deadline: str = "2031-01-01T00:00:00+00:00") -> SpanInputTrigger:
    return SpanInputTrigger(model="parcels", span=span, awaited=awaited, deadline=deadline, poll_seconds=0.001)


@pytest.mark.usefixtures("parcels")
class TestSpanInputTrigger:
    def test_an_input_that_is_there_is_told_once(self) -> None:
        assert events_of(waiting_for("2024-03-01", "source")) == [{"status": "there"}]

    def test_a_deadline_that_is_over_is_told_once(self) -> None:
        late = waiting_for("2024-03-01", "validated_span", deadline="2024-03-02T11:00:00+00:00")
        assert events_of(late) == [{"status": "late"}]

    def test_it_looks_again_until_the_input_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        looks = iter([False, False, True])
        monkeypatch.setattr(span_input, "is_there", lambda *_: next(looks))
        assert events_of(waiting_for("2024-03-01", "validated_span")) == [{"status": "there"}]
        assert list(looks) == []

    def test_a_store_that_is_down_is_told_in_words(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def down(*_: object) -> bool:
            raise StoreError("no answer")

        monkeypatch.setattr(span_input, "is_there", down)
        assert events_of(waiting_for("2024-03-01", "source")) == [{"status": "error", "words": "E-STORE: no answer"}]

    def test_looking_does_not_hold_up_other_triggers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import threading

        threads: list[threading.Thread] = []
        monkeypatch.setattr(span_input, "is_there", lambda *_: threads.append(threading.current_thread()) or True)
        events_of(waiting_for("2024-03-01", "source"))
        assert threads != [threading.main_thread()]


def test_a_project_is_found_by_the_triggerer(parcels: Project) -> None:
    assert Project.from_environment() == parcels
