"""A fit on more rows than memory holds: span by span, so that one span and the library's own bins are all there is.

LightGBM and XGBoost bin what they read, a byte a cell; estimators with ``partial_fit`` go over the spans some times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.errors import RatchetError, SpecError, TrainingError
from ratchet.features.transform import LIGHTGBM, OF_LIGHTGBM, OF_XGBOOST, XGBOOST, build_pipeline
from ratchet.packaging.native import load_native
from ratchet.training.fit import limited_threads
from ratchet.training.span_sample import Sampled, sample_spans
from ratchet.training.teachable import check_teachable

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from ratchet.features.transform import Parameters
    from ratchet.spec.label import Label
    from ratchet.spec.model import ModelSpec
    from ratchet.training.span_sample import ReadSpan

# Of LightGBM's scikit-learn interface, what its training does not take.
_NOT_OF_TRAINING = ("n_estimators", "class_weight", "importance_type")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpanFit:
    """The fitted pipeline, and what the first pass over the spans has told."""

    pipeline: Pipeline
    seen: Sampled


def fit_by_spans(
    spans: Sequence[str], read: ReadSpan, spec: ModelSpec, parameters: Parameters | None = None
) -> SpanFit:
    """Return the spec's pipeline, fitted on these spans, of which only one is in memory at a time.

    Parameters
    ----------
    spans : sequence of str
        In the order in which they are read.
    read : callable
        A span's labelled examples; asked several times for each, and must answer the same.

    Raises
    ------
    TrainingError
        If the examples cannot teach a model, see `fit`.
    SpecError
        If the estimator can only be fitted on all rows at once.
    """
    pipeline, name = build_pipeline(spec, parameters), spec.train.estimator
    seen = sample_spans(spans, read, spec)
    check_teachable(seen.sample, spec.label, n_examples=seen.n_examples, of_classes=seen.of_classes)
    estimator = pipeline[-1]
    with limited_threads(estimator, spec.train.threads):
        try:
            transform = pipeline[:-1].fit(seen.features())
            transformed = _Transformed(spans=tuple(spans), read=read, transform=transform, lengths=seen.lengths)
            fitted = _fit(name, estimator, transformed, spec.label, passes=spec.train.passes)
        except RatchetError:
            raise
        except (ValueError, TypeError) as error:
            raise TrainingError(f"{name} refused to be fitted: {error}") from error
    from sklearn.pipeline import Pipeline

    return SpanFit(pipeline=Pipeline([*pipeline.steps[:-1], ("estimator", fitted)]), seen=seen)


class _Transformed:
    """The spans as the estimator reads them; the newest that was read is kept."""

    def __init__(self, *, spans: tuple[str, ...], read: ReadSpan, transform: Any, lengths: tuple[int, ...]) -> None:
        self.spans, self.lengths = spans, lengths
        self._read, self._transform = read, transform
        self.matrix = lru_cache(maxsize=1)(self._make)

    def _make(self, span: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        examples = self._read(span)
        if len(examples.labels) != self.lengths[self.spans.index(span)]:
            raise TrainingError(f"The examples of {span} changed while a model was fitted on them.")
        if not len(examples.labels):
            return np.empty((0, 0)), examples.labels
        return np.asarray(self._transform.transform(examples.features), dtype=np.float64), examples.labels

    def filled(self) -> list[str]:
        """Return the spans that hold an example."""
        return [span for span, length in zip(self.spans, self.lengths, strict=True) if length]


def _fit(name: str, estimator: Any, data: _Transformed, label: Label, *, passes: int) -> Any:
    if name in OF_LIGHTGBM:
        return _fit_lightgbm(name, estimator, data, label)
    if name in OF_XGBOOST:
        return _fit_xgboost(name, estimator, data, label)
    if not hasattr(estimator, "partial_fit"):
        raise SpecError(
            f"train.feed: {name} is fitted on all rows at once. "
            f"Use {LIGHTGBM}, {XGBOOST} or an estimator with partial_fit, or feed: whole."
        )
    # A span may lack a class, so a classifier is told which there are.
    known = {} if label.kind == "regression" else {"classes": np.arange(len(label.classes or (False, True)))}
    for _ in range(passes):
        for span in data.filled():
            estimator.partial_fit(*data.matrix(span), **known)
    return estimator


def _fit_lightgbm(name: str, estimator: Any, data: _Transformed, label: Label) -> Any:
    import lightgbm

    class Rows(lightgbm.Sequence):
        def __init__(self, span: str, length: int) -> None:
            self.span, self.length, self.batch_size = span, length, length

        def __getitem__(self, index: Any) -> NDArray[np.float64]:
            rows: NDArray[np.float64] = data.matrix(self.span)[0][index]
            return rows

        def __len__(self) -> int:
            return self.length

    given, rounds = lightgbm_settings(estimator, label), estimator.get_params()["n_estimators"]
    lengths = dict(zip(data.spans, data.lengths, strict=True))
    pieces: list[lightgbm.Sequence] = [Rows(span, lengths[span]) for span in data.filled()]
    rows = lightgbm.Dataset(pieces, label=_labels(data), params=given, free_raw_data=True)
    booster = lightgbm.train(given, rows, num_boost_round=rounds)
    return load_native(name, booster.model_to_string(num_iteration=-1).encode())


def lightgbm_settings(estimator: Any, label: Label) -> dict[str, Any]:
    """Return what LightGBM's own training is told where scikit-learn's interface cannot be used.

    Raises
    ------
    SpecError
        If a setting of that interface needs all rows at once.
    """
    settings = estimator.get_params()
    if settings.get("class_weight") is not None:
        raise SpecError("train: class_weight needs all rows at once. Use scale_pos_weight, or feed: whole.")
    given = {key: value for key, value in settings.items() if key not in _NOT_OF_TRAINING and value is not None}
    return lightgbm_objective(label) | given


def lightgbm_objective(label: Label) -> dict[str, Any]:
    """Return what LightGBM is told of a label when the spec says no more."""
    if label.kind == "multiclass":
        return {"objective": "multiclass", "num_class": len(label.classes or ())}
    return {"objective": "binary" if label.kind == "binary" else "regression"}


def _labels(data: _Transformed) -> NDArray[np.float32]:
    return np.concatenate([data.matrix(span)[1].astype(np.float32) for span in data.filled()])


def _fit_xgboost(name: str, estimator: Any, data: _Transformed, label: Label) -> Any:
    import xgboost

    spans = data.filled()
    position = 0

    def following(_: Any, input_data: Any) -> bool:
        nonlocal position
        if position == len(spans):
            return False
        features, labels = data.matrix(spans[position])
        position += 1
        input_data(data=features.astype(np.float32), label=labels)
        return True

    def begin(_: Any) -> None:
        nonlocal position
        position = 0

    # Made here, as the class that it derives from is there only where the extra is installed.
    batches = type("Batches", (xgboost.DataIter,), {"next": following, "reset": begin})()
    settings = estimator.get_xgb_params()
    if label.kind == "multiclass":
        settings |= {"objective": "multi:softprob", "num_class": len(label.classes or ())}
    bins = settings.get("max_bin") or 256
    rows = xgboost.QuantileDMatrix(batches, max_bin=bins, nthread=settings.get("n_jobs"))
    booster = xgboost.train(settings, rows, num_boost_round=estimator.get_params()["n_estimators"] or 100)
    return load_native(name, bytes(booster.save_raw("ubj")))
