"""An ONNX model in memory that answers probabilities: onnxruntime on one thread, without its plug-ins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.errors import ModelError
from ratchet.packaging.onnx_file import parse_onnx, safe
from ratchet.packaging.onnx_reading import is_matrix, with_one_answer

if TYPE_CHECKING:
    from numpy.typing import NDArray

Columns = Mapping[str, "NDArray[Any]"]

# 0.1 as a float differs from 0.1 as a double by 1.5e-9: a hundred trees that sum to 1 sum to 1.0000001.
_ROUNDING = 1e-6
_SILENT = 4
_KINDS = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(string)": object}


class OnnxSession:
    """Scores columns of features: floats with NaN for missing, texts with an empty text for missing.

    Parameters
    ----------
    data : bytes
        The file; it is checked again, whoever hands it over.
    features : sequence of str
        In the order of the inputs, or of the matrix that is the only input.
    output : str
        The tensor that is read.
    column : int
        Which of two columns is the probability of the outcome.

    Raises
    ------
    ModelError
        If the model is refused, or onnxruntime cannot run it.
    """

    def __init__(self, data: bytes, features: Sequence[str], *, output: str, column: int) -> None:
        import onnxruntime

        bare = with_one_answer(parse_onnx(data), output)
        options = onnxruntime.SessionOptions()
        # A server has many requests for its cores, and sums must not depend on how many there are.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = _SILENT
        try:
            self._session = onnxruntime.InferenceSession(bare, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001  # onnxruntime's errors share no other base
            raise ModelError(f"onnxruntime cannot run the model: {safe(str(error))}") from None
        self._features, self._column = tuple(features), column
        inputs = self._session.get_inputs()
        self._kinds = {of.name: _KINDS[of.type] for of in inputs}
        first = inputs[0].name
        self._matrix = first if is_matrix(len(inputs), len(self._features), first, self._features[0]) else None
        self._flat = {of.name for of in inputs if len(of.shape) == 1}

    def scores(self, columns: Columns) -> NDArray[np.float64]:
        """Return what the model answers for each row: NaN and all, for the caller to judge.

        Raises
        ------
        ModelError
            If it fails, or its answer is not one probability a row, or two.
        """
        try:
            answered = np.asarray(self._session.run(None, self._feed(columns))[0])
        except Exception as error:  # noqa: BLE001  # as above; its message may quote a value
            raise ModelError(f"The model failed on its rows with {type(error).__name__}.") from None
        n = len(columns[self._features[0]])
        if answered.shape == (n, 2):
            answered = answered[:, self._column]
        elif answered.shape not in ((n,), (n, 1)):
            raise ModelError(
                f"The model must answer one probability for each of {n} rows, or those of both classes. "
                f"Its answer has the shape {answered.shape}."
            )
        scores = answered.reshape(n).astype(np.float64)
        nearest = np.clip(scores, 0, 1)
        return np.where(np.abs(nearest - scores) <= _ROUNDING, nearest, scores)

    def _feed(self, columns: Columns) -> dict[str, NDArray[Any]]:
        if self._matrix is not None:
            kind = self._kinds[self._matrix]
            return {self._matrix: np.column_stack([columns[name].astype(kind) for name in self._features])}
        fed = {name: columns[name].astype(self._kinds[name]) for name in self._features}
        return {name: values if name in self._flat else values.reshape(-1, 1) for name, values in fed.items()}
