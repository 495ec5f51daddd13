"""Fit a pipeline on examples, refuse examples that cannot teach one, and choose the threshold of its scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.errors import RatchetError, TrainingError
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.features.transform import Parameters, build_pipeline

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl
    from numpy.typing import NDArray
    from sklearn.pipeline import Pipeline

    from ratchet.spec.model import ModelSpec

MIN_EXAMPLES = 50
MIN_EXAMPLES_OF_A_CLASS = 10
_WITH_JOBS = ("sklearn.ensemble.", "lightgbm.", "xgboost.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledMatrix:
    """Features and outcomes of the labelled examples, in the order of span and entity."""

    features: pd.DataFrame
    labels: NDArray[np.int64]


def labelled_matrix(frame: pl.DataFrame, spec: ModelSpec) -> LabelledMatrix:
    """Return the labelled examples of a frame as features and outcomes.

    Rows are sorted by span and entity: the order in which a store returns them must not change a fit.
    """
    column = spec.label.column
    known = frame.filter(frame[column].is_not_null()).sort("span", spec.source.entity, maintain_order=True)
    return LabelledMatrix(
        features=to_matrix(known, feature_roles(spec.features)),
        labels=known[column].cast(bool).cast(int).to_numpy(),
    )


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
        If there are fewer than 50 labelled examples, fewer than 10 of an outcome, or no feature that varies.
    """
    return fit_matrix(labelled_matrix(frame, spec), spec, parameters)


def fit_matrix(examples: LabelledMatrix, spec: ModelSpec, parameters: Parameters | None = None) -> Pipeline:
    """Return the spec's pipeline, fitted on a matrix; see `fit`."""
    check_teachable(examples)
    return fit_pipeline(build_pipeline(spec, parameters), examples, threads=spec.train.threads)


def fit_pipeline(pipeline: Pipeline, examples: LabelledMatrix, *, threads: int) -> Pipeline:
    """Fit any pipeline on a matrix with that many threads, and return it."""
    with limited_threads(pipeline[-1], threads):
        return fit_estimator(pipeline, examples)


def fit_estimator(pipeline: Pipeline, examples: LabelledMatrix) -> Pipeline:
    """Fit any pipeline on a matrix with whatever threads or workers it is given, and return it."""
    estimator = pipeline[-1]
    try:
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


def check_teachable(examples: LabelledMatrix, *, n_examples: int | None = None, n_positive: int | None = None) -> None:
    """Raise TrainingError unless there are 50 examples, both outcomes, and a feature that varies.

    Parameters
    ----------
    n_examples, n_positive : int, optional
        Of all examples, where those given are a sample of them.
    """
    n_examples = len(examples.labels) if n_examples is None else n_examples
    n_positive = int(examples.labels.sum()) if n_positive is None else n_positive
    if n_examples < MIN_EXAMPLES:
        raise TrainingError(f"A fit needs {MIN_EXAMPLES} labelled examples at least. Got {n_examples}.")
    if n_positive in (0, n_examples):
        raise TrainingError(f"A fit needs both outcomes. All {n_examples} labelled examples are {n_positive > 0}.")
    rarer = min(n_positive, n_examples - n_positive)
    if rarer < MIN_EXAMPLES_OF_A_CLASS:
        raise TrainingError(
            f"A fit needs {MIN_EXAMPLES_OF_A_CLASS} examples of each outcome at least. Got {n_positive} true of "
            f"{n_examples} ({n_positive / n_examples:.2%}): train on more spans, or gather more of the rarer outcome."
        )
    if all(column.nunique(dropna=False) < 2 for _, column in examples.features.items()):
        raise TrainingError(
            f"A fit needs a feature that varies. Each of {', '.join(map(str, examples.features))} is constant."
        )
