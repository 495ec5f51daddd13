"""The loss of each round of a shared fit: on all rows, of what each worker told of its own, and on held-out ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.training.boosting import log_loss, rmse
from ratchet.training.checkpoints import RoundLoss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.spec.label import LabelKind
    from ratchet.training.parallel.part import Stretch


def losses_of(
    data: bytes,
    start: int,
    told: Sequence[Stretch],
    held_out: tuple[NDArray[np.float64], NDArray[Any]],
    *,
    kind: LabelKind,
) -> tuple[RoundLoss, ...]:
    """Return the losses of the rounds of a stretch.

    Parameters
    ----------
    data : bytes
        The model after the stretch.
    start : int
        The round that the stretch began after.
    told : sequence of Stretch
        One a worker.
    held_out : tuple
        Transformed features, and outcomes.
    """
    from lightgbm import Booster

    booster, (features, labels) = Booster(model_str=data.decode()), held_out

    def scores(first: int, number: int) -> NDArray[np.float64]:
        found = booster.predict(features, raw_score=True, start_iteration=first, num_iteration=number)
        return np.asarray(found, dtype=np.float64)

    train = _of_all_rows(told, kind)
    raw: Any = scores(0, start) if start else 0.0
    losses = []
    for number, of_train in enumerate(train):
        raw = raw + scores(start + number, 1)
        losses.append(RoundLoss(round=start + number + 1, train=float(of_train), validation=_loss(raw, labels, kind)))
    return tuple(losses)


def _of_all_rows(told: Sequence[Stretch], kind: LabelKind) -> NDArray[np.float64]:
    """Return the loss of each round on the rows of all workers; of errors it is the squares that have a mean."""
    of_each, rows = np.array([one.losses for one in told]), [one.n_rows for one in told]
    if kind == "regression":
        return np.asarray(np.sqrt(np.average(np.square(of_each), axis=0, weights=rows)))
    return np.asarray(np.average(of_each, axis=0, weights=rows))


def _loss(raw: NDArray[np.float64], labels: NDArray[Any], kind: LabelKind) -> float:
    if kind == "regression":
        return rmse(raw, labels)
    if kind == "binary":
        return log_loss(1 / (1 + np.exp(-raw)), labels)
    shares = np.exp(raw - raw.max(axis=1, keepdims=True))
    return log_loss(shares / shares.sum(axis=1, keepdims=True), labels)
