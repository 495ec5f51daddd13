"""Small plots that stand side by side: a history over spans, a histogram against another, bars of shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from markupsafe import Markup

from ratchet.reports.axis import Axis
from ratchet.reports.canvas import SMALL

_WIDTH, _LEFT, _RIGHT = 300, 6, 294
_PATH = Markup('<path class="{kind}" d="{d}"/>')
_DOT = Markup('<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{r}"><title>{words}</title></circle>')
_RECT = Markup(
    '<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">'
    "<title>{words}</title></rect>"
)
_TEXT = Markup('<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>')


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One span of a history: a figure, and the band around it; None where the span has none."""

    span: str
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRow:
    """A named share, and what it was in the other window; None where there is none."""

    label: str
    share: float
    other: float | None = None


def plot_history(
    points: Sequence[Point],
    *,
    what: str,
    reference: float | None = None,
    from_zero: bool = False,
    width: int = _WIDTH,
    height: int = 92,
) -> Markup:
    """Return a line over spans with its band; the newest point is marked, the reference dashed.

    Parameters
    ----------
    reference : float or None
        The same figure of the window that is compared with.
    from_zero : bool
        Whether the axis holds 0, as it must for shares.
    """
    right = width - 64
    ends = [end for point in points for end in (point.value, point.low, point.high)]
    figures = [end for end in (*ends, reference, 0.0 if from_zero else None) if end is not None and isfinite(end)]
    axis = Axis.around(figures, left=height - 20, right=8)
    step = (right - _LEFT) / max(len(points) - 1, 1)
    at = [_LEFT + (i * step if len(points) > 1 else (right - _LEFT) / 2) for i in range(len(points))]
    parts = [_PATH.format(kind="axis", d=f"M{_LEFT} {axis.at(end):.1f}H{right}") for end in (axis.low, axis.high)]
    parts += [_band(at, points, axis), *_reference(axis, reference, right), _line(at, points, axis)]
    parts += _marks(at, points, axis)
    parts += [_text("tick", width - 2, axis.at(end) + 4, _short(end), "end") for end in (axis.low, axis.high)]
    if points:
        parts.append(_text("tick", _LEFT - 4, height - 3, points[0].span if len(points) > 1 else "", "start"))
        parts.append(_text("tick", at[-1] + 4, height - 3, points[-1].span, "end"))
    return _svg(parts, height, what, width)


def plot_histogram(counts: Sequence[int], other: Sequence[int] | None, *, names: Sequence[str], what: str) -> Markup:
    """Return the shares of bins as bars, and those of the other window as an outline; every bin is drawn as wide."""
    height, bottom, top = 84, 70, 6
    shares, others = _shares(counts), _shares(other or [])
    most = max([*shares, *others, 1e-9])
    width = (_RIGHT - _LEFT) / max(len(shares), 1)
    parts = [
        _RECT.format(
            kind="fill",
            x=_LEFT + i * width + 0.6,
            y=bottom - share / most * (bottom - top),
            width=width - 1.2,
            height=share / most * (bottom - top),
            words=f"{name}: {share:.2%}" + (f", then {others[i]:.2%}" if others else ""),
        )
        for i, (share, name) in enumerate(zip(shares, names, strict=True))
    ]
    if others:
        steps = [
            f"{_LEFT + i * width:.1f} {bottom - share / most * (bottom - top):.1f}H{_LEFT + (i + 1) * width:.1f}"
            for i, share in enumerate(others)
        ]
        # The outline climbs from bin to bin: each step is a line to the height of the next.
        parts.append(_PATH.format(kind="outline", d="M" + "L".join(steps)))
    parts.append(_PATH.format(kind="axis", d=f"M{_LEFT} {bottom}H{_RIGHT}"))
    if names:
        parts.append(_text("tick", _LEFT, height - 1, names[0], "start"))
        parts.append(_text("tick", _RIGHT, height - 1, names[-1], "end"))
    return _svg(parts, height, what)


def plot_shares(rows: Sequence[ShareRow], *, what: str, is_percent: bool = True) -> Markup:
    """Return one bar a row, and a tick where the other window's share was; a number below 0 has no bar.

    Parameters
    ----------
    is_percent : bool
        Whether they are shares; else numbers of any unit.
    """
    most = max([1e-9, *(row.share for row in rows), *(row.other or 0.0 for row in rows)])
    scale = (_RIGHT - 52 - 110) / most
    parts: list[Markup] = []
    for i, row in enumerate(rows):
        y = 4 + 18 * i
        label = row.label if len(row.label) <= 15 else row.label[:14] + "…"
        parts.append(_text("name", 104, y + 11, label, "end"))
        parts.append(
            _RECT.format(kind="fill", x=110, y=y + 1, width=max(row.share, 0.0) * scale, height=12, words=row.label)
        )
        if row.other is not None:
            parts.append(_PATH.format(kind="outline", d=f"M{110 + row.other * scale:.1f} {y - 1}v16"))
        parts.append(_text("tick", _RIGHT, y + 11, f"{row.share:.1%}" if is_percent else f"{row.share:.4g}", "end"))
    return _svg(parts, 18 * len(rows) + 6, what)


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total for count in counts] if total else [0.0 for _ in counts]


def _band(at: Sequence[float], points: Sequence[Point], axis: Axis) -> Markup:
    runs: list[list[tuple[float, float, float]]] = [[]]
    for x, point in zip(at, points, strict=True):
        if point.low is None or point.high is None:
            runs.append([])
        else:
            runs[-1].append((x, axis.at(point.low), axis.at(point.high)))
    drawn = [run for run in runs if len(run) > 1]
    d = "".join(
        "M"
        + "L".join(f"{x:.1f} {high:.1f}" for x, _, high in run)
        + "L"
        + "L".join(f"{x:.1f} {low:.1f}" for x, low, _ in reversed(run))
        + "Z"
        for run in drawn
    )
    return _PATH.format(kind="band", d=d) if d else Markup()


def _line(at: Sequence[float], points: Sequence[Point], axis: Axis) -> Markup:
    d, is_open = "", False
    for x, point in zip(at, points, strict=True):
        if point.value is None:
            is_open = False  # a gap stays a gap
            continue
        d += f"{'L' if is_open else 'M'}{x:.1f} {axis.at(point.value):.1f}"
        is_open = True
    return _PATH.format(kind="line", d=d) if d else Markup()


def _marks(at: Sequence[float], points: Sequence[Point], axis: Axis) -> list[Markup]:
    newest = len(points) - 1
    return [
        _DOT.format(
            kind="now" if i == newest else "then",
            x=x,
            y=axis.at(point.value),
            r=3.6 if i == newest else 1.6,
            words=f"{point.span}: {point.value:.6g}",
        )
        for i, (x, point) in enumerate(zip(at, points, strict=True))
        if point.value is not None
    ]


def _reference(axis: Axis, reference: float | None, right: float) -> list[Markup]:
    if reference is None or not isfinite(reference):
        return []
    return [_PATH.format(kind="outline", d=f"M{_LEFT} {axis.at(reference):.1f}H{right}")]


def _short(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:.2g}"


def _text(kind: str, x: float, y: float, words: str, anchor: str) -> Markup:
    return _TEXT.format(kind=kind, x=x, y=y, words=words, anchor=anchor)


def _svg(parts: Sequence[Markup], height: int, what: str, width: int = _WIDTH) -> Markup:
    return SMALL.format(width=width, height=height, what=what, parts=Markup("\n").join(parts))
