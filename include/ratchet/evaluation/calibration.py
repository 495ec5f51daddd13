"""How often the outcome came among examples of about the same score, and how scores are distributed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.bootstrap import Interval, percentile_interval
from ratchet.evaluation.metrics import DIGITS
from ratchet.evaluation.resampling import rates

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Drawing

SCORE_BINS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Examples of neighbouring scores: their mean score, and the share of them for which the outcome came."""

    n_examples: int
    mean_score: float
    share: Interval

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CalibrationBin:
        """Return the bin that ``Evaluation.to_json`` wrote."""
        return cls(**{**values, "share": Interval.from_json(values["share"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreCurve:
    """Calibration and distribution of one contender's scores.

    ``calibration`` has bins of equal mass, lowest scores first, empty ones left out. ``histogram`` counts scores in 20
    bins of equal width from 0 to 1.
    """

    name: str
    calibration: tuple[CalibrationBin, ...]
    histogram: tuple[int, ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ScoreCurve:
        """Return the curve that ``Evaluation.to_json`` wrote."""
        bins = tuple(CalibrationBin.from_json(item) for item in values["calibration"])
        return cls(name=values["name"], calibration=bins, histogram=tuple(values["histogram"]))


def score_curve(
    name: str, truth: Bools, scores: Floats, bins: NDArray[np.int64], drawn: tuple[Floats, Floats], drawing: Drawing
) -> ScoreCurve:
    """Return the curve of one contender; without examples it is empty.

    Parameters
    ----------
    truth, scores, bins : arrays of shape (n_examples,)
        Scores in [0, 1], and their bins of equal mass.
    drawn : two arrays of shape (n_bins, n_resamples)
        How many examples of each bin were drawn, and for how many of these the outcome came.
    """
    histogram = np.bincount(np.minimum((scores * SCORE_BINS).astype(np.int64), SCORE_BINS - 1), minlength=SCORE_BINS)
    members = [(member, n, came) for i, (n, came) in enumerate(zip(*drawn, strict=True)) if (member := bins == i).any()]
    return ScoreCurve(
        name=name,
        calibration=tuple(
            CalibrationBin(
                n_examples=int(member.sum()),
                mean_score=round(float(scores[member].mean()), DIGITS),
                share=percentile_interval(
                    float(truth[member].mean()),
                    rates(came, n, n_examples=int(member.sum()), seed=drawing.seed),
                    drawing.confidence,
                ),
            )
            for member, n, came in members
        ),
        histogram=tuple(histogram.tolist()),
    )
