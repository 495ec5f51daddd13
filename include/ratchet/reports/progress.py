"""The progress of a search as inline SVG: each trial's AUC in the order of the trials, and the best so far."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ratchet.reports.axis import Axis
from ratchet.reports.canvas import PLOT
from ratchet.reports.figures import decimals

_WIDTH, _HEIGHT = 860, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 830, 12, 252

_RULE = Markup('<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
_TICK = Markup('<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>')
_BEST = Markup('<path class="whisker strong" d="{path}"/>')
_DOT = Markup('<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"><title>{words}</title></circle>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One finished trial; a strong one is that which was chosen, ``words`` name it."""

    number: int
    auc: float
    words: str
    is_strong: bool = False


def plot_progress(points: Sequence[Point], *, what: str = "AUC by trial") -> Markup:
    """Return a dot a trial and the best so far as a line; trials without an AUC have none."""
    up = Axis.around((point.auc for point in points), left=_BOTTOM, right=_TOP)
    along = Axis.around(chain_of(points), left=_LEFT, right=_RIGHT)
    parts = [*_rules(up), *_numbers(along), _TICK.format(x=_RIGHT, y=_HEIGHT - 8, anchor="end", words=what)]
    if points:
        parts.append(_BEST.format(path=_staircase(points, along, up)))
    for point in points:
        kind = "strong" if point.is_strong else ""
        parts.append(_DOT.format(kind=kind, x=along.at(point.number), y=up.at(point.auc), words=point.words))
    return PLOT.format(width=_WIDTH, height=_HEIGHT, what=what, parts=Markup("\n").join(parts))


def chain_of(points: Sequence[Point]) -> list[float]:
    """Return what the axis of trials must hold; it begins at trial 0."""
    return [0.0, *(float(point.number) for point in points)]


def _staircase(points: Sequence[Point], along: Axis, up: Axis) -> str:
    best, steps = points[0].auc, [f"M{along.at(points[0].number):.1f} {up.at(points[0].auc):.1f}"]
    for point in points[1:]:
        steps.append(f"H{along.at(point.number):.1f}")
        if point.auc > best:
            best = point.auc
            steps.append(f"V{up.at(best):.1f}")
    return "".join(steps)


def _rules(up: Axis) -> Iterable[Markup]:
    for y, words in up.ticks():
        yield _RULE.format(left=_LEFT, right=_RIGHT, y=y)
        yield _TICK.format(x=_LEFT - 8, y=y + 4, anchor="end", words=words)


def _numbers(along: Axis) -> Iterable[Markup]:
    for x, words in along.ticks():
        if "." not in words:
            yield _TICK.format(x=x, y=_BOTTOM + 22, anchor="middle", words=words)


def words_of(number: int, family: str, auc: float) -> str:
    """Return what a dot says of its trial."""
    return f"trial {number}, {family}: {decimals(auc)}"
