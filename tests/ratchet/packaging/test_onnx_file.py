"""What a foreign ONNX file may hold, and what is refused before anything of it runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper

from ratchet.errors import InputError, ModelError
from ratchet.packaging.onnx_file import MAX_BYTES, parse_onnx, read_onnx, safe
from tests.factories.onnx_models import by_feature, endless, model_of, net

ROWS = ["n", 1]


def one(node: object, **more: object) -> ModelProto:
    return model_of(
        [node],  # type: ignore[list-item]
        inputs={"distance": (TensorProto.FLOAT, ROWS)},
        outputs={"y": (TensorProto.FLOAT, ROWS)},
        **more,  # type: ignore[arg-type]
    )


def nested(node: object) -> ModelProto:
    """A node inside a branch of an If."""
    inner = helper.make_graph([node], "inner", [], [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)])
    return one(
        helper.make_node("If", ["yes"], ["y"], then_branch=inner, else_branch=inner), constants={"yes": np.array(True)}
    )


def outside(model: ModelProto) -> ModelProto:
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    return model


class TestReading:
    @pytest.mark.parametrize("size", [1, 100], ids=["one-byte", "at-the-bound"])
    def test_a_file_up_to_the_bound_is_read(self, tmp_path: Path, size: int):
        path = tmp_path / "model.onnx"
        path.write_bytes(b"x" * size)
        assert read_onnx(path, max_bytes=100) == b"x" * size

    @pytest.mark.parametrize("size", [0, 101], ids=["empty", "one-above"])
    def test_an_empty_or_larger_one_is_not(self, tmp_path: Path, size: int):
        path = tmp_path / "model.onnx"
        path.write_bytes(b"x" * size)
        with pytest.raises(InputError, match=f"It has {size}; it was not read"):
            read_onnx(path, max_bytes=100)

    def test_two_gigabytes_are_refused_at_once(self, tmp_path: Path):
        path = tmp_path / "model.onnx"
        with path.open("wb") as file:
            file.truncate(2_000_000_000)
        with pytest.raises(InputError, match=f"must have 1 to {MAX_BYTES} bytes"):
            read_onnx(path)

    def test_a_folder_or_nothing_is_no_file(self, tmp_path: Path):
        for path in (tmp_path, tmp_path / "none.onnx"):
            with pytest.raises(InputError, match="There is no file"):
                read_onnx(path)


class TestParsing:
    @pytest.mark.parametrize("zipmap", [True, False])
    def test_a_converted_pipeline_and_a_net_are_sound(self, zipmap: bool):
        assert parse_onnx(by_feature(zipmap=zipmap)).graph.input
        assert parse_onnx(net().SerializeToString()).graph.input

    @pytest.mark.parametrize("cut", [2, 3], ids=["half", "third"])
    def test_a_file_that_is_cut_short_is_refused(self, cut: int):
        data = by_feature()
        with pytest.raises(ModelError, match="cut short|no ONNX model|checker"):
            parse_onnx(data[: len(data) // cut])

    @pytest.mark.parametrize("data", [b"", b"hello", b"\x80\x04\x95"], ids=["nothing", "text", "pickle"])
    def test_what_is_no_model_is_refused(self, data: bytes):
        with pytest.raises(ModelError, match="no ONNX model"):
            parse_onnx(data)

    def test_data_beside_the_file_is_refused_also_within_a_branch(self):
        with pytest.raises(ModelError, match="lies in another file"):
            parse_onnx(outside(net()).SerializeToString())
        tensor = helper.make_tensor("far", TensorProto.FLOAT, [1], [1.0])
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights.bin")
        within = nested(helper.make_node("Constant", [], ["out"], value=tensor))
        with pytest.raises(ModelError, match="'far' lies in another file"):
            parse_onnx(within.SerializeToString())

    def test_operators_of_others_are_refused_also_within_a_branch(self):
        foreign = helper.make_node("Steal", ["distance"], ["y"], domain="com.evil")
        with pytest.raises(ModelError, match=r"beyond the ONNX standard: com\.evil\.Steal"):
            parse_onnx(one(foreign).SerializeToString())
        within = nested(helper.make_node("Steal", ["distance"], ["out"], domain="com.microsoft"))
        with pytest.raises(ModelError, match=r"com\.microsoft\.Steal"):
            parse_onnx(within.SerializeToString())

    def test_functions_of_its_own_are_refused(self):
        model = one(helper.make_node("Sigmoid", ["distance"], ["y"]))
        own = helper.make_function("mine", "F", ["a"], ["b"], [helper.make_node("Identity", ["a"], ["b"])], [])
        model.functions.append(own)
        with pytest.raises(ModelError, match="functions of its own"):
            parse_onnx(model.SerializeToString())

    def test_a_loop_is_refused_also_within_a_branch(self):
        with pytest.raises(ModelError, match="nothing says that it ends"):
            parse_onnx(endless().SerializeToString())
        loop = endless().graph.node[0]
        loop.output[0] = "out"
        with pytest.raises(ModelError, match="nothing says that it ends"):
            parse_onnx(nested(loop).SerializeToString())

    def test_the_newest_operator_set_is_taken_and_the_next_one_is_not(self):
        newest = onnx.defs.onnx_opset_version()
        node = helper.make_node("Sigmoid", ["distance"], ["y"])
        assert parse_onnx(one(node, opsets=[helper.make_opsetid("", newest)]).SerializeToString())
        with pytest.raises(ModelError, match=f"operator set {newest + 1}, and {newest} is the newest"):
            parse_onnx(one(node, opsets=[helper.make_opsetid("", newest + 1)]).SerializeToString())

    def test_what_the_checker_refuses_is_refused(self):
        with pytest.raises(ModelError, match="checker refuses"):
            parse_onnx(one(helper.make_node("Sigmoid", ["nowhere"], ["y"])).SerializeToString())


def test_names_of_the_file_are_shown_in_one_short_line():
    assert safe("a\nb\x1b[31m") == "a b [31m"
    assert safe("x" * 120) == "x" * 120
    assert safe("x" * 121) == "x" * 120 + "..."
