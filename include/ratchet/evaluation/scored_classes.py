"""The metrics of one contender's probabilities of several classes, each with its bootstrap interval.

============= ======================================================================================================
log loss      mean negative logarithm of the probability given to the class that came
Brier         mean squared distance between probabilities and outcome, summed over the classes [1]_: 0 to 2
accuracy      share of examples whose likeliest class came; of equally likely ones the first
calibration   distance between the probability of the likeliest class and the share for which it came, over bins of
error         equal mass, as `metrics.calibration_error` has it (top-label calibration [2]_)
============= ======================================================================================================

References
----------
.. [1] Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950.
.. [2] Guo et al., "On calibration of modern neural networks", ICML 2017.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.bootstrap import percentile_interval
from ratchet.evaluation.class_figures import ClassesOf, ClassRow
from ratchet.evaluation.ranking import Ranking
from ratchet.evaluation.resampling import rates, ratio
from ratchet.evaluation.results import Metrics
from ratchet.evaluation.scored import Scored
from ratchet.evaluation.tallies import Cells, Sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.metrics import Floats
    from ratchet.evaluation.resampling import Counts, Drawing


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredClasses:
    """One contender's answers, sorted once for all that is told of them.

    Parameters
    ----------
    labels : array of shape (n_examples,)
        Places of classes, in an order that does not depend on how they were read.
    top : Scored
        The probability of the likeliest class as the score of its coming.
    rankings : tuple of Ranking
        One a class against the rest; none where they are not asked for.
    """

    name: str
    classes: tuple[str, ...]
    labels: NDArray[np.int64]
    top: Scored
    sums: Sums
    cells: Cells
    now: Floats
    rankings: tuple[Ranking, ...]

    @classmethod
    def of(
        cls,
        name: str,
        labels: NDArray[np.int64],
        answers: Floats,
        classes: tuple[str, ...],
        *,
        is_detailed: bool = True,
    ) -> ScoredClasses:
        """Return the contender; without ``is_detailed`` no class is ranked by itself."""
        k, n = len(classes), len(labels)
        likeliest = answers.argmax(axis=1) if n else np.empty(0, dtype=np.int64)
        given = answers[np.arange(n), labels]
        epsilon = np.finfo(np.float64).eps
        cells = Cells.of(labels * k + likeliest, k * k)
        return cls(
            name=name,
            classes=classes,
            labels=labels,
            top=Scored.of(name, likeliest == labels, answers.max(axis=1) if n else np.empty(0)),
            sums=Sums.of(
                {
                    "log_loss": -np.log(np.clip(given, epsilon, 1 - epsilon)),
                    "brier": np.square(answers).sum(axis=1) - 2 * given + 1,
                }
            ),
            cells=cells,
            now=cells.resampled(np.ones((1, n), dtype=np.int64)),
            rankings=tuple(Ranking.of(labels == i, answers[:, i]) for i in range(k)) if is_detailed else (),
        )

    def resampled(self, counts: Counts) -> Floats:
        """Return the rows of `metrics` and of `detail`: sums, cells, those of ``top``, and an AUC a class."""
        aucs = [_auc(ranking, counts)[None] for ranking in self.rankings]
        parts = [self.sums.resampled(counts), self.cells.resampled(counts), self.top.resampled(counts)]
        return np.concatenate([*parts, *aucs])

    def metrics(self, resampled: Floats, drawing: Drawing, *, auc: Interval | None) -> Metrics:
        """Return all metrics beside the macro AUC; None where the examples cannot answer one."""
        if not len(self.labels):
            return Metrics(name=self.name)
        sums, cells, top, _ = self._parts(resampled)
        n, k = top[0], len(self.classes)
        calibrated = self.top.metrics(top, drawing, auc=None).calibration_error
        right = self.now.reshape(k, k, -1)[range(k), range(k)].sum()
        drawn_right = cells.reshape(k, k, -1)[range(k), range(k)].sum(axis=0)
        told: dict[str, Any] = {
            name: percentile_interval(float(column.mean()), ratio(drawn, n), drawing.confidence)
            for name, column, drawn in zip(self.sums.names, self.sums.columns, sums, strict=True)
        }
        accuracy = percentile_interval(float(right / len(self.labels)), ratio(drawn_right, n), drawing.confidence)
        return Metrics(name=self.name, auc=auc, calibration_error=calibrated, further={"accuracy": accuracy}, **told)

    def detail(self, resampled: Floats, drawing: Drawing) -> ClassesOf:
        """Return the answers class by class."""
        k = len(self.classes)
        _, cells, top, aucs = self._parts(resampled)
        now, drawn = self.now.reshape(k, k, 1), cells.reshape(k, k, cells.shape[1])
        return ClassesOf(
            contender=self.name,
            matrix=tuple(tuple(int(n) for n in row) for row in now[:, :, 0]),
            rows=tuple(
                ClassRow(
                    name=name,
                    n_examples=int(now[i].sum()),
                    auc=self._auc(i, aucs[i], drawing),
                    precision=_share(now[i, i], now[:, i].sum(axis=0), drawn[i, i], drawn[:, i].sum(axis=0), drawing),
                    recall=_share(now[i, i], now[i].sum(axis=0), drawn[i, i], drawn[i].sum(axis=0), drawing),
                )
                for i, name in enumerate(self.classes)
            ),
            calibration=self.top.curve(top, drawing).calibration,
        )

    def _auc(self, i: int, drawn: Floats, drawing: Drawing) -> Interval | None:
        value = float(_auc(self.rankings[i], np.ones((1, len(self.labels)), dtype=np.int64))[0])
        return None if np.isnan(value) else percentile_interval(value, drawn[~np.isnan(drawn)], drawing.confidence)

    def _parts(self, resampled: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        n_sums, n_cells, n_aucs = len(self.sums.names), self.cells.runs.n, len(self.rankings)
        ends = (n_sums, n_sums + n_cells, len(resampled) - n_aucs)
        sums, cells, top, aucs = np.split(resampled, ends)
        return sums, cells, top, aucs


def _auc(ranking: Ranking, counts: Counts) -> Floats:
    ordered = ranking.ordered(counts)
    return ranking.auc(ordered, ranking.passed(ordered))


def _share(part: Floats, whole: Floats, drawn: Floats, drawn_whole: Floats, drawing: Drawing) -> Interval | None:
    n = int(whole[0])
    if not n:
        return None
    again = rates(drawn, drawn_whole, n_examples=n, seed=drawing.seed)
    return percentile_interval(float(part[0] / n), again, drawing.confidence)
