"""A version is made again from what was recorded of it, or it is said why not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ratchet.errors import InputError
from ratchet.ledger.entries import Author
from ratchet.spans.reading import read_table
from ratchet.steps import reproduce as module
from ratchet.steps.erase import erase
from ratchet.steps.night import take_in
from ratchet.steps.reproduce import ReproduceResult, reproduce
from ratchet.training.recipe import Surroundings
from ratchet.training.registry import bounded
from tests.factories.lives import LOADED, Life, try_candidate
from tests.factories.models import Model, at, day, days


def again(model: Model, version: str = "1") -> ReproduceResult:
    return reproduce(model.project, model.spec, version)


def change_hour(model: Model) -> None:
    path = model.path / "features.py"
    path.write_text(path.read_text().replace("dt.hour()", "dt.minute()"))


def test_the_same_data_code_and_libraries_make_the_same_bytes(life: Life):
    model = life("gated")
    found = again(model)
    assert (found.verdict, found.equality, found.largest, found.differing) == ("pass", "bits", 0.0, ())
    assert found.digest == model.ledger.read_state().candidate.digest
    assert again(model) == found


def test_a_spec_changed_since_and_data_corrected_since_do_not_matter(life: Life):
    model = life("champion")
    before = read_table(model.project, model.id, "examples", [day(5)])
    model.deliver(day(5), farther=10.0)
    assert take_in(model.project, model.spec, [day(5)], done=lambda name, result: None)
    after = read_table(model.project, model.id, "examples", [day(5)])
    assert before["distance"].sum() < after["distance"].sum()
    model.edit({"train.parameters": {"C": 0.001}, "train.seed": 9})
    assert again(model).equality == "bits"


def test_functions_that_differ_are_named_first(life: Life):
    model = life("champion")
    change_hour(model)
    (model.project.models_path / "requirements.lock").write_text("numpy==1\n")
    found = again(model)
    assert (found.verdict, found.equality) == ("fail", "different")
    assert found.largest is not None
    assert found.largest > module.TOLERANCE
    assert found.differing[0] == "the functions of the model folder"
    assert "the first input that differs is the functions of the model folder" in found.words
    assert any(words.startswith("the lock of the libraries (then none, now ") for words in found.differing)


def test_what_differs_is_told_even_when_the_model_comes_out_the_same(life: Life):
    model = life("champion")
    (model.project.models_path / "requirements.lock").write_text("numpy==1\n")
    found = again(model)
    assert (found.verdict, found.equality) == ("pass", "bits")
    assert "differs by now: the lock of the libraries" in found.words


@pytest.mark.parametrize(("moved", "verdict"), [(0.9e-9, "pass"), (1.1e-9, "fail")])
def test_scores_may_differ_by_the_tolerance_and_no_more(life: Life, monkeypatch, moved: float, verdict: str):
    model = life("champion")
    monkeypatch.setattr(module, "_is_same", lambda *_: False)
    sound, calls = module.score, []

    def score(pipeline, matrix, form):
        calls.append(pipeline)
        return sound(pipeline, matrix, form) + (moved if len(calls) == 1 else 0.0)

    monkeypatch.setattr(module, "score", score)
    found = again(model)
    assert len(calls) == 2
    assert (found.verdict, found.equality) == (verdict, "tolerance" if verdict == "pass" else "different")
    assert found.largest == pytest.approx(moved, rel=1e-3)
    if verdict == "fail":
        assert "no recorded input" in found.words


def test_data_that_is_gone_is_the_first_input_that_differs(life: Life):
    model = life("champion")
    shutil.rmtree(Path(model.project.home, "tables/parcels/examples", f"span={day(5)}"))
    found = again(model)
    assert (found.verdict, found.equality) == ("fail", None)
    assert "the first input that differs is the data" in found.words


def test_a_version_trained_on_an_entity_that_was_erased_says_since_which_entry(life: Life):
    model = life("champion")
    author = Author(kind="person", name="ada")
    erased = erase(model.project, model.spec, f"{day(5)}-0007", author=author, at=at(day(LOADED)))
    found = again(model)
    assert found.verdict == "undecided"
    assert f"not reproducible since entry {erased.entry}" in found.words


def test_a_version_that_there_is_none_of(life: Life):
    with pytest.raises(InputError, match="has no version '7' that was trained here. There are: 1"):
        again(life("gated"), "7")


def test_a_training_of_an_earlier_version_has_no_recipe(life: Life):
    model = life("gated")
    path = next(Path(model.project.home).glob("runs/parcels/train/*/result.json"))
    values = json.loads(path.read_text())
    del values["result"]["recipe_uri"]
    path.chmod(0o644)
    path.write_text(json.dumps(values))
    found = again(model)
    assert (found.verdict, found.words) == (
        "undecided",
        "version 1: no recipe was kept: it was trained by an earlier version of Ratchet",
    )


def test_differences_are_told_the_closest_to_the_model_first():
    then = Surroundings(
        functions="a", models_commit="b" * 40, code_commit=None, lock="c", versions={"python": "3.11", "numpy": "2.0"}
    )
    now = Surroundings(
        functions="a", models_commit="b" * 40 + "+dirty", code_commit="d", lock="c", versions={"python": "3.12"}
    )
    assert list(then.differences(then)) == []
    assert list(then.differences(now)) == [
        f"the commit of the model folders (then {'b' * 12}, now {'b' * 12}+dirty)",
        "the commit of Ratchet (then none, now d)",
        "python (then 3.11, now 3.12)",
        "numpy (then 2.0, now None)",
    ]
    assert then.digest != now.digest


class TestWhatIsLogged:
    """The run of a training in MLflow."""

    def test_data_environment_time_memory_and_no_cost_without_a_rate(self, life: Life):
        model = life("gated")
        with bounded(model.project.tracking_uri) as client:
            run = client.get_run(model.ledger.read_state().candidate.run_id)
        datasets = {item.dataset.name: item.dataset for item in run.inputs.dataset_inputs}
        assert set(datasets) == {"examples", "ground_truth"}
        source = json.loads(datasets["examples"].source)
        assert source["uri"] == "tables/parcels/examples"
        assert set(source["versions"]) == set(days(3, 9))
        assert source["newest_version"] == max(source["versions"].values())
        metrics = run.data.metrics
        assert 0 < metrics["cpu_seconds"] <= 4 * metrics["duration_seconds"] + 1
        assert metrics["peak_memory_mb"] > 50
        assert "estimated_cost" not in metrics
        assert len(run.data.tags["ratchet.environment"]) == 64

    def test_a_rate_makes_a_cost_of_cpu_time(self, life: Life):
        from dataclasses import replace

        model = life("loaded")
        model = replace(model, project=replace(model.project, cpu_hour_rate=3600.0))
        gate = try_candidate(model, day(LOADED), "cold_start")
        with bounded(model.project.tracking_uri) as client:
            metrics = client.get_run(gate.candidate_run_id).data.metrics
        assert metrics["estimated_cost"] == pytest.approx(metrics["cpu_seconds"], abs=0.001)
