"""What explanations add to a run, and what the explanation of one row takes."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benches.flights_like import make_labelled, make_project
from benches.measuring import Row, figure_row, ratio_row, take, take_in_turn
from ratchet.explanation.comparison import as_features
from ratchet.explanation.dependence import partial_dependence
from ratchet.explanation.permutation import Resampling, permutation_importance
from ratchet.explanation.shapley import shapley_values
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.packaging.loaded import score
from ratchet.spec.loading import load_spec
from ratchet.steps.refits import refit
from ratchet.training.fit import fit_matrix, labelled_matrix

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

N_TRAIN = 54_000
N_BACKGROUND = 64


def run() -> list[Row]:
    """Return the rows of a run's explanation, with the bounds of the flights' spec, and of one prediction's."""
    with tempfile.TemporaryDirectory() as name:
        spec = load_spec(make_project(Path(name), n_rows_a_span=1), "flights")
    policy, roles = spec.explain, feature_roles(spec.features)
    train, test = make_labelled(N_TRAIN), make_labelled(policy.examples, seed=1)
    matrix = labelled_matrix(train, spec)
    pipeline, labels = fit_matrix(matrix, spec), test[spec.label.column].to_numpy()

    def predict(frame: pl.DataFrame) -> NDArray[np.float64]:
        return score(pipeline, to_matrix(frame, roles))

    how = Resampling(repeats=policy.repeats, resamples=policy.resamples, confidence=0.95, seed=0)
    importance = take(partial(permutation_importance, predict, test, labels, list(roles), how), times=2)
    dependence = take(
        lambda: [partial_dependence(predict, test, of) for of in list(roles)[: policy.dependence]], times=2
    )
    refits, fit = take_in_turn(lambda: refit(spec, train, test, predict, {}), lambda: fit_matrix(matrix, spec), times=2)
    features = as_features(test, roles)
    one = take(
        lambda: shapley_values(predict, features[:1], features[1 : 1 + N_BACKGROUND], list(roles), seed=0), times=3
    )
    what = f"{policy.examples:,} rows x {len(roles)} columns"
    groups = len(spec.feature_groups())
    return [
        figure_row(f"importance with intervals, {what}", importance.cpu, unit="CPU s"),
        figure_row(f"partial dependence of {policy.dependence} columns, {what}", dependence.cpu, unit="CPU s"),
        ratio_row(
            f"refits for learning curve and {groups} group(s), {policy.refit_examples:,} rows at most, "
            f"against the candidate's fit on {N_TRAIN:,}",
            refits,
            fit,
            budget=3.0,
        ),
        figure_row(
            f"Shapley values of one prediction of {len(roles)} features, estimated", one.cpu, unit="CPU s", budget=1.0
        ),
    ]
