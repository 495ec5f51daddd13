"""Which features feed a foreign model, and which of its answers is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper

from ratchet.errors import InputError, ModelError
from ratchet.packaging.onnx_file import parse_onnx
from ratchet.packaging.onnx_reading import OnnxReading, read_reading
from ratchet.packaging.onnx_session import OnnxSession
from tests.factories.onnx_models import ROLES, by_feature, model_of, net, parcels_elsewhere

FLOAT, DOUBLE, TEXT, INTEGER = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.STRING, TensorProto.INT64


def reading(model: ModelProto | bytes, **said: Any) -> OnnxReading:
    data = model if isinstance(model, bytes) else model.SerializeToString()
    return read_reading(parse_onnx(data), ROLES, **said)  # type: ignore[arg-type]


def answers(width: int | None, *, kind: int = FLOAT, names: Sequence[str] = ("y",)) -> ModelProto:
    """A model whose outputs have so many columns each; None: not said."""
    shape = ["n", "k" if width is None else width]
    nodes = [helper.make_node("Tile", ["distance", "times"], [f"{name}f"]) for name in names]
    nodes += [helper.make_node("Cast", [f"{name}f"], [name], to=kind) for name in names]
    return model_of(
        nodes,
        inputs={"distance": (FLOAT, ["n", 1])},
        outputs=dict.fromkeys(names, (kind, shape)),
        constants={"times": np.array([1, width or 2])},
    )


def fed(inputs: Mapping[str, tuple[int, Sequence[int | str]]]) -> ModelProto:
    """A model of such inputs, which answers a half."""
    first = next(iter(inputs))
    nodes = [
        helper.make_node("Shape", [first], ["rows"], end=1),
        helper.make_node("Concat", ["rows", "one"], ["shape"], axis=0),
        helper.make_node("Expand", ["half", "shape"], ["y"]),
    ]
    constants = {"half": np.full((1, 1), 0.5, np.float32), "one": np.array([1])}
    return model_of(nodes, inputs=inputs, outputs={"y": (FLOAT, ["n", 1])}, constants=constants)


class TestInputs:
    def test_each_input_is_the_feature_of_its_name_and_some_may_be_left_out(self):
        assert reading(by_feature()).features == ("distance", "weight", "carrier")

    @pytest.mark.parametrize("shape", [["n", 1], ["n"]], ids=["column", "vector"])
    @pytest.mark.parametrize("kind", [FLOAT, DOUBLE])
    def test_floats_and_doubles_of_one_column_or_a_vector_are_fed(self, kind: int, shape: list[int | str]):
        model = fed({"distance": (kind, shape), "carrier": (TEXT, shape)})
        found = reading(model)
        assert found.features == ("distance", "carrier")
        session = OnnxSession(model.SerializeToString(), found.features, output=found.output, column=found.column)
        columns = {"distance": np.array([1.0, np.nan]), "carrier": np.array(["A", ""], dtype=object)}
        assert session.scores(columns).tolist() == [0.5, 0.5]

    def test_an_input_that_is_no_feature_is_refused_with_those_that_are(self):
        model = fed({"distance": (FLOAT, ["n", 1]), "is_late": (FLOAT, ["n", 1])})
        with pytest.raises(ModelError, match="reads is_late, which the spec does not have. Its features: distance"):
            reading(model)

    @pytest.mark.parametrize(
        ("name", "kind", "words"),
        [
            ("distance", INTEGER, "int64.*numeric: it must be float or double"),
            ("distance", TEXT, "string.*numeric: it must be float"),
            ("carrier", FLOAT, "float.*categorical: it must be string"),
        ],
    )
    def test_an_input_of_another_type_than_its_role_is_refused(self, name: str, kind: int, words: str):
        with pytest.raises(ModelError, match=words):
            reading(fed({name: (kind, ["n", 1]), "hour": (FLOAT, ["n", 1])}))

    def test_a_feature_of_two_columns_is_refused(self):
        with pytest.raises(ModelError, match="must have one column. It has 2"):
            reading(fed({"distance": (FLOAT, ["n", 2]), "hour": (FLOAT, ["n", 1])}))

    def test_a_fixed_number_of_rows_is_refused(self):
        with pytest.raises(ModelError, match=r"takes 1 row\(s\) at a time"):
            reading(net(batch=1), columns=("distance", "hour"))

    def test_the_columns_of_a_matrix_must_be_named_in_full_and_be_features(self):
        assert reading(net(), columns=("hour", "distance")).features == ("hour", "distance")
        for columns, words in (
            ((), "matrix of 2 columns without names"),
            (("distance",), "has 2 columns, and --columns names 1"),
            (("distance", "hour", "weight"), "names 3"),
            (("distance", "distance"), "each once"),
            (("distance", "speed"), "must name features"),
        ):
            with pytest.raises(InputError, match=words):
                reading(net(), columns=columns)
        with pytest.raises(ModelError, match="'carrier' is categorical"):
            reading(net(), columns=("distance", "carrier"))

    def test_columns_of_a_model_without_a_matrix_are_refused(self):
        with pytest.raises(InputError, match="The model has 3 inputs, each by its name"):
            reading(by_feature(), columns=("distance",))


class TestAnswers:
    @pytest.mark.parametrize("zipmap", [True, False])
    def test_of_two_classes_that_of_the_outcome_is_read(self, zipmap: bool):
        found = reading(by_feature(zipmap=zipmap))
        assert (found.output, found.column) == ("probabilities", 1)
        assert "class '1'" in found.words

    def test_classes_that_do_not_say_which_is_the_outcome_must_be_told(self):
        data = by_feature(parcels_elsewhere(names=("late", "on time")))
        with pytest.raises(InputError, match="Which class stands for the outcome: late, on time"):
            reading(data)
        assert reading(data, positive="late").column == 0
        assert reading(data, positive="on time").column == 1
        with pytest.raises(InputError, match="must be one of the model's classes"):
            reading(data, positive="1")

    def test_more_than_two_classes_are_refused(self):
        names = ["a", "b", "c"]
        node = helper.make_node("ZipMap", ["y"], ["zipped"], domain="ai.onnx.ml", classlabels_strings=names)
        model = answers(3)
        model.graph.node.append(node)
        model.graph.output[0].CopyFrom(helper.make_value_info(
            "zipped",
            helper.make_sequence_type_proto(helper.make_map_type_proto(TEXT, helper.make_tensor_type_proto(FLOAT, []))),
        ))  # fmt: skip
        with pytest.raises(ModelError, match="tells 3 classes apart"):
            reading(model)

    @pytest.mark.parametrize(("width", "column"), [(1, 1), (2, 1), (None, 1)])
    def test_one_or_two_columns_without_names_are_read_by_their_place(self, width: int | None, column: int):
        assert reading(answers(width)).column == column
        assert reading(answers(width), positive="0").column == 0

    def test_three_columns_are_refused_and_integers_too(self):
        with pytest.raises(ModelError, match="has 3 columns"):
            reading(answers(3))
        with pytest.raises(ModelError, match="No output of the model holds probabilities"):
            reading(answers(1, kind=INTEGER))

    def test_of_several_outputs_one_must_be_named(self):
        model = answers(1, names=("y", "z"))
        with pytest.raises(InputError, match="Several outputs could be the probability: y, z"):
            reading(model)
        assert reading(model, output="z").output == "z"
        with pytest.raises(InputError, match="must be an output of probabilities"):
            reading(model, output="label")


class TestSession:
    def scores(self, model: ModelProto, values: Sequence[float]) -> list[float]:
        found = reading(model)
        session = OnnxSession(model.SerializeToString(), found.features, output=found.output, column=found.column)
        return session.scores({"distance": np.array(values)}).tolist()

    @pytest.mark.parametrize(
        ("answered", "score"),
        [(1 + 5e-7, 1.0), (-5e-7, 0.0), (1 + 2e-6, 1 + 2e-6), (-2e-6, -2e-6), (0.25, 0.25), (2.0, 2.0)],
    )
    def test_what_rounding_puts_beyond_the_ends_is_the_end_and_nothing_else_is_touched(self, answered, score):
        assert self.scores(answers(1), [answered]) == pytest.approx([score], rel=1e-6, abs=2e-8)

    @pytest.mark.parametrize(("kind", "score"), [(DOUBLE, 0.1), (FLOAT, 0.10000000149011612)])
    def test_doubles_keep_their_digits_zipped_or_not(self, kind: int, score: float):
        model = answers(1, kind=kind)
        assert self.scores(model, [score]) == pytest.approx([0.10000000149011612])
        half = helper.make_node("Mul", ["y", "tenth"], ["z"])
        model.graph.node.append(half)
        model.graph.initializer.append(helper.make_tensor("tenth", kind, [1], [0.1]))
        model.graph.output[0].name = "z"
        assert self.scores(model, [1.0]) == [score]
        model.graph.node.append(
            helper.make_node("ZipMap", ["z"], ["zipped"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
        )
        row = helper.make_map_type_proto(INTEGER, helper.make_tensor_type_proto(FLOAT, []))
        model.graph.output[0].CopyFrom(helper.make_value_info("zipped", helper.make_sequence_type_proto(row)))
        assert self.scores(model, [1.0]) == [score]

    def test_a_model_of_machine_learning_operators_alone_is_read(self):
        node = helper.make_node("Binarizer", ["distance"], ["y"], domain="ai.onnx.ml", threshold=0.5)
        model = model_of(
            [node],
            inputs={"distance": (FLOAT, ["n", 1])},
            outputs={"y": (FLOAT, ["n", 1])},
            opsets=[helper.make_opsetid("ai.onnx.ml", 3)],
        )
        assert self.scores(model, [0.4, 0.6]) == [0.0, 1.0]

    def test_nan_and_infinity_are_answered_as_they_are(self):
        first, second = self.scores(answers(1), [np.nan, np.inf])
        assert np.isnan(first)
        assert second == np.inf

    def test_an_answer_that_is_not_one_a_row_is_refused(self):
        model = answers(None)
        model.graph.initializer[0].CopyFrom(helper.make_tensor("times", INTEGER, [2], [1, 5]))
        with pytest.raises(ModelError, match=r"answer has the shape \(3, 5\)"):
            self.scores(model, [1.0, 2.0, 3.0])

    def test_it_works_on_one_thread(self, monkeypatch: pytest.MonkeyPatch):
        import onnxruntime

        seen = []

        class Watched(onnxruntime.InferenceSession):
            def __init__(self, data: bytes, options: Any, **kwargs: Any) -> None:
                seen.append((options.intra_op_num_threads, options.inter_op_num_threads, kwargs["providers"]))
                super().__init__(data, options, **kwargs)

        monkeypatch.setattr(onnxruntime, "InferenceSession", Watched)
        self.scores(answers(1), [0.5])
        assert seen == [(1, 1, ["CPUExecutionProvider"])]
