"""Metrics of predicted numbers against numbers that came; None without examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ratchet.evaluation.metrics import DIGITS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ratchet.evaluation.metrics import Floats


def mean_absolute_error(values: ArrayLike, predictions: ArrayLike) -> float | None:
    """Return the mean distance between prediction and value, in the unit of the values.

    Raises
    ------
    ValueError
        If a number is not finite, or there are not as many of both.
    """
    error = _errors(values, predictions)
    return round(float(np.abs(error).mean()), DIGITS) if error.size else None


def root_mean_squared_error(values: ArrayLike, predictions: ArrayLike) -> float | None:
    """Return the root of the mean squared distance, in the unit of the values; large errors count more.

    Raises
    ------
    ValueError
        If a number is not finite, or there are not as many of both.
    """
    error = _errors(values, predictions)
    return round(float(np.sqrt(np.square(error).mean())), DIGITS) if error.size else None


def quantile_loss(values: ArrayLike, predictions: ArrayLike, *, quantile: float) -> float | None:
    """Return the mean pinball loss of predicted quantiles: least where a share ``quantile`` of values lies below.

    Raises
    ------
    ValueError
        If ``quantile`` does not lie in (0, 1), a number is not finite, or there are not as many of both.

    References
    ----------
    .. [1] Koenker and Bassett, "Regression quantiles", Econometrica 46, 1978.

    Examples
    --------
    >>> quantile_loss([10.0], [8.0], quantile=0.9), quantile_loss([8.0], [10.0], quantile=0.9)
    (1.8, 0.2)
    """
    if not 0 < quantile < 1:
        raise ValueError(f"quantile must lie in (0, 1). Got {quantile!r}.")
    error = _errors(values, predictions)
    loss = np.where(error >= 0, quantile * error, (quantile - 1) * error)
    return round(float(loss.mean()), DIGITS) if error.size else None


def _errors(values: ArrayLike, predictions: ArrayLike) -> Floats:
    came, predicted = np.asarray(values, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    if came.shape != predicted.shape or came.ndim != 1:
        raise ValueError(f"values and predictions must be as many. Got {came.shape} and {predicted.shape}.")
    for name, column in (("value", came), ("prediction", predicted)):
        if not np.isfinite(column).all():
            odd = int((~np.isfinite(column)).sum())
            raise ValueError(f"each {name} must be a finite number. Got {odd} that are not.")
    error: Floats = came - predicted
    return error
