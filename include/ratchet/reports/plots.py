"""Plots as inline SVG, which takes its colours and its font from the page it stands in.

Written by hand: matplotlib takes seconds to import and a third of one a figure, and its figures know no dark page.
No mark says by its colour alone what it means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from typing import TYPE_CHECKING

from markupsafe import Markup

from ratchet.reports.axis import Axis
from ratchet.reports.canvas import PLOT
from ratchet.reports.figures import decimals

if TYPE_CHECKING:
    from ratchet.verdicts import Verdict

_WIDTH = 860
_LEFT, _RIGHT = 184, 620
_ROW = 26
_TOP, _BOTTOM = 6, 30
_LABEL = 22

_GRID = Markup('<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom:.1f}"/>')
_TICK = Markup('<text class="tick" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{words}</text>')
_WHAT = Markup('<text class="tick" x="{x:.1f}" y="{y:.1f}">{words}</text>')
_LINE = Markup('<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" y2="{bottom:.1f}"/>')
_NAME = Markup('<text class="name" x="{x}" y="{y:.1f}" text-anchor="end">{words}<title>{whole}</title></text>')
_WORDS = Markup('<text class="figures {kind}" x="{x}" y="{y:.1f}">{words}</text>')
_WHISKER = Markup(
    '<path class="whisker {kind}" '
    'd="M{low:.1f} {y:.1f}H{high:.1f}M{low:.1f} {up:.1f}V{down:.1f}M{high:.1f} {up:.1f}V{down:.1f}"/>'
)
_DOT = Markup('<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>')
_BAR = Markup('<rect class="bar {kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="12" rx="1.5"/>')
_DIAMOND = Markup('<path class="floor" d="M{x:.1f} {up:.1f}l4 4l-4 4l-4 -4z"/>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisker:
    """A figure and its interval; a strong one is what the plot is about, a hollow one says that it is not certain."""

    label: str
    value: float
    low: float
    high: float
    bound: float | None = None
    is_strong: bool = False
    is_hollow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A distance, its bound and the distance that chance makes; ``value`` None where there is none."""

    label: str
    value: float | None
    bound: float
    floor: float | None
    verdict: Verdict


def plot_whiskers(
    rows: Sequence[Whisker], *, what: str, reference: float, bound: float | None = None, signed: bool = False
) -> Markup:
    """Return one dot and its interval a row, on one axis.

    Parameters
    ----------
    what : str
        What the axis shows.
    reference : float
        A line through all rows: what no skill, or no difference, would be.
    bound : float or None
        A dashed line through all rows; a row's own bound is a dashed line in that row.
    """
    rows = [row for row in rows if all(map(isfinite, (row.value, row.low, row.high)))]
    bounds = [of for of in (bound, *(row.bound for row in rows)) if of is not None]
    axis = Axis.around(chain((reference, *bounds), *((row.low, row.high) for row in rows)), left=_LEFT, right=_RIGHT)
    parts = [*_frame(axis, len(rows), what), _through("reference", axis.at(reference), len(rows))]
    if bound is not None:
        parts.append(_through("bound", axis.at(bound), len(rows)))
    for i, row in enumerate(rows):
        parts += _whisker(axis, _middle(i), row, signed=signed)
    return _svg(parts, len(rows), what)


def plot_bars(rows: Sequence[Bar], *, what: str) -> Markup:
    """Return one bar a row from 0, with its bound as a dashed line and the floor of chance as a diamond."""
    figures = (of for row in rows for of in (row.value, row.bound, row.floor) if of is not None)
    axis = Axis.around(chain((0.0,), figures), left=_LEFT, right=_RIGHT)
    parts = [*_frame(axis, len(rows), what), _through("reference", axis.at(0), len(rows))]
    for i, row in enumerate(rows):
        parts += _bar(axis, _middle(i), row)
    return _svg(parts, len(rows), what)


def _whisker(axis: Axis, y: float, row: Whisker, *, signed: bool) -> Iterable[Markup]:
    kind = " ".join((["strong"] if row.is_strong else []) + (["hollow"] if row.is_hollow else []))
    low, high = axis.at(row.low), axis.at(row.high)
    yield _name(y, row.label)
    yield _WHISKER.format(kind=kind, low=low, high=high, y=y, up=y - 4, down=y + 4)
    if row.bound is not None:
        yield _LINE.format(kind="bound", x=axis.at(row.bound), top=y - 10, bottom=y + 10)
    yield _DOT.format(kind=kind, x=axis.at(row.value), y=y)
    value, *ends = (decimals(of, signed=signed) for of in (row.value, row.low, row.high))
    yield _words(y, f"{value} [{', '.join(ends)}]", kind)


def _bar(axis: Axis, y: float, row: Bar) -> Iterable[Markup]:
    yield _name(y, row.label)
    if row.value is not None:
        width = max(axis.at(row.value) - axis.left, 1)
        yield _BAR.format(kind=row.verdict, x=axis.left, y=y - 6, width=width)
    yield _LINE.format(kind="bound", x=axis.at(row.bound), top=y - 10, bottom=y + 10)
    if row.floor is not None:
        yield _DIAMOND.format(x=axis.at(row.floor), up=y - 4)
    yield _words(y, " ".join(([decimals(row.value)] if row.value is not None else []) + [row.verdict]), row.verdict)


def _frame(axis: Axis, n_rows: int, what: str) -> Iterable[Markup]:
    bottom = _TOP + n_rows * _ROW
    for x, words in axis.ticks():
        yield _GRID.format(x=x, top=_TOP, bottom=bottom + 4)
        yield _TICK.format(x=x, y=bottom + 18, words=words)
    yield _WHAT.format(x=axis.right + 24, y=bottom + 18, words=what)


def _through(kind: str, x: float, n_rows: int) -> Markup:
    return _LINE.format(kind=kind, x=x, top=_TOP, bottom=_TOP + n_rows * _ROW + 4)


def _name(y: float, label: str) -> Markup:
    words = label if len(label) <= _LABEL else label[: _LABEL - 1] + "…"
    return _NAME.format(x=_LEFT - 14, y=y + 4, words=words, whole=label)


def _words(y: float, words: str, kind: str) -> Markup:
    return _WORDS.format(x=_RIGHT + 24, y=y + 4, words=words, kind=kind)


def _middle(row: int) -> float:
    return _TOP + row * _ROW + _ROW / 2


def _svg(parts: Iterable[Markup], n_rows: int, what: str) -> Markup:
    height = _TOP + n_rows * _ROW + _BOTTOM
    return PLOT.format(width=_WIDTH, height=height, what=what, parts=Markup("\n").join(parts))
