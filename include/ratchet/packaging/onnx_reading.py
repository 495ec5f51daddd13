"""How a foreign ONNX model is read: which features feed its inputs, and which tensor is the probability.

Either each input is one feature, by its name, or the only input is a matrix whose columns must be named. Numbers are
floats with NaN for missing, categories texts with an empty text for missing. Of its outputs the one of floats is read:
one column is the probability of the outcome, of two that of the class that stands for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.errors import InputError, ModelError
from ratchet.packaging.onnx_file import safe

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto, ValueInfoProto

    from ratchet.spec.features import Role

_FLOATS = (1, 11)  # TensorProto.FLOAT, .DOUBLE
_STRING = 8  # TensorProto.STRING
_ZIPMAP = "ZipMap"
_MOST_OUTCOMES = 2
# For a model of ai.onnx.ml alone: any version that knows Cast.
_CAST_OPSET = 13
# How a class is written that stands for the outcome.
_TRUE = frozenset({"1", "1.0", "true"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxReading:
    """What is fed and what is read.

    ``features`` are in the order of the model's inputs, or of its matrix. ``output`` is the tensor that is read,
    ``column`` which of two columns is the probability; ``words`` say so for a person.
    """

    features: tuple[str, ...]
    output: str
    column: int
    words: str


def read_reading(
    model: ModelProto,
    roles: Mapping[str, Role],
    *,
    columns: Sequence[str] = (),
    output: str | None = None,
    positive: str | None = None,
) -> OnnxReading:
    """Return how a checked model is read by a spec's features.

    Parameters
    ----------
    roles : mapping of str to role
        The features of the spec; a model may read some of them only.
    columns : sequence of str
        The features in the columns of a matrix; needed for one, refused otherwise.
    output : str, optional
        The output that is read; needed where several could be.
    positive : str, optional
        The class that stands for the outcome, as the model names it; needed where it is none of 1 and true.

    Raises
    ------
    InputError
        If something must be said that is not, or is said that does not fit.
    ModelError
        If inputs or outputs are none that the spec's features and a probability could be.
    """
    features = _features(model.graph, roles, tuple(columns))
    tensor, classes = _answer(model.graph, output)
    column = _column(classes, positive)
    named = f"class {safe(classes[column])!r}" if classes else "the outcome"
    return OnnxReading(
        features=features,
        output=tensor,
        column=column,
        words=f"the probability of {named} is read from {safe(tensor)!r}, column {column + 1} if it has two",
    )


def with_one_answer(model: ModelProto, output: str) -> bytes:
    """Return the model's bytes with that tensor, as doubles, as its only output: no dictionary is made of each row.

    Raises
    ------
    ModelError
        If there is no such tensor.
    """
    from onnx import ModelProto, TensorProto, helper

    bare = ModelProto()
    bare.CopyFrom(model)
    graph = bare.graph
    made = {name for node in graph.node for name in node.output}
    if output not in made:
        raise ModelError(f"The model makes no tensor {safe(output)!r}.")
    for node in [node for node in graph.node if node.op_type == _ZIPMAP]:
        graph.node.remove(node)
    answer = f"{output}_as_double"
    while answer in made:
        answer += "_"
    graph.node.append(helper.make_node("Cast", [output], [answer], to=TensorProto.DOUBLE))
    if not any(of.domain in ("", "ai.onnx") for of in bare.opset_import):
        bare.opset_import.append(helper.make_opsetid("", _CAST_OPSET))
    del graph.output[:]
    # Of its shape nothing is said; onnxruntime infers it.
    graph.output.append(helper.make_tensor_value_info(answer, TensorProto.DOUBLE, None))
    return bytes(bare.SerializeToString())


def is_matrix(n_inputs: int, n_features: int, name: str, first: str) -> bool:
    """Say whether a model's first input holds all features at once, and not one."""
    return n_inputs == 1 and (n_features > 1 or name != first)


def _features(graph: GraphProto, roles: Mapping[str, Role], columns: tuple[str, ...]) -> tuple[str, ...]:
    # Before version 4 of the format, weights were listed among the inputs.
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [of for of in graph.input if of.name not in weights]
    if not inputs:
        raise ModelError("The model has no input.")
    _check_batches(inputs)
    if len(inputs) == 1 and (columns or inputs[0].name not in roles):
        return _matrix_features(inputs[0], roles, columns)
    if columns:
        raise InputError(f"--columns name those of a matrix. The model has {len(inputs)} inputs, each by its name.")
    unknown = [safe(of.name) for of in inputs if of.name not in roles]
    if unknown:
        raise ModelError(
            f"The model reads {', '.join(unknown)}, which the spec does not have. Its features: {', '.join(roles)}."
        )
    for of in inputs:
        _check_role(of, roles[of.name], of.name)
        if _width(of) not in (None, 1):
            raise ModelError(f"Input {of.name!r} is one feature and must have one column. It has {_width(of)}.")
    return tuple(of.name for of in inputs)


