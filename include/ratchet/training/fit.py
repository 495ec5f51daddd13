"""Fit a pipeline on examples, refuse examples that cannot teach one, and choose the threshold of its scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.errors import DataError, RatchetError, TrainingError
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.features.transform import Parameters, build_pipeline
from ratchet.training.teachable import check_teachable

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from ratchet.spec.label import Label
    from ratchet.spec.model import ModelSpec

_WITH_JOBS = ("sklearn.ensemble.", "lightgbm.", "xgboost.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledMatrix:
    """Features and outcomes of the labelled examples, in the order of span and entity.

    ``labels`` are 0 and 1 of a binary label, the place in ``label.classes`` of a multiclass one (both int64), and
    numbers (float64) of a regression label.
    """

    features: pd.DataFrame
    labels: NDArray[Any]


def labelled_matrix(frame: pl.DataFrame, spec: ModelSpec) -> LabelledMatrix:
    """Return the labelled examples of a frame as features and outcomes.

    Rows are sorted by span and entity: the order in which a store returns them must not change a fit.
    """
    column = spec.label.column
    known = frame.filter(frame[column].is_not_null()).sort("span", spec.source.entity, maintain_order=True)
    return LabelledMatrix(
        features=to_matrix(known, feature_roles(spec.features)), labels=code_labels(known[column], spec.label)
    )


def code_labels(column: pl.Series, label: Label) -> NDArray[Any]:
    """Return outcomes as an estimator reads them, see `LabelledMatrix`; none may be null.

    Raises
    ------
    DataError
        If one is none of the classes.
    """
    import polars as pl

    if label.kind == "binary":
        return column.cast(bool).cast(int).to_numpy()
    if label.kind == "regression":
        return column.cast(pl.Float64).to_numpy()
    classes = label.classes or ()
    places = dict(zip(classes, range(len(classes)), strict=True))
    codes = column.cast(pl.String).replace_strict(places, default=None, return_dtype=pl.Int64)
    if n_strange := codes.null_count():
        raise DataError(f"{n_strange} of {len(codes)} outcomes in {label.column!r} are none of label.classes.")
    return codes.to_numpy()


def fit(frame: pl.DataFrame, spec: ModelSpec, parameters: Parameters | None = None) -> Pipeline:
    """Return the spec's pipeline, fitted on the labelled examples; the same examples give the same model.

    Parameters
    ----------
    frame : polars.DataFrame
        Examples with span, entity, label and derived columns; rows without a label are left out.
    parameters : mapping, optional
        Settings on top of the spec's fixed ones.

    Raises
    ------
    TrainingError
        If there are fewer than 50 labelled examples, fewer than 10 of an outcome or class, no outcome or no feature
        that varies.
    """
    return fit_matrix(labelled_matrix(frame, spec), spec, parameters)


def fit_matrix(examples: LabelledMatrix, spec: ModelSpec, parameters: Parameters | None = None) -> Pipeline:
    """Return the spec's pipeline, fitted on a matrix; see `fit`."""
    check_teachable(examples, spec.label)
    return fit_pipeline(build_pipeline(spec, parameters), examples, threads=spec.train.threads)


def fit_pipeline(pipeline: Pipeline, examples: LabelledMatrix, *, threads: int) -> Pipeline:
    """Fit any pipeline on a matrix with that many threads, and return it."""
    estimator = pipeline[-1]
    try:
        with limited_threads(estimator, threads):
            pipeline.fit(examples.features, examples.labels)
    except RatchetError:
        raise
    except _refusals_of(estimator) as error:
        raise TrainingError(f"{type(estimator).__name__} refused to be fitted: {error}") from error
    # Noted by the fit and read by nothing after it; a machine with fewer cores would change the digest.
    if (bins := getattr(estimator, "_bin_mapper", None)) is not None:
        bins.n_threads = 1
    return pipeline


@contextmanager
def limited_threads(estimator: Any, threads: int) -> Iterator[None]:
    """Let whatever is fitted within have that many threads; the estimator keeps no number of them."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # published without types

    # Only these: LogisticRegression still has the parameter, ignores it, and warns that it will go.
    has_jobs = "n_jobs" in estimator.get_params() and type(estimator).__module__.startswith(_WITH_JOBS)
    if has_jobs:
        estimator.set_params(n_jobs=threads)
    with threadpool_limits(limits=threads):
        yield
    if has_jobs:
        # Threads of the fit, not of the model: several would add up its trees in any order.
        estimator.set_params(n_jobs=None)


def _refusals_of(estimator: object) -> tuple[type[Exception], ...]:
    """Return the errors by which an estimator refuses; those of XGBoost are ValueErrors."""
    if not type(estimator).__module__.startswith("lightgbm."):
        return (ValueError, TypeError)
    from lightgbm.basic import LightGBMError

    return (ValueError, TypeError, LightGBMError)
