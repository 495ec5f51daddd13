"""The two baselines that need no fitted model: the business rule, and the dummy that knows only the base rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ratchet.errors import EmptyDataError
from ratchet.evaluation.metrics import check_labels

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.spec.objective import Rule


def rule_scores(
    train_values: pl.Series | ArrayLike, train_labels: ArrayLike, rule: Rule, values: pl.Series | ArrayLike
) -> Floats:
    """Return what the business rule expects: the share of positives among training examples on the same side.

    Parameters
    ----------
    train_values, values : of shape (n_train,) and (n_examples,)
        The rule's column; NaN or null where it is missing. ``rule.at_least`` itself lies on the upper side.
    train_labels : array of shape (n_train,)
        0 or 1.

    Returns
    -------
    ndarray of shape (n_examples,)
        Shares in [0, 1]. A missing value, and a side without training examples, get the share of all of them.

    Raises
    ------
    EmptyDataError
        Without training examples.
    ValueError
        If a label is not 0 or 1, or the lengths differ.
    """
    truth, of_train, current = _training_labels(train_labels), sides(train_values, rule), sides(values, rule)
    if of_train[0].shape != truth.shape:
        raise ValueError(f"train_values and train_labels must be as many. Got {of_train[0].shape} and {truth.shape}.")
    scores = np.full(current[0].shape, float(truth.mean()))
    for train_side, side in zip(of_train, current, strict=True):
        if train_side.any():
            scores[side] = truth[train_side].mean()
    return scores


def sides(values: pl.Series | ArrayLike, rule: Rule) -> tuple[Bools, Bools]:
    """Return which examples lie on the upper side of the rule's bound, and which on the lower; missing ones on none."""
    column = _numbers(values)
    return column >= rule.at_least, column < rule.at_least


def rule_expects(rule: Rule, values: pl.Series | ArrayLike) -> Bools:
    """Return of which examples the business rule expects the outcome; of none whose value is missing."""
    expected: Bools = _numbers(values) >= rule.at_least
    return expected


def dummy_scores(train_labels: ArrayLike, n_examples: int) -> Floats:
    """Return the share of positives among the training examples, once for each of ``n_examples``.

    Raises
    ------
    EmptyDataError
        Without training examples.
    ValueError
        If a label is not 0 or 1.
    """
    return np.full(n_examples, float(_training_labels(train_labels).mean()))


def _training_labels(labels: ArrayLike) -> Bools:
    truth = check_labels(labels)
    if not truth.size:
        raise EmptyDataError("a baseline needs training examples with a label. Got none.")
    return truth


def _numbers(values: pl.Series | ArrayLike) -> Floats:
    import polars as pl

    if isinstance(values, pl.Series):
        return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return np.asarray(values, dtype=np.float64)
