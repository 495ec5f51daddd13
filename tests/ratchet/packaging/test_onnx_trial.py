"""A foreign model is tried in a process of its own: it may not hang, eat the memory, or bring this one down."""

from __future__ import annotations

import time

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from ratchet.errors import ModelError
from ratchet.packaging import onnx_trial
from ratchet.packaging.onnx_trial import try_model
from tests.factories.onnx_models import by_feature, model_of, net

ROWS = ({"distance": 40.0, "hour": 3.0}, {"distance": 60.0, "hour": 3.0}, {"distance": None, "hour": None})
ROLES = {"distance": "numeric", "hour": "numeric"}


def tried(model: ModelProto, **bounds: float) -> tuple[float, ...]:
    return try_model(model.SerializeToString(), ROWS, ROLES, output="y", column=1, **bounds)  # type: ignore[arg-type]


def matrix_model(*nodes: object, **constants: object) -> ModelProto:
    return model_of(
        nodes,  # type: ignore[arg-type]
        inputs={"x": (TensorProto.FLOAT, ["n", 2])},
        outputs={"y": (TensorProto.FLOAT, ["n", 1])},
        constants={"last": np.array([[0.0], [1.0]], np.float32), **constants},
    )


def grinding() -> ModelProto:
    """A model without any loop, whose answer takes minutes: a large matrix times itself, again and again."""
    size = 1500
    made = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "size"], ["m0"]),
        *(helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"m{i + 1}"]) for i in range(2000)),
        helper.make_node("ReduceMax", ["m2000"], ["top"], keepdims=0),
        helper.make_node("MatMul", ["x", "last"], ["xw"]),
        helper.make_node("Mul", ["xw", "top"], ["y"]),
    ]
    return matrix_model(*made, size=np.array([size, size]))


def swelling() -> ModelProto:
    """A model that asks for 40 GB."""
    made = [
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "size"], ["large"]),
        helper.make_node("ReduceMax", ["large"], ["top"], keepdims=0),
        helper.make_node("MatMul", ["x", "last"], ["xw"]),
        helper.make_node("Mul", ["xw", "top"], ["y"]),
    ]
    return matrix_model(*made, size=np.array([100_000, 100_000]))


def looking_around() -> ModelProto:
    """A model that holds each row against the largest beside it."""
    made = [
        helper.make_node("MatMul", ["x", "first"], ["xw"]),
        helper.make_node("ReduceMax", ["xw"], ["top"], keepdims=0),
        helper.make_node("Div", ["xw", "top"], ["of"]),
        helper.make_node("IsNaN", ["of"], ["missing"]),
        helper.make_node("Where", ["missing", "half", "of"], ["y"]),
    ]
    return matrix_model(*made, first=np.array([[1.0], [0.0]], np.float32), half=np.array([0.5], np.float32))


def test_a_model_that_takes_too_long_is_stopped():
    started = time.monotonic()
    with pytest.raises(ModelError, match="did not answer within 1 seconds"):
        tried(grinding(), seconds=1)
    assert time.monotonic() - started < 20


def test_a_model_that_needs_too_much_memory_is_refused():
    with pytest.raises(ModelError, match="failed on its rows|memory"):
        tried(swelling())


def test_answers_that_depend_on_other_rows_are_refused():
    with pytest.raises(ModelError, match="depends on the rows beside it"):
        tried(looking_around())


def test_what_is_no_probability_is_refused_below_zero_and_above_one():
    # -0.1, 1.9 and, where all is missing, -4.1.
    with pytest.raises(ModelError, match="does not for 3 of 3 tried: row 1 gets -0.0999"):
        tried(net((0.1, 0.0), -4.1, last="Identity"))


def test_a_model_that_cannot_take_a_missing_value_is_told_to_impute():
    model = matrix_model(helper.make_node("MatMul", ["x", "last"], ["xw"]), helper.make_node("Sigmoid", ["xw"], ["y"]))
    with pytest.raises(ModelError, match="row 3 gets nan, in which everything is missing: let the model impute"):
        tried(model)


def test_a_model_that_kills_its_process_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(onnx_trial.sys, "executable", "/bin/false")
    with pytest.raises(ModelError, match=r"brought down the process it was tried in \(exit 1\)"):
        try_model(by_feature(), ROWS, ROLES, output="y", column=1)  # type: ignore[arg-type]


def test_sound_rows_are_scored_in_a_process_that_sees_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    seen = []
    sound = onnx_trial.subprocess.run

    def run(*args: object, **kwargs: object) -> object:
        seen.append(kwargs["env"])
        return sound(*args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr(onnx_trial.subprocess, "run", run)
    expected = [1 / (1 + np.exp(-(0.1 * distance - 5))) for distance in (40, 60, 0)]
    assert tried(net()) == pytest.approx(expected, abs=1e-6)
    assert set(seen[0]) <= {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "SYSTEMROOT", "OMP_NUM_THREADS"}
