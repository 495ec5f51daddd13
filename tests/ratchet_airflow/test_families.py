"""What every operator and every sensor owes, over all that the DAGs use."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest

from ratchet.project import Project
from ratchet.spec.loading import load_spec
from ratchet_airflow.pipelines.building import build_model
from tests.ratchet_airflow.make import make_model

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    models_path: Path = tmp_path_factory.mktemp("models")
    make_model(models_path)
    project = Project(home="/nowhere", models_path=models_path, tracking_uri="sqlite://")
    return [task for dag in build_model(load_spec(project, "parcels")).values() for task in dag.tasks]


def arguments(kind: type) -> dict[str, inspect.Parameter]:
    """The arguments that our own classes add to those of Airflow."""
    own = [base for base in kind.__mro__ if base.__module__.startswith("ratchet_airflow.") and "__init__" in vars(base)]
    found = [inspect.signature(base.__init__).parameters for base in own]  # type: ignore[misc]
    return {name: one for each in found for name, one in each.items() if name not in ("self", "kwargs")}


def test_arguments_are_keyword_only(tasks: list[Any]) -> None:
    for task in tasks:
        kinds = {one.kind for one in arguments(type(task)).values()}
        assert kinds == {inspect.Parameter.KEYWORD_ONLY}, type(task)


def test_the_docstring_lists_every_argument_and_says_which_are_templated(tasks: list[Any]) -> None:
    for task in tasks:
        told = dict(re.findall(r":param (\w+): (.*?)(?=\n\s*:param|\Z)", inspect.getdoc(type(task)) or "", re.DOTALL))
        assert told.keys() == arguments(type(task)).keys(), type(task)
        templated = {name for name, words in told.items() if words.rstrip().endswith("(templated)")}
        assert templated == set(task.template_fields), type(task)


def test_the_constructor_only_assigns(tasks: list[Any]) -> None:
    for task in tasks:
        assert all(hasattr(task, name) for name in arguments(type(task))), type(task)


def test_every_task_names_its_span_by_the_partition_key(tasks: list[Any]) -> None:
    assert {task.span for task in tasks} == {"{{ partition_key or '' }}"}


def test_nothing_of_a_model_but_its_name_is_fixed_when_the_file_is_parsed(tasks: list[Any]) -> None:
    assert {task.model for task in tasks} == {"parcels"}
