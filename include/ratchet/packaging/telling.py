"""What a prediction says of a model's answers: the columns that a batch writes and the service answers with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.packaging.answers import leading_scores, likeliest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ratchet.packaging.card import PackageCard

Columns = dict[str, "NDArray[Any] | None"]


def tell(answered: NDArray[np.float64], card: PackageCard) -> Columns:
    """Return what a prediction says, by column, one row an example; None for what a label of that kind has none of.

    Parameters
    ----------
    answered : ndarray of shape (n_examples,) or (n_examples, n_classes)
        As `LoadedModel.predict` answers.

    Returns
    -------
    dict of str to ndarray or None
        ``score``, ``threshold`` and ``is_expected``; of several classes also ``predicted`` and ``scores``, see
        ``ratchet.spans.records``.
    """
    told: Columns = {"score": leading_scores(answered), "threshold": None, "is_expected": None}
    if card.threshold is not None:
        told["threshold"] = np.full(len(answered), card.threshold)
        told["is_expected"] = answered >= card.threshold
    if card.form.classes:
        told |= {"predicted": np.array(card.form.classes, dtype=object)[likeliest(answered)], "scores": answered}
    return told


def as_rows(told: Mapping[str, NDArray[Any] | None]) -> list[dict[str, Any]]:
    """Return the columns as one mapping an example, of Python values."""
    n = len(next(column for column in told.values() if column is not None))
    values = {name: [None] * n if column is None else column.tolist() for name, column in told.items()}
    return [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
