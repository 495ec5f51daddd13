"""Ensembles whose members are fitted by different workers, and assembled into the very model of one process.

The members' seeds are drawn before any is fitted, so who fits which changes nothing. Every worker is sent all rows:
this is for models that take long, not for data that is large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.errors import SpecError
from ratchet.training.fit import fit_estimator
from ratchet.training.teachable import check_teachable

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

    from ratchet.spec.label import Label
    from ratchet.training.fit import LabelledMatrix
    from ratchet.training.parallel.cluster import Cluster


def fit_members(pipeline: Pipeline, examples: LabelledMatrix, label: Label, *, cluster: Cluster) -> Pipeline:
    """Return the pipeline, fitted: its transform here, the members of its estimator on the workers.

    Parameters
    ----------
    pipeline : Pipeline
        Whose last step hands its members to joblib, as ensembles and one-vs-rest of scikit-learn do.

    Raises
    ------
    SpecError
        If the last step has no members that could be fitted apart.
    """
    from joblib import parallel_config

    check_teachable(examples, label)
    estimator = pipeline[-1]
    if "n_jobs" not in estimator.get_params():
        raise SpecError(
            f"train.engine: {type(estimator).__name__} has no parameter n_jobs, so it has no members to fit apart. "
            "Say local."
        )
    estimator.set_params(n_jobs=cluster.n_workers)
    try:
        with parallel_config(backend="dask", client=cluster.client):
            return fit_estimator(pipeline, examples)
    finally:
        # Of the fit, not of the model.
        estimator.set_params(n_jobs=None)
