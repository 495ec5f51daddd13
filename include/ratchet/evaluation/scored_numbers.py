"""The metrics of one contender's predicted numbers, each with its bootstrap interval, in the label's unit but for R2.

R2 is 1 less the mean squared error over the variance of what came: how much better than the mean of these very
examples. The bias is the mean of predicted less came. The quantile loss is there where the spec asks for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ratchet.evaluation.bootstrap import percentile_interval
from ratchet.evaluation.metrics import CALIBRATION_BINS, DIGITS, equal_mass_bins
from ratchet.evaluation.number_figures import Grid, NumberBin, NumbersOf
from ratchet.evaluation.resampling import ratio
from ratchet.evaluation.results import Metrics
from ratchet.evaluation.tallies import Cells, Sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.metrics import Floats
    from ratchet.evaluation.resampling import Counts, Drawing
    from ratchet.training.losses import Loss

# Cells a side: of few examples fewer, so that a cell is not the number of one.
_CELLS = ((2_000, 24), (500, 12), (0, 6))
# The outermost examples of each side would leave all others in one cell.
_INSIDE = (0.005, 0.995)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredNumbers:
    """One contender's predictions, sorted once for all that is told of them.

    Parameters
    ----------
    labels, answers : arrays of shape (n_examples,)
        In an order that does not depend on how they were read.
    """

    name: str
    labels: Floats
    answers: Floats
    loss: Loss
    sums: Sums
    order: NDArray[np.intp]
    bins: NDArray[np.int64]
    members: Cells
    came: Sums

    @classmethod
    def of(cls, name: str, labels: Floats, answers: Floats, loss: Loss) -> ScoredNumbers:
        """Return the contender."""
        error = answers - labels
        shifted = labels - (labels.mean() if labels.size else 0.0)
        columns = {
            "n": np.ones(len(labels)),
            "absolute": np.abs(error),
            "squared": np.square(error),
            "error": error,
            "label": shifted,
            "label squared": np.square(shifted),
        }
        if loss.name == "quantile_loss":
            columns["quantile"] = loss.of_examples(labels, answers)
        bins = equal_mass_bins(answers, CALIBRATION_BINS)
        # Shifted, so that sums of large numbers keep their digits.
        by_bin = {f"{i}": np.where(bins == i, shifted, 0.0) for i in range(CALIBRATION_BINS)}
        return cls(
            name=name,
            labels=labels,
            answers=answers,
            loss=loss,
            sums=Sums.of(columns),
            order=np.argsort(np.abs(error), kind="stable"),
            bins=bins,
            members=Cells.of(bins, CALIBRATION_BINS),
            came=Sums.of(by_bin),
        )

    def resampled(self, counts: Counts) -> Floats:
        """Return the rows of `metrics` and of `detail`: sums, the median absolute error, and by bin number and sum."""
        parts = [self.sums.resampled(counts), self._medians(counts)[None]]
        return np.concatenate([*parts, self.members.resampled(counts), self.came.resampled(counts)])

    def metrics(self, resampled: Floats, drawing: Drawing, *, skill: Interval | None) -> Metrics:
        """Return all metrics beside the skill; None where the examples cannot answer one."""
        if not self.labels.size:
            return Metrics(name=self.name)
        whole = np.ones((1, len(self.labels)), dtype=np.int64)
        now, drawn = self._figures(self.resampled(whole)), self._figures(resampled)
        further: dict[str, Interval | None] = {"skill": skill}
        for name, value in now.items():
            known = drawn[name][~np.isnan(drawn[name])]
            figure = float(value[0])
            further[name] = None if np.isnan(figure) else percentile_interval(figure, known, drawing.confidence)
        return Metrics(name=self.name, further=further)

    def detail(self, resampled: Floats, drawing: Drawing) -> NumbersOf:
        """Return the predictions bin by bin."""
        n, sums = resampled[len(self.sums.names) + 1 :].reshape(2, CALIBRATION_BINS, -1)
        members = [(self.bins == i, n[i], sums[i]) for i in range(CALIBRATION_BINS) if (self.bins == i).any()]
        middle = float(self.labels.mean()) if self.labels.size else 0.0
        return NumbersOf(
            contender=self.name,
            bins=tuple(
                NumberBin(
                    n_examples=int(member.sum()),
                    mean_predicted=round(float(self.answers[member].mean()), DIGITS),
                    mean=percentile_interval(
                        float(self.labels[member].mean()), middle + ratio(drawn, of), drawing.confidence
                    ),
                )
                for member, of, drawn in members
            ),
            actual=_grid(self.answers, self.labels),
            residuals=_grid(self.answers, self.labels - self.answers),
        )

    def _figures(self, resampled: Floats) -> dict[str, Floats]:
        sums = dict(zip(self.sums.names, resampled, strict=False))
        n = sums["n"]
        spread = sums["label squared"] - np.square(sums["label"]) / n
        # Of equal labels what is left of their spread is noise.
        is_spread = spread > 1e-12 * np.maximum(sums["label squared"], np.finfo(np.float64).tiny)
        missed = np.divide(sums["squared"], spread, out=np.full(len(n), np.nan), where=is_spread)
        found = {
            "mae": sums["absolute"] / n,
            "rmse": np.sqrt(sums["squared"] / n),
            "median_absolute_error": resampled[len(self.sums.names)],
            "r2": 1 - missed,
            "bias": sums["error"] / n,
        }
        return found | ({"quantile_loss": sums["quantile"] / n} if "quantile" in sums else {})

    def _medians(self, counts: Counts) -> Floats:
        """Return the median absolute error of each resample: the mean of the middle two of an even number."""
        if not self.labels.size:
            return np.full(len(counts), np.nan)
        through = np.cumsum(np.take(counts, self.order, axis=1), axis=1)
        errors, n = np.abs(self.answers - self.labels)[self.order], through[:, -1]
        found: Floats = np.array(
            [
                errors[np.searchsorted(row, [(of - 1) // 2, of // 2], side="right")].mean()
                for row, of in zip(through, n, strict=True)
            ]
        )
        return found


def _grid(x: Floats, y: Floats) -> Grid | None:
    """Return how many examples lie in each cell; None where there is nothing to part."""
    if not x.size:
        return None
    side = next(cells for least, cells in _CELLS if x.size >= least)
    x_edges, y_edges = _edges(x, side), _edges(y, side)
    if x_edges is None or y_edges is None:
        return None
    columns = np.clip(np.searchsorted(x_edges, x, side="right") - 1, 0, side - 1)
    rows = np.clip(np.searchsorted(y_edges, y, side="right") - 1, 0, side - 1)
    counts = np.bincount(rows * side + columns, minlength=side * side).reshape(side, side)
    return Grid(
        x_edges=tuple(x_edges.tolist()), y_edges=tuple(y_edges.tolist()), counts=tuple(map(tuple, counts.tolist()))
    )


def _edges(values: Floats, side: int) -> Floats | None:
    low, high = np.quantile(values, _INSIDE)
    return np.linspace(low, high, side + 1) if low < high else None
