"""How each library of boosted trees goes on from the bytes of a model: some more rounds, and their losses.

Every stretch begins from bytes, also when nothing was killed, and is seeded by the round that it begins with. So a
stretch is a function of the bytes before it, and a fit that was killed and resumed is the same as one that was not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ratchet.packaging.bytes import dump_model, load_model
from ratchet.packaging.native import load_native, native_format
from ratchet.training.checkpoints import RoundLoss

if TYPE_CHECKING:
    from numpy.typing import NDArray

LIGHTGBM, XGBOOST = "lightgbm.LGBMClassifier", "xgboost.XGBClassifier"
_MAX_SEED = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrices:
    """Transformed features and outcomes, to fit on and to tell the loss on."""

    fitted: NDArray[np.float64]
    labels: NDArray[np.int64]
    held_out: NDArray[np.float64]
    held_out_labels: NDArray[np.int64]


class Boosting(Protocol):
    """One library's way to go on."""

    def advance(self, data: bytes | None, start: int, stop: int) -> tuple[bytes, tuple[RoundLoss, ...]]:
        """Return the model after ``stop`` rounds, and the loss of each since ``start``; from nothing when no data."""
        ...

    def read(self, data: bytes) -> Any:
        """Return the fitted estimator in these bytes."""
        ...


def boosting(dotted_name: str, estimator: Any, matrices: Matrices, *, seed: int) -> Boosting:
    """Return the way to go on with an estimator that counts its rounds."""
    if dotted_name in (LIGHTGBM, XGBOOST):
        return _Native(name=dotted_name, estimator=estimator, matrices=matrices, seed=seed)
    return _Histogram(estimator=estimator, matrices=matrices)


def log_loss(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the mean log loss of scores; NaN where a score is NaN."""
    clipped = np.clip(scores, 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(labels == 1, np.log(clipped), np.log(1 - clipped))))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Native:
    name: str
    estimator: Any
    matrices: Matrices
    seed: int

    def advance(self, data: bytes | None, start: int, stop: int) -> tuple[bytes, tuple[RoundLoss, ...]]:
        from sklearn.base import clone

        m, native = self.matrices, native_format(self.name)
        assert native is not None  # noqa: S101  # both names have one
        estimator = clone(self.estimator)
        estimator.set_params(n_estimators=stop - start, random_state=(self.seed + start) % _MAX_SEED)
        train, validation = self._fit(estimator, data, [(m.fitted, m.labels), (m.held_out, m.held_out_labels)])
        losses = tuple(
            RoundLoss(round=start + number, train=float(of_train), validation=float(of_validation))
            for number, (of_train, of_validation) in enumerate(zip(train, validation, strict=True), start=1)
        )
        return native.dump(estimator), losses

    def _fit(
        self, estimator: Any, data: bytes | None, sets: list[tuple[Any, Any]]
    ) -> tuple[Sequence[float], Sequence[float]]:
        before = load_native(self.name, data) if data is not None else None
        if self.name == LIGHTGBM:
            estimator.fit(
                *sets[0],
                eval_X=tuple(features for features, _ in sets),
                eval_y=tuple(labels for _, labels in sets),
                eval_names=["train", "validation"],
                eval_metric="binary_logloss",
                init_model=before.booster_ if before is not None else None,
            )
            told = estimator.evals_result_
            return told["train"]["binary_logloss"], told["validation"]["binary_logloss"]
        estimator.set_params(eval_metric="logloss")
        estimator.fit(
            *sets[0], eval_set=sets, xgb_model=before.get_booster() if before is not None else None, verbose=False
        )
        told = estimator.evals_result()
        return told["validation_0"]["logloss"], told["validation_1"]["logloss"]

    def read(self, data: bytes) -> Any:
        return load_native(self.name, data)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Histogram:
    """HistGradientBoosting goes on by ``warm_start``; it tells no loss of a round, so the staged scores do."""

    estimator: Any
    matrices: Matrices

    def advance(self, data: bytes | None, start: int, stop: int) -> tuple[bytes, tuple[RoundLoss, ...]]:
        from sklearn.base import clone

        m = self.matrices
        estimator = clone(self.estimator) if data is None else load_model(data)
        estimator.set_params(warm_start=data is not None, max_iter=stop)
        estimator.fit(m.fitted, m.labels)
        estimator.set_params(warm_start=False)
        estimator._bin_mapper.n_threads = 1
        staged = islice(estimator.staged_predict_proba(m.held_out), start, stop)
        validation = [log_loss(scores[:, 1], m.held_out_labels) for scores in staged]
        of_train = log_loss(estimator.predict_proba(m.fitted)[:, 1], m.labels)
        losses = tuple(
            RoundLoss(round=number, train=of_train if number == stop else None, validation=loss)
            for number, loss in enumerate(validation, start=start + 1)
        )
        return dump_model(estimator), losses

    def read(self, data: bytes) -> Any:
        return load_model(data)
