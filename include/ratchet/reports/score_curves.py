"""How well scores are calibrated and how they are distributed: the candidate's against the champion's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from ratchet.evaluation.calibration import SCORE_BINS
from ratchet.reports.canvas import SMALL
from ratchet.reports.multiples import plot_histogram

if TYPE_CHECKING:
    from ratchet.evaluation.calibration import CalibrationBin, ScoreCurve

_WIDTH, _HEIGHT = 440, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 430, 8, 268

_PATH = Markup('<path class="{kind}" fill="none" d="{d}"/>')
_DOT = Markup('<circle class="now" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{words}</title></circle>')
_TEXT = Markup('<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>')


def plot_calibration(candidate: ScoreCurve, champion: ScoreCurve | None) -> Markup:
    """Return the share of positives over the mean score of each bin; on the straight line a score is a probability.

    The candidate's bins have their intervals; the champion's are joined by a dashed line.
    """
    parts = [
        _PATH.format(kind="axis", d=f"M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}"),
        _PATH.format(kind="axis", d=f"M{_LEFT} {_BOTTOM}L{_RIGHT} {_TOP}"),
        *_ticks(),
    ]
    if champion is not None and champion.calibration:
        parts.append(_PATH.format(kind="outline", d=_line(champion.calibration)))
    if candidate.calibration:
        parts.append(_PATH.format(kind="line", d=_line(candidate.calibration)))
    for one in candidate.calibration:
        x, share = _x(one.mean_score), one.share
        parts.append(_PATH.format(kind="line", d=f"M{x:.1f} {_y(share.low):.1f}V{_y(share.high):.1f}"))
        words = f"score {one.mean_score:.3f}: {share} of {one.n_examples:,} examples"
        parts.append(_DOT.format(x=x, y=_y(share.value), words=words))
    what = "Calibration: share of positives over mean score"
    return SMALL.format(width=_WIDTH, height=_HEIGHT, what=what, parts=Markup("").join(parts))


def plot_scores(candidate: ScoreCurve, champion: ScoreCurve | None) -> Markup:
    """Return the shares of scores in 20 bins of equal width; the champion's as an outline."""
    names = [f"{i / SCORE_BINS:.2f}" for i in range(SCORE_BINS - 1)] + ["1.00"]
    other = champion.histogram if champion is not None else None
    return plot_histogram(candidate.histogram, other, names=names, what="Distribution of scores")


def _ticks() -> Iterable[Markup]:
    for share in (0.0, 0.5, 1.0):
        yield _TEXT.format(x=_x(share), y=_BOTTOM + 14, anchor="middle", words=f"{share:g}")
        yield _TEXT.format(x=_LEFT - 5, y=_y(share) + 4, anchor="end", words=f"{share:g}")
    yield _TEXT.format(x=(_LEFT + _RIGHT) / 2, y=_HEIGHT - 1, anchor="middle", words="mean score")


def _line(bins: Sequence[CalibrationBin]) -> str:
    return "M" + "L".join(f"{_x(one.mean_score):.1f} {_y(one.share.value):.1f}" for one in bins)


def _x(share: float) -> float:
    return _LEFT + share * (_RIGHT - _LEFT)


def _y(share: float) -> float:
    return _BOTTOM - share * (_BOTTOM - _TOP)