def _matrix_features(of: ValueInfoProto, roles: Mapping[str, Role], columns: tuple[str, ...]) -> tuple[str, ...]:
    width = _width(of)
    if not columns:
        raise InputError(
            f"The model has one input, {safe(of.name)!r}, a matrix of {width or 'unknown'} columns without names. "
            "Name the feature of each with --columns a,b,c."
        )
    unknown = [safe(name) for name in columns if name not in roles]
    if unknown or len(set(columns)) != len(columns):
        raise InputError(f"--columns must name features of the spec, each once. Got {', '.join(map(safe, columns))}.")
    if width is not None and width != len(columns):
        raise InputError(f"The model's matrix has {width} columns, and --columns names {len(columns)}.")
    for name in columns:
        _check_role(of, roles[name], name)
    return columns


def _check_role(of: ValueInfoProto, role: Role, feature: str) -> None:
    kind = of.type.tensor_type.elem_type if of.type.HasField("tensor_type") else 0
    wanted = _FLOATS if role == "numeric" else (_STRING,)
    if kind not in wanted:
        needed = "float or double, as a number may be missing (NaN)" if role == "numeric" else "string"
        raise ModelError(
            f"Input {safe(of.name)!r} holds {_type_name(kind)}, and {feature!r} is {role}: it must be {needed}. "
            "Convert the model with such an input."
        )


def _check_batches(inputs: Sequence[ValueInfoProto]) -> None:
    for of in inputs:
        dims = of.type.tensor_type.shape.dim
        if dims and dims[0].HasField("dim_value"):
            raise ModelError(
                f"Input {safe(of.name)!r} takes {dims[0].dim_value} row(s) at a time. Export the model with a dynamic "
                "first dimension (dynamic_axes, or None in its initial types)."
            )


def _width(of: ValueInfoProto) -> int | None:
    """Return the columns of an input; 1 for a vector, None for unknown."""
    if not of.type.tensor_type.HasField("shape"):
        return None
    dims = of.type.tensor_type.shape.dim
    if len(dims) == 1:
        return 1
    return int(dims[1].dim_value) if len(dims) == 2 and dims[1].HasField("dim_value") else None


def _type_name(kind: int) -> str:
    from onnx import TensorProto

    return f"tensor({TensorProto.DataType.Name(kind).lower()})" if kind else "no tensor"


def _answer(graph: GraphProto, output: str | None) -> tuple[str, tuple[str, ...]]:
    """Return the tensor that is the answer, and its classes in order; none where the file does not say them."""
    zipped = {node.output[0]: node for node in graph.node if node.op_type == _ZIPMAP}
    found = {of.name: of for of in graph.output}
    able = [name for name, of in found.items() if name in zipped or of.type.tensor_type.elem_type in _FLOATS]
    if output is not None and output not in able:
        raise InputError(f"--output must be an output of probabilities: {_listed(able)}. Got {safe(output)!r}.")
    if not able:
        raise ModelError(f"No output of the model holds probabilities (floats). It has: {_listed(list(found))}.")
    if output is None and len(able) > 1:
        raise InputError(f"Several outputs could be the probability: {_listed(able)}. Name it with --output.")
    chosen = output or able[0]
    if chosen not in zipped:
        _check_width(found[chosen])
    node = zipped.get(chosen)
    classes = _labels(node) if node is not None else _classes(graph)
    if len(classes) not in (0, _MOST_OUTCOMES):
        raise ModelError(f"The model tells {len(classes)} classes apart. The label has two: true and false.")
    return (node.input[0] if node is not None else chosen), classes


def _check_width(of: ValueInfoProto) -> None:
    width = _width(of)
    if width is not None and width not in (1, _MOST_OUTCOMES):
        raise ModelError(
            f"Output {safe(of.name)!r} has {width} columns. It must have one, the probability of the outcome, or two, "
            "those of both classes."
        )


def _column(classes: tuple[str, ...], positive: str | None) -> int:
    # Where the file does not name them, they count by position, as scikit-learn orders them.
    known = classes or ("0", "1")
    if positive is not None:
        if positive not in known:
            raise InputError(
                f"--positive must be one of the model's classes: {_listed(known)}. Got {safe(positive)!r}."
            )
        return known.index(positive)
    meant = [index for index, label in enumerate(known) if label.lower() in _TRUE]
    if len(meant) != 1:
        raise InputError(f"Which class stands for the outcome: {_listed(known)}? Say it with --positive.")
    return meant[0]


def _classes(graph: GraphProto) -> tuple[str, ...]:
    """Return the classes that the graph's classifier names; none where it names none, or several disagree."""
    named = {labels for node in graph.node if (labels := _labels(node))}
    return named.pop() if len(named) == 1 else ()


def _labels(node: NodeProto) -> tuple[str, ...]:
    return tuple(_label_texts(node))


def _label_texts(node: NodeProto) -> Iterator[str]:
    for attribute in node.attribute:
        if attribute.name.startswith("classlabels_"):
            yield from (text.decode(errors="replace") for text in attribute.strings)
            yield from map(str, attribute.ints)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(safe(name) for name in names) or "none"
