"""A foreign ONNX file, checked before anything in it runs: what it is made of, and that it is whole and stands alone.

What is refused, and why: data beside the file (whoever writes it chooses a path of ours), operators and functions of
its own (code that nobody reviewed), loops without a bound (a request that never ends).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ratchet.errors import InputError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

# What a card names as the estimator of an imported model, the file of its package, and what its scores depend on.
IMPORTED, ONNX_FILE, ONNX_LIBRARIES = "onnx", "model.onnx", ("onnx", "onnxruntime")

MAX_BYTES = 200_000_000
# The operators that onnxruntime brings for the ONNX standard; an empty domain is ai.onnx.
_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_ENDLESS = "Loop"
_SHOWN = 120


def read_onnx(path: Path, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Return the bytes of a file of at most ``max_bytes`` (included); a larger one is not read at all.

    Raises
    ------
    InputError
        If there is no such file, it is empty, or too large.
    """
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    size = path.stat().st_size
    if not 0 < size <= max_bytes:
        raise InputError(f"{path.name} must have 1 to {max_bytes} bytes. It has {size}; it was not read.")
    with path.open("rb") as file:
        # One more than may be: a file that grew meanwhile is not taken cut off.
        data = file.read(max_bytes + 1)
    if len(data) != size:
        raise InputError(f"{path.name} changed while it was read. Import it when it is whole.")
    return data


def parse_onnx(data: bytes) -> ModelProto:
    """Return the checked model in these bytes; nothing of it is run.

    Raises
    ------
    ModelError
        If it is no whole ONNX model, needs files or operators that it does not bring, or may never end.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise ModelError(f"The file is no ONNX model, or is cut short: {error}") from None
    if not model.graph.node or not model.opset_import:
        raise ModelError("The file holds no ONNX model: it has no operator, or names no operator set.")
    _check_standalone(model)
    _check_operators(model)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ModelError(f"The ONNX checker refuses the model: {safe(str(error))}") from None
    return model


def safe(text: str) -> str:
    """Return a name or message of the file as it may be shown: one line, printable, not endless."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}..."


def _check_standalone(model: ModelProto) -> None:
    from onnx import TensorProto

    for tensor in _tensors(model.graph):
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise ModelError(
                f"Tensor {safe(tensor.name)!r} lies in another file. A model must stand alone: save it with its "
                "weights inside (onnx.save_model(..., save_as_external_data=False))."
            )
    if model.functions:
        raise ModelError(
            f"The model defines functions of its own ({safe(model.functions[0].name)}). Export it without them: "
            "inline them (onnx.inliner.inline_local_functions)."
        )


def _check_operators(model: ModelProto) -> None:
    import onnx

    for imported in model.opset_import:
        newest = {"": onnx.defs.onnx_opset_version, "ai.onnx": onnx.defs.onnx_opset_version}.get(imported.domain)
        if newest is not None and imported.version > newest():
            raise ModelError(
                f"The model is of operator set {imported.version}, and {newest()} is the newest known here. "
                f"Export it for {newest()} or an older one (target_opset)."
            )
    foreign = sorted({f"{node.domain}.{node.op_type}" for node in _nodes(model.graph) if node.domain not in _DOMAINS})
    if foreign:
        raise ModelError(
            f"The model uses operators beyond the ONNX standard: {safe(', '.join(foreign))}. "
            "Only those of ai.onnx and ai.onnx.ml are run."
        )
    if any(node.op_type == _ENDLESS for node in _nodes(model.graph)):
        raise ModelError("The model holds a Loop, and nothing says that it ends. Export it unrolled, or with Scan.")


def _nodes(graph: GraphProto) -> Iterator[NodeProto]:
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in _graphs(attribute):
                yield from _nodes(inner)


def _graphs(attribute: AttributeProto) -> Iterator[GraphProto]:
    if attribute.HasField("g"):
        yield attribute.g
    yield from attribute.graphs


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in (
                *([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []),
                *attribute.sparse_tensors,
            ):
                yield from (sparse.values, sparse.indices)
            for inner in _graphs(attribute):
                yield from _tensors(inner)
