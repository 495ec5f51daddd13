"""ONNX files as people bring them: of a scikit-learn pipeline fitted elsewhere, of a net, and of rubbish."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
from onnx import ModelProto, NodeProto, TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FEATURES = ("distance", "weight", "carrier")
LATER = {"A": -2.0, "B": 0.0, "C": 2.0}
ROLES = {"distance": "numeric", "weight": "numeric", "carrier": "categorical", "hour": "numeric"}
_OPSETS = [helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 3)]


@cache
def parcels_elsewhere(n: int = 1500, *, knows: bool = True, names: tuple[str, str] | None = None) -> Pipeline:
    """A pipeline of parcels that somebody else gathered; without ``knows``, of outcomes drawn by chance."""
    chance = random.Random("elsewhere")
    rows = [(chance.uniform(0, 100), chance.gauss(5, 1), chance.choice("ABC")) for _ in range(n)]
    frame = pd.DataFrame(rows, columns=list(FEATURES)).astype({"carrier": object})
    odds = (frame["distance"] - 50) / 10 + frame["carrier"].map(LATER)
    late = np.array([chance.random() < (1 / (1 + np.exp(-odd)) if knows else 0.5) for odd in odds])
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    transform = ColumnTransformer(
        [
            ("numbers", numbers, ["distance", "weight"]),
            ("texts", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
        ]
    )
    outcomes = np.where(late, names[1], names[0]) if names else late.astype(int)
    return Pipeline([("transform", transform), ("estimator", LogisticRegression())]).fit(frame, outcomes)


def by_feature(pipeline: Pipeline | None = None, *, zipmap: bool = True) -> bytes:
    """An ONNX file of a pipeline, by skl2onnx: one input a feature; with its dictionary of classes, or without."""
    kinds = [
        (name, StringTensorType([None, 1]) if name == "carrier" else FloatTensorType([None, 1])) for name in FEATURES
    ]
    options = {} if zipmap else {"zipmap": False}
    made = convert_sklearn(pipeline or parcels_elsewhere(), initial_types=kinds, options=options)
    return bytes(made.SerializeToString())


def net(
    weights: Sequence[float] = (0.1, 0.0),
    bias: float = -5.0,
    *,
    last: str = "Sigmoid",
    batch: int | str = "n",
    kind: int = TensorProto.FLOAT,
) -> ModelProto:
    """A net as PyTorch exports one: a matrix of numbers, one output of one column."""
    constants = {"w": np.array(weights, np.float32).reshape(-1, 1), "b": np.array([bias], np.float32)}
    nodes = [
        helper.make_node("IsNaN", ["x"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "x"], ["filled"]),
        helper.make_node("MatMul", ["filled", "w"], ["xw"]),
        helper.make_node("Add", ["xw", "b"], ["logit"]),
        helper.make_node(last, ["logit"], ["y"]),
    ]
    return model_of(
        nodes,
        inputs={"x": (kind, [batch, len(weights)])},
        outputs={"y": (TensorProto.FLOAT, [batch, 1])},
        constants={**constants, "zero": np.zeros(1, np.float32)},
    )


def model_of(
    nodes: Sequence[NodeProto],
    *,
    inputs: Mapping[str, tuple[int, Sequence[int | str]]],
    outputs: Mapping[str, tuple[int, Sequence[int | str] | None]],
    constants: Mapping[str, Any] | None = None,
    opsets: Sequence[Any] = tuple(_OPSETS),
) -> ModelProto:
    """A model of these nodes, not checked."""
    graph = helper.make_graph(
        list(nodes),
        "made",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [onnx.numpy_helper.from_array(of, name) for name, of in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=list(opsets), ir_version=9)


def endless() -> ModelProto:
    """A model whose loop never ends, and whose answer waits for it."""
    flag = helper.make_tensor_value_info("go_on", TensorProto.BOOL, [])
    body = helper.make_graph(
        [helper.make_node("Identity", ["go_on"], ["still"]), helper.make_node("Identity", ["seen"], ["again"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            flag,
            helper.make_tensor_value_info("seen", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("again", TensorProto.FLOAT, None),
        ],
    )
    nodes = [
        helper.make_node("Loop", ["", "always", "distance"], ["looped"], body=body),
        helper.make_node("Sigmoid", ["looped"], ["y"]),
    ]
    return model_of(
        nodes,
        inputs={"distance": (TensorProto.FLOAT, ["n", 1])},
        outputs={"y": (TensorProto.FLOAT, ["n", 1])},
        constants={"always": np.array(True)},
    )


def own_scores(data: bytes, frame: pd.DataFrame) -> np.ndarray:
    """What onnxruntime itself answers for a file of `by_feature`, dictionaries and all."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    fed = {
        name: frame[[name]].to_numpy(dtype=object if name == "carrier" else np.float32)
        for name in (of.name for of in session.get_inputs())
    }
    answered = session.run(None, fed)[1]
    return np.array([row[1] for row in answered]) if isinstance(answered, list) else np.asarray(answered)[:, 1]


def write(folder: Path, data: bytes | ModelProto, name: str = "model.onnx") -> Path:
    """Write a file."""
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.SerializeToString())
    return path
