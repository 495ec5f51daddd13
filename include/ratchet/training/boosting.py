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

from ratchet.features.transform import OF_LIGHTGBM, OF_XGBOOST
from ratchet.packaging.bytes import dump_model, load_model
from ratchet.packaging.native import load_native, native_format
from ratchet.training.checkpoints import RoundLoss

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.spec.label import LabelKind

_MAX_SEED = 2**31
# What the loss of a round is, as each library calls it.
LIGHTGBM_LOSSES: dict[LabelKind, str] = {
    "binary": "binary_logloss",
    "multiclass": "multi_logloss",
    "regression": "rmse",
}
_XGBOOST_LOSSES: dict[LabelKind, str] = {"binary": "logloss", "multiclass": "mlogloss", "regression": "rmse"}
LOSS_NAMES: dict[LabelKind, str] = {"binary": "log_loss", "multiclass": "log_loss", "regression": "rmse"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrices:
    """Transformed features and coded outcomes, to fit on and to tell the loss on."""

    fitted: NDArray[np.float64]
    labels: NDArray[Any]
    held_out: NDArray[np.float64]
    held_out_labels: NDArray[Any]
    kind: LabelKind = "binary"


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
    if dotted_name in (*OF_LIGHTGBM, *OF_XGBOOST):
        return _Native(name=dotted_name, estimator=estimator, matrices=matrices, seed=seed)
    return _Histogram(estimator=estimator, matrices=matrices)


def log_loss(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the mean log loss of scores of shape (n_examples,) or (n_examples, n_classes); NaN where one is NaN."""
    clipped = np.clip(scores, 1e-15, 1 - 1e-15)
    if clipped.ndim == 2:
        return float(-np.mean(np.log(clipped[np.arange(len(labels)), labels])))
    return float(-np.mean(np.where(labels == 1, np.log(clipped), np.log(1 - clipped))))


def rmse(predicted: NDArray[np.float64], labels: NDArray[np.float64]) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.mean(np.square(predicted - labels))))


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
        if self.name in OF_LIGHTGBM:
            metric = LIGHTGBM_LOSSES[self.matrices.kind]
            estimator.fit(
                *sets[0],
                eval_X=tuple(features for features, _ in sets),
                eval_y=tuple(labels for _, labels in sets),
                eval_names=["train", "validation"],
                eval_metric=metric,
                init_model=before.booster_ if before is not None else None,
            )
            told = estimator.evals_result_
            return told["train"][metric], told["validation"][metric]
        metric = _XGBOOST_LOSSES[self.matrices.kind]
        estimator.set_params(eval_metric=metric)
        estimator.fit(
            *sets[0], eval_set=sets, xgb_model=before.get_booster() if before is not None else None, verbose=False
        )
        told = estimator.evals_result()
        return told["validation_0"][metric], told["validation_1"][metric]

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
        is_number = m.kind == "regression"
        staged = estimator.staged_predict(m.held_out) if is_number else estimator.staged_predict_proba(m.held_out)
        validation = [self._loss(answered, m.held_out_labels) for answered in islice(staged, start, stop)]
        of_train = self._loss(estimator.predict(m.fitted) if is_number else estimator.predict_proba(m.fitted), m.labels)
        losses = tuple(
            RoundLoss(round=number, train=of_train if number == stop else None, validation=loss)
            for number, loss in enumerate(validation, start=start + 1)
        )
        return dump_model(estimator), losses

    def _loss(self, answered: NDArray[np.float64], labels: NDArray[Any]) -> float:
        if self.matrices.kind == "regression":
            return rmse(answered, labels)
        return log_loss(answered[:, 1] if self.matrices.kind == "binary" else answered, labels)

    def read(self, data: bytes) -> Any:
        return load_model(data)
