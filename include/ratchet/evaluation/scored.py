"""The metrics of one contender's scores, each with its bootstrap interval, and their curve.

Mean losses are resampled as they are. The bins of the calibration error are those of all examples and stay as they
are in every resample; the error of a resample is on average above that of the examples it was drawn from (chance
alone makes gaps), so its interval errs upwards: a bound that its high end keeps is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.bootstrap import percentile_interval
from ratchet.evaluation.calibration import ScoreCurve, score_curve
from ratchet.evaluation.metrics import (
    CALIBRATION_BINS,
    average_precision,
    brier,
    calibration_error,
    equal_mass_bins,
    log_loss,
    log_losses,
)
from ratchet.evaluation.ranking import Ranking
from ratchet.evaluation.resampling import ratio
from ratchet.evaluation.results import Metrics
from ratchet.evaluation.tallies import Runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Counts, Drawing

_LOSSES = ("log_loss", "brier")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """One contender's scores, sorted once for all that is told of them.

    Parameters
    ----------
    truth, scores : arrays of shape (n_examples,)
        In an order that does not depend on how they were read; scores in [0, 1].
    bins : array of shape (n_examples,)
        The bin of equal mass of each score.
    losses : array of shape (2, n_examples)
        Log loss and squared distance of each example in the order of ``ranking``, ``gaps`` score less outcome.
    """

    name: str
    truth: Bools
    scores: Floats
    ranking: Ranking
    bins: NDArray[np.int64]
    losses: Floats
    gaps: Floats
    negatives: Runs
    positives: Runs

    @classmethod
    def of(cls, name: str, truth: Bools, scores: Floats) -> Scored:
        """Return the contender, its examples in order; without an example nothing is told."""
        ranking, bins = Ranking.of(truth, scores), equal_mass_bins(scores, CALIBRATION_BINS)
        order, n = ranking.order, ranking.n_negative
        gaps = (scores - truth)[order]
        return cls(
            name=name,
            truth=truth,
            scores=scores,
            ranking=ranking,
            bins=bins,
            losses=np.stack([log_losses(truth, scores)[order], np.square(gaps)]),
            gaps=gaps,
            negatives=Runs.of(bins[order[:n]], CALIBRATION_BINS),
            positives=Runs.of(bins[order[n:]], CALIBRATION_BINS),
        )

    def resampled(self, counts: Counts) -> Floats:
        """Return one row each: number, average precision, sums of losses; then by bin: gaps, examples, positives."""
        ordered, n = self.ranking.ordered(counts), self.ranking.n_negative
        passed, drawn = self.ranking.passed(ordered), ordered.astype(np.float64)
        came = self.positives.sums(ordered[:, n:])
        losses = self.losses @ drawn.T
        drawn *= self.gaps
        return np.concatenate(
            [
                ordered.sum(axis=1, dtype=np.float64)[None],
                self.ranking.average_precision(ordered, passed)[None],
                losses,
                self.negatives.sums(drawn[:, :n]) + self.positives.sums(drawn[:, n:]),
                self.negatives.sums(ordered[:, :n]) + came,
                came,
            ]
        )

    def metrics(self, resampled: Floats, drawing: Drawing, *, auc: Interval | None) -> Metrics:
        """Return all metrics beside the AUC; None where the examples cannot answer one."""
        if not self.truth.size:
            return Metrics(name=self.name)
        values = {
            "average_precision": average_precision(self.truth, self.scores),
            "log_loss": log_loss(self.truth, self.scores),
            "brier": brier(self.truth, self.scores),
            "calibration_error": calibration_error(self.truth, self.scores),
        }
        rows, precision, *rest = resampled
        gaps = np.abs(resampled[4 : 4 + CALIBRATION_BINS]).sum(axis=0)
        drawn = {name: ratio(of, rows) for name, of in zip(_LOSSES, rest[:2], strict=True)} | {
            "calibration_error": ratio(gaps, rows),
            "average_precision": precision[~np.isnan(precision)],
        }
        found: dict[str, Any] = {
            what: None if value is None else percentile_interval(value, drawn[what], drawing.confidence)
            for what, value in values.items()
        }
        return Metrics(name=self.name, auc=auc, fault=None, **found)

    def curve(self, resampled: Floats, drawing: Drawing) -> ScoreCurve:
        """Return calibration and distribution of the scores."""
        n, came = resampled[4 + CALIBRATION_BINS :].reshape(2, CALIBRATION_BINS, -1)
        return score_curve(self.name, self.truth, self.scores, self.bins, (n, came), drawing)
