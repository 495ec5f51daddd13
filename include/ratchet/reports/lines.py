"""Lines over two axes, each with its own dashes: ROC and precision-recall, the learning curve, a model's ageing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite

from markupsafe import Markup

from ratchet.reports.axis import Axis
from ratchet.reports.canvas import PLOT

_WIDTH, _HEIGHT = 860, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 560, 10, 278
_LEGEND = 590

_GRID = Markup('<path class="grid" d="{d}"/>')
_REFERENCE = Markup('<path class="reference" d="{d}"/>')
_LINE = Markup('<path class="curve {kind}" d="{d}"><title>{label}</title></path>')
_BAND = Markup('<path class="spread" d="{d}"/>')
_DOT = Markup('<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{words}</title></circle>')
_TEXT = Markup('<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Points from left to right; ``band`` holds low and high beside each. A strong line is what the plot is about."""

    label: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float]] = ()
    is_strong: bool = False
    has_dots: bool = False


def plot_lines(
    lines: Sequence[Line],
    *,
    what_x: str,
    what_y: str,
    reference: Sequence[tuple[float, float]] = (),
    unit_square: bool = False,
) -> Markup:
    """Return the lines on common axes, with a legend that shows the dashes of each.

    Parameters
    ----------
    reference : sequence of (x, y)
        A thin line: what guessing would give.
    unit_square : bool
        Whether both axes go from 0 to 1, as those of shares do; else from the least to the greatest figure.
    """
    drawn = [line for line in lines if line.points and all(isfinite(of) for point in line.points for of in point)]
    xs = [x for line in drawn for x, _ in line.points]
    ys = chain((y for line in drawn for _, y in line.points), (y for line in drawn for ends in line.band for y in ends))
    across = Axis.around((0.0, 1.0) if unit_square else xs, left=_LEFT, right=_RIGHT)
    up = Axis.around((0.0, 1.0) if unit_square else ys, left=_BOTTOM, right=_TOP)
    parts = [*_frame(across, up, what_x, what_y)]
    if reference:
        parts.append(_REFERENCE.format(d=_path(reference, across, up)))
    # The strong line last, above the others.
    for i in sorted(range(len(drawn)), key=lambda i: drawn[i].is_strong):
        parts += _line(drawn[i], _kind(drawn[i], i), across, up)
    for i, line in enumerate(drawn):
        y = _TOP + 14 + 22 * i
        parts.append(_LINE.format(kind=_kind(line, i), d=f"M{_LEGEND} {y - 4}h28", label=line.label))
        parts.append(_TEXT.format(kind="name", x=_LEGEND + 38, y=y, anchor="start", words=line.label))
    what = f"{what_y} over {what_x}"
    return PLOT.format(width=_WIDTH, height=_HEIGHT, what=what, parts=Markup("\n").join(parts))


def _line(line: Line, kind: str, across: Axis, up: Axis) -> Iterable[Markup]:
    if line.band:
        upper = [(x, high) for (x, _), (_, high) in zip(line.points, line.band, strict=True)]
        lower = [(x, low) for (x, _), (low, _) in zip(line.points, line.band, strict=True)]
        yield _BAND.format(d=_path([*upper, *reversed(lower)], across, up) + "Z")
    yield _LINE.format(kind=kind, d=_path(line.points, across, up), label=line.label)
    if line.has_dots:
        for x, y in line.points:
            yield _DOT.format(kind=kind, x=across.at(x), y=up.at(y), words=f"{line.label}: {x:,g}, {y:.4f}")


def _kind(line: Line, number: int) -> str:
    return "strong" if line.is_strong else f"dash{number % 5}"


def _path(points: Iterable[tuple[float, float]], across: Axis, up: Axis) -> str:
    return "M" + "L".join(f"{across.at(x):.1f} {up.at(y):.1f}" for x, y in points)


def _frame(across: Axis, up: Axis, what_x: str, what_y: str) -> Iterable[Markup]:
    for x, words in across.ticks():
        yield _GRID.format(d=f"M{x:.1f} {_TOP}V{_BOTTOM}")
        yield _TEXT.format(kind="tick", x=x, y=_BOTTOM + 17, anchor="middle", words=words)
    for y, words in up.ticks():
        yield _GRID.format(d=f"M{_LEFT} {y:.1f}H{_RIGHT}")
        yield _TEXT.format(kind="tick", x=_LEFT - 8, y=y + 4, anchor="end", words=words)
    yield _TEXT.format(kind="tick", x=(_LEFT + _RIGHT) / 2, y=_BOTTOM + 38, anchor="middle", words=what_x)
    yield _TEXT.format(kind="tick", x=_RIGHT + 30, y=_BOTTOM, anchor="start", words=f"up: {what_y}")
