"""Interventional Shapley values of any model: exact for few features, else estimated, with the error told.

The game: the value of a coalition of features is the mean score over background examples whose features of that
coalition are set to those of the example explained. A feature's Shapley value is its mean gain over all orders in which
features join [1]_. They are in the unit of the score, and sum to it minus the mean score of the background.

The estimate walks through random orders, each forwards and backwards (antithetic), one background example a walk. Every
walk begins at a background example's score and ends at the one explained; as each background example begins as many
walks as any other, what the walks gain sums to score minus base to the rounding of floats, however few walks there are:
only how it is shared out is uncertain. The error told is 1.96 standard errors of the mean over walks. It counts the
variation among background examples too, and so is rather too large than too small for this background.

References
----------
.. [1] Strumbelj and Kononenko, "Explaining prediction models and individual predictions with feature contributions",
   Knowledge and Information Systems 41, 2014.
.. [2] Janzing et al., "Feature relevance quantification in explainable AI: a causal problem", AISTATS 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import TYPE_CHECKING

import numpy as np

from ratchet.errors import InputError
from ratchet.explanation.contributions import Contribution, Contributions, Unit

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.explanation.permutation import Predict

# Made-up examples that may be scored to explain one: 20 ms for the trees of a small model.
EVALUATIONS = 20_000
_Z = 1.96


def shapley_values(
    predict: Predict,
    example: pl.DataFrame,
    background: pl.DataFrame,
    features: Sequence[str],
    *,
    seed: int,
    evaluations: int = EVALUATIONS,
    unit: Unit = "probability",
) -> Contributions:
    """Return the contributions of the features to the score of one example.

    Parameters
    ----------
    example : polars.DataFrame of one row
        What is explained; its feature columns have the types of the background's.
    background : polars.DataFrame
        What the example is compared with: their mean score is the base.
    evaluations : int
        Made-up examples to score. Every coalition is tried where that is enough; else as many walks as it allows, one
        pair a background example at the least.

    unit : Unit
        That of what ``predict`` returns: one number an example.

    Raises
    ------
    InputError
        Without exactly one example, a background, or a feature.
    """
    if example.height != 1 or background.is_empty() or not features:
        raise InputError(
            "Shapley values need one example, a background and a feature. "
            f"Got {example.height}, {background.height} and {len(features)}."
        )
    n, m = len(features), background.height
    game = _Game(predict, example.select(features), background.select(features))
    if 2**n * m <= evaluations:
        return _exact(game, unit)
    rounds = max(1, evaluations // (2 * m * max(n - 1, 1)))
    return _sampled(game, rounds, seed, unit)


class _Game:
    """Scores of mixtures of one example and background examples."""

    def __init__(self, predict: Predict, example: pl.DataFrame, background: pl.DataFrame) -> None:
        self._predict, self._example, self.background = predict, example, background
        self.features = example.columns
        self.n_evaluated = 0

    def score(self, rows: NDArray[np.intp], is_known: Bools) -> Floats:
        """Return a score for each background row, with the known features set to the example's.

        Parameters
        ----------
        rows : array of shape (n,)
            Background rows.
        is_known : array of shape (n, n_features)
            Which features are the example's.
        """
        import polars as pl

        self.n_evaluated += len(rows)
        columns = [
            self._example[name].new_from_index(0, len(rows)).zip_with(pl.Series(is_known[:, i]), kept)
            for i, name in enumerate(self.features)
            for kept in (self.background[name].gather(rows),)
        ]
        return np.asarray(self._predict(pl.DataFrame(columns)), dtype=np.float64)

    def ends(self) -> tuple[Floats, float]:
        """Return the scores of the background, and that of the example."""
        m, n = self.background.height, len(self.features)
        known = np.zeros((m + 1, n), dtype=bool)
        known[m] = True
        scores = self.score(np.append(np.arange(m), 0), known)
        return scores[:m], float(scores[m])


def _exact(game: _Game, unit: Unit) -> Contributions:
    n, m = len(game.features), game.background.height
    coalitions = (np.arange(2**n)[:, None] >> np.arange(n)) & 1 == 1
    rows = np.tile(np.arange(m), 2**n)
    values = game.score(rows, np.repeat(coalitions, m, axis=0)).reshape(2**n, m).mean(axis=1)
    sizes = coalitions.sum(axis=1)
    amounts = []
    for i in range(n):
        without = np.flatnonzero(~coalitions[:, i])
        weights = np.array([1 / (n * comb(n - 1, int(size))) for size in sizes[without]])
        amounts.append(float(weights @ (values[without | (1 << i)] - values[without])))
    return Contributions(
        method="exact",
        unit=unit,
        base=float(values[0]),
        prediction=float(values[-1]),
        contributions=tuple(
            Contribution(feature=name, amount=amount) for name, amount in zip(game.features, amounts, strict=True)
        ),
        n_background=m,
        n_evaluated=game.n_evaluated,
    )


def _sampled(game: _Game, rounds: int, seed: int, unit: Unit) -> Contributions:
    n, m = len(game.features), game.background.height
    rng, (starts, end) = np.random.default_rng(seed), game.ends()
    gains = np.concatenate(
        [_walk(game, rng.permuted(np.tile(np.arange(n), (m, 1)), axis=1), starts, end) for _ in range(rounds)]
    )
    errors = _Z * gains.std(axis=0, ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.full(n, np.inf)
    return Contributions(
        method="sampled",
        unit=unit,
        base=float(starts.mean()),
        prediction=end,
        contributions=tuple(
            Contribution(feature=name, amount=float(amount), error=float(error))
            for name, amount, error in zip(game.features, gains.mean(axis=0), errors, strict=True)
        ),
        n_background=m,
        n_evaluated=game.n_evaluated,
    )


def _walk(game: _Game, orders: NDArray[np.int64], starts: Floats, end: float) -> Floats:
    """Return what each feature gained on a walk of each background example, forwards and backwards, their mean."""
    m, n = orders.shape
    both = np.concatenate([orders, orders[:, ::-1]])
    ranks = np.argsort(both, axis=1)  # when each feature joins
    rows = np.tile(np.arange(m), 2)
    steps = np.arange(1, n)
    is_known = ranks[:, None, :] < steps[None, :, None]
    scores = np.empty((2 * m, n + 1))
    scores[:, 0], scores[:, n] = starts[rows], end
    scores[:, 1:n] = game.score(np.repeat(rows, n - 1), is_known.reshape(-1, n)).reshape(2 * m, n - 1)
    gains = np.take_along_axis(np.diff(scores, axis=1), ranks, axis=1)
    mean: Floats = (gains[:m] + gains[m:]) / 2
    return mean
