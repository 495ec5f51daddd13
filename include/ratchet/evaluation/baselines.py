"""The two baselines that need no fitted model, the dummy and the business rule, in the shape in which a model answers.

The dummy answers what is known without a feature: the share of positives, the share of each class, or the mean (the
median or a quantile, where that is what the loss asks for). The rule answers the same of the training examples on the
example's side of its bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.errors import EmptyDataError
from ratchet.training.losses import RMSE

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.spec.label import Label
    from ratchet.spec.objective import Rule
    from ratchet.training.losses import Loss


def dummy_answers(train_labels: NDArray[Any], label: Label, n_examples: int, *, loss: Loss = RMSE) -> Floats:
    """Return the same answer for each of ``n_examples``: of shape (n_examples,), or (n_examples, n_classes).

    Parameters
    ----------
    train_labels : ndarray of shape (n_train,)
        Coded, see `LabelledMatrix`.
    loss : Loss
        Of numbers: the constant is answered that costs least, of a squared error the mean.

    Raises
    ------
    EmptyDataError
        Without training examples.
    """
    return _shaped(np.tile(_answer(_targets(train_labels, label), label, loss), (n_examples, 1)), label)


def rule_answers(
    train_values: pl.Series | ArrayLike,
    train_labels: NDArray[Any],
    label: Label,
    rule: Rule,
    values: pl.Series | ArrayLike,
    *,
    loss: Loss = RMSE,
) -> Floats:
    """Return what the rule expects: what the dummy answers of the training examples on the same side of its bound.

    Parameters
    ----------
    train_values, values : of shape (n_train,) and (n_examples,)
        The rule's column; NaN or null where it is missing. ``rule.at_least`` itself lies on the upper side.

    Returns
    -------
    ndarray of shape (n_examples,) or (n_examples, n_classes)
        A missing value, and a side without training examples, get what the dummy answers.

    Raises
    ------
    EmptyDataError
        Without training examples.
    ValueError
        If the lengths differ.
    """
    targets = _targets(train_labels, label)
    of_train, current = sides(train_values, rule), sides(values, rule)
    if len(of_train[0]) != len(targets):
        raise ValueError(f"train_values and train_labels must be as many. Got {len(of_train[0])} and {len(targets)}.")
    answered = np.tile(_answer(targets, label, loss), (len(current[0]), 1))
    for train_side, side in zip(of_train, current, strict=True):
        if train_side.any():
            answered[side] = _answer(targets[train_side], label, loss)
    return _shaped(answered, label)


def sides(values: pl.Series | ArrayLike, rule: Rule) -> tuple[Bools, Bools]:
    """Return which examples lie on the upper side of the rule's bound, and which on the lower; missing ones on none."""
    column = _numbers(values)
    return column >= rule.at_least, column < rule.at_least


def rule_expects(rule: Rule, values: pl.Series | ArrayLike) -> Bools:
    """Return of which examples the business rule expects the outcome; of none whose value is missing."""
    expected: Bools = _numbers(values) >= rule.at_least
    return expected


def _targets(labels: NDArray[Any], label: Label) -> Floats:
    """Return what is averaged, of shape (n_examples, 1), or (n_examples, n_classes): whether each class came."""
    if not len(labels):
        raise EmptyDataError("a baseline needs training examples with a label. Got none.")
    if label.kind == "multiclass":
        return np.asarray(labels[:, None] == np.arange(len(label.classes or ())), dtype=np.float64)
    return np.asarray(labels, dtype=np.float64)[:, None]


def _answer(targets: Floats, label: Label, loss: Loss) -> Floats:
    if label.kind == "regression":
        return np.array([loss.constant(targets[:, 0])])
    shares: Floats = targets.mean(axis=0)
    return shares


def _shaped(answered: Floats, label: Label) -> Floats:
    return answered if label.kind == "multiclass" else answered[:, 0]


def _numbers(values: pl.Series | ArrayLike) -> Floats:
    import polars as pl

    if isinstance(values, pl.Series):
        return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.asarray(values, dtype=np.float64)
