"""What the figures of an evaluation take, against one contender's intervals drawn one by one with scikit-learn."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from benches.measuring import Row, figure_row, ratio_row, take_in_turn
from ratchet.evaluation.contenders import evaluate_contenders
from ratchet.spec.evaluation import Evaluate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.results import Evaluation

N_EXAMPLES = 100_000
RESAMPLES = 500
# As many as the reference has time for: one AUC of the five figures, one contender of the five.
N_REFERENCE = 25
MEGABYTES = 200.0


def make_scored(n: int) -> tuple[NDArray[np.bool_], dict[str, NDArray[np.float64]]]:
    """Return seeded outcomes and the scores of five contenders: three models, a constant and a rule of two scores."""
    rng = np.random.default_rng(0)
    signal = rng.normal(size=n)
    noises = {"candidate": 0.5, "champion": 0.6, "linear": 1.0}
    scores = {name: 1 / (1 + np.exp(-signal - rng.normal(0, noise, n))) for name, noise in noises.items()}
    scores |= {"dummy": np.full(n, 0.25), "rule": np.where(signal > 0, 0.4, 0.1)}
    return rng.random(n) < 1 / (1 + np.exp(1.3 - signal)), scores


def run() -> list[Row]:
    """Return the rows of an evaluation with all its contenders, and of the memory that it takes."""
    from sklearn.metrics import roc_auc_score

    labels, scores = make_scored(N_EXAMPLES)
    policy = Evaluate(test_spans=1, resamples=RESAMPLES)

    def evaluate() -> Evaluation:
        return evaluate_contenders(labels, scores, pl.DataFrame(), policy=policy, seed=0)

    def draw_one_by_one() -> None:
        rng = np.random.default_rng(0)
        for _ in range(N_REFERENCE):
            rows = rng.integers(0, N_EXAMPLES, N_EXAMPLES)
            roc_auc_score(labels[rows], scores["candidate"][rows])

    ours, reference = take_in_turn(evaluate, draw_one_by_one, times=2)
    tracemalloc.start()
    evaluate()
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    what = f"{N_EXAMPLES:,} test rows, {len(scores)} contenders"
    return [
        ratio_row(
            f"all figures of an evaluation with {RESAMPLES} resamples, {what}, against {N_REFERENCE} resamples of one "
            "AUC by scikit-learn",
            ours,
            reference,
            budget=10.0,
        ),
        figure_row(f"memory of it, {what}", peak, unit="MB", budget=MEGABYTES),
    ]
