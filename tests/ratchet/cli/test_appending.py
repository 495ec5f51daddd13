from __future__ import annotations

import pytest

from ratchet.project import Project
from ratchet.steps.append_batch import append_batch
from ratchet.steps.night import take_in
from ratchet.steps.results import StepResult
from tests.factories.models import BATCHES, Model, day, make_model
from tests.ratchet.cli.conftest import Ratchet, assert_told


@pytest.fixture
def model(project: Project) -> Model:
    return make_model(project, changes=BATCHES)


def test_batches_are_appended_and_sealed_by_hand(ratchet: Ratchet, model: Model):
    for _ in range(2):
        answer = ratchet(model, "append", "parcels", day(1), "1-of-2")
        told = f"parcels {day(1)} 1-of-2: 75 rows; {day(1)} holds 1 batches, 75 rows\n"
        assert (answer.code, answer.out) == (0, told)
    answer = ratchet(model, "seal", "parcels", day(1))
    assert (answer.code, answer.out.split("; ")[:2]) == (
        0,
        [f"parcels {day(1)}: seal 1: 1 batches, 75 rows", "75 rows in, 75 kept, 0 quarantined"],
    )
    assert "sealed without this one" in ratchet(model, "append", "parcels", day(1), "2-of-2").out
    assert "seal 2: 2 batches, 150 rows; 150 rows in" in ratchet(model, "seal", "parcels", day(1)).out


@pytest.mark.parametrize("arguments", [("append", "parcels", "x", "b"), ("append", "parcels", day(1), "../b")])
def test_what_is_no_span_or_batch_is_refused(ratchet: Ratchet, model: Model, arguments: tuple[str, ...]):
    assert_told(ratchet(model, *arguments), "E-INPUT", "must be")


def test_a_night_of_an_open_span_seals_it_first(model: Model):
    append_batch(model.project, model.spec, day(1), "1-of-1")
    done: dict[str, StepResult] = {}
    assert take_in(model.project, model.spec, [day(1)], done=done.__setitem__)
    assert list(done) == ["seal_span", "ingest_span", "compute_statistics", "validate_ground_truth", "validate_span"]


def test_check_names_a_function_of_batches_that_is_missing(ratchet: Ratchet, model: Model):
    model.edit({"source.arrival.batches": "source.read_baches"})
    answer = ratchet(model, "check", "parcels")
    assert answer.code == 1
    assert "Did you mean 'read_batch'?" in answer.out
