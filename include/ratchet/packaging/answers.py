"""What a model answers, by the kind of its label: the one place where a pipeline is asked and its answer read.

========== ============== ===================================================================
kind       shape          what
========== ============== ===================================================================
binary     (n,)           probability of the outcome
regression (n,)           the predicted number
multiclass (n, n_classes) probability of each class, in the order of ``label.classes``
========== ============== ===================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratchet.errors import PredictionsError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from ratchet.spec.label import Label, LabelKind

# Probabilities of 32 bits, each rounded by itself, do not add up to 1 exactly.
_SUM_TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerForm:
    """What a model answers: the kind of its label, and of a multiclass one the classes in order."""

    kind: LabelKind = "binary"
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.classes) != (self.kind == "multiclass"):
            raise ValueError(f"A multiclass label has classes, and no other one has. Got {self.kind}: {self.classes}.")

    @classmethod
    def of(cls, label: Label) -> AnswerForm:
        """Return what a model of this label answers."""
        return cls(kind=label.kind, classes=label.classes or ())


BINARY = AnswerForm()


def raw_answers(pipeline: Pipeline, matrix: object, form: AnswerForm = BINARY) -> NDArray[np.float64]:
    """Return the answers as they come, NaN and all, for each row of a matrix (see `to_matrix`).

    Raises
    ------
    PredictionsError
        If the model answers another number of rows or classes.
    """
    n_rows = len(matrix)  # type: ignore[arg-type]  # a pandas.DataFrame, which this module does not import
    shape = (n_rows, len(form.classes)) if form.kind == "multiclass" else (n_rows,)
    if n_rows == 0:
        return np.empty(shape)
    if form.kind == "regression":
        answered = np.asarray(pipeline.predict(matrix), dtype=np.float64)
    else:
        answered = np.asarray(pipeline.predict_proba(matrix), dtype=np.float64)
        answered = answered[:, 1] if form.kind == "binary" else answered
    if answered.shape != shape:
        raise PredictionsError(
            f"A {form.kind} model must answer an array of shape {shape}. It answered one of {answered.shape}."
        )
    return answered


def check_answers(answered: NDArray[np.float64], form: AnswerForm) -> NDArray[np.float64]:
    """Return the answers, once they are known to be sound.

    Raises
    ------
    PredictionsError
        If a predicted number is not finite, a probability not in [0, 1], or those of an example do not add up to 1.
    """
    is_number = form.kind == "regression"
    wrong = ~np.isfinite(answered) if is_number else ~((answered >= 0) & (answered <= 1))
    if wrong.any():
        what = "predicted number must be finite" if is_number else "score must be a number in [0, 1]"
        raise PredictionsError(
            f"Every {what}. {int(wrong.sum())} of {answered.size} are not; the first is {float(answered[wrong][0])!r}."
        )
    if form.kind == "multiclass":
        sums = answered.sum(axis=1)
        uneven = np.abs(sums - 1) > _SUM_TOLERANCE
        if uneven.any():
            raise PredictionsError(
                f"The probabilities of all classes must add up to 1. Those of {int(uneven.sum())} of {len(sums)} "
                f"examples do not; the first add up to {float(sums[uneven][0])!r}."
            )
    return answered


def leading_scores(answered: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return one score an example, of shape (n_examples,): of several classes the probability of the likeliest."""
    return answered if answered.ndim == 1 else answered.max(axis=1)


def likeliest(answered: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the place of the likeliest class of each example; of equal ones the first."""
    return np.asarray(answered.argmax(axis=1), dtype=np.intp)
