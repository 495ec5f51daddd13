from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ratchet.project import Project
from ratchet.spec.model import ModelSpec
from ratchet.steps.results import StepFolder, StepKey, StepResult, read_object, read_result, run_once
from ratchet.storage.objects import ObjectMissingError, open_store
from tests.factories.models import parcels_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(StepResult):
    pairs: tuple[tuple[str, int], ...]
    note: str | None = None


def key(spec: ModelSpec | None = None, **changes: object) -> StepKey:
    values = {"step": "count", "version": 1, "sections": ("train",), "span": "2024-03-01", "inputs": {"rows": 3}}
    return StepKey(spec=spec or parcels_spec(), **{**values, **changes})  # type: ignore[arg-type]


def count(folder: StepFolder) -> Counted:
    return Counted(
        model="parcels", span="2024-03-01", verdict="pass", words="counted", uri=folder.uri, pairs=(("a", 1), ("b", 2))
    )


class TestNames:
    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"step": "sum"}, id="step"),
            pytest.param({"version": 2}, id="version"),
            pytest.param({"span": "2024-03-02"}, id="span"),
            pytest.param({"inputs": {"rows": 4}}, id="inputs"),
            pytest.param({"sections": ("train", "label")}, id="sections"),
            pytest.param({"spec": parcels_spec({"train.seed": 1})}, id="a-section-that-the-step-reads"),
        ],
    )
    def test_follow_from_what_a_step_is_made_from(self, changes: dict[str, object]):
        assert key(**changes).folder_name() != key().folder_name()

    def test_do_not_follow_from_a_section_that_it_does_not_read(self):
        assert key(parcels_spec({"owner": "others", "evaluate.floor": 0.9})).folder_name() == key().folder_name()

    def test_do_not_follow_from_the_order_of_the_inputs(self):
        assert key(inputs={"a": 1, "b": 2}).folder_name() == key(inputs={"b": 2, "a": 1}).folder_name()

    def test_are_below_the_step_s_own_folder_and_begin_with_the_span(self):
        assert key().folder_name().startswith("runs/parcels/count/2024-03-01-")


class TestOnce:
    def test_a_rerun_computes_nothing_and_answers_the_same(self, project: Project):
        first = run_once(project, key(), Counted, count)
        kept = open_store(project.home).list("")
        assert run_once(project, key(), Counted, lambda folder: pytest.fail("computed twice")) == first
        assert open_store(project.home).list("") == kept

    def test_what_it_was_made_from_is_written_beside_it(self, project: Project):
        result = run_once(project, key(), Counted, count)
        record = json.loads(read_object(project, result.uri))
        assert (record["schema_version"], record["step"], record["step_version"]) == (1, "count", 1)
        assert record["inputs"] == {"rows": 3}
        assert {"commit", "lock", "scikit-learn"} <= set(record["provenance"])

    def test_of_two_that_compute_at_once_the_one_written_first_is_the_result_of_both(self, project: Project):
        def count_after_another(folder: StepFolder) -> Counted:
            run_once(project, key(), Counted, count)
            return Counted(model="parcels", span="x", verdict="fail", words="late", uri=folder.uri, pairs=())

        assert run_once(project, key(), Counted, count_after_another).words == "counted"

    def test_one_that_fails_leaves_no_result(self, project: Project):
        def fail(folder: StepFolder) -> Counted:
            folder.write("report.txt", "half of it")
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            run_once(project, key(), Counted, fail)
        assert run_once(project, key(), Counted, count).words == "counted"


class TestValues:
    def test_survive_json_with_their_tuples(self, project: Project):
        result = run_once(project, key(), Counted, count)
        assert Counted.from_json(json.loads(json.dumps(result.to_json()))) == result
        assert read_result(project, result.uri, Counted) == result

    def test_of_a_later_version_are_read_without_the_fields_unknown_here(self, project: Project):
        result = run_once(project, key(), Counted, count)
        assert Counted.from_json({**result.to_json(), "later": 1}) == result

    def test_are_named_relative_to_the_home_which_may_be_moved(self, project: Project):
        result = run_once(project, key(), Counted, count)
        assert result.uri == f"{key().folder_name()}/result.json"
        moved = replace(project, home=str(Path(project.home).rename(Path(project.home).with_name("elsewhere"))))
        assert read_result(moved, result.uri, Counted) == result
        # An earlier version wrote them down whole.
        assert read_result(moved, f"{project.home}/{result.uri}", Counted) == result
        assert read_result(moved, f"{moved.home}/{result.uri}", Counted) == result

    def test_outside_of_the_home_are_not_read(self, project: Project):
        with pytest.raises(ValueError, match="is not below the home"):
            read_object(project, "/etc/passwd")
        with pytest.raises(ValueError, match="is not below the home"):
            read_object(project, f"{project.home}-other/x")

    @pytest.mark.parametrize("name", ["../models/parcels/spec.yaml", "runs/../../secret"])
    def test_are_not_reached_by_a_path_that_climbs(self, project: Project, name: str):
        with pytest.raises((ValueError, ObjectMissingError)):
            read_object(project, f"{project.home}/{name}")
