"""A table of shares or associations as an SVG heat map; each cell says its figure, to the eye and to a pointer."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from markupsafe import Markup

_LEFT, _WIDTH, _TOP, _ROW = 190, 860, 24, 22
_SVG = Markup('<svg class="plot heat" role="img" viewBox="0 0 {width} {height}" aria-label="{what}">{parts}</svg>')
_NAME = Markup('<text class="name" x="{x}" y="{y:.1f}" text-anchor="end">{words}<title>{whole}</title></text>')
_TICK = Markup('<text class="tick" x="{x:.1f}" y="{y}" text-anchor="middle">{words}</text>')
_CELL = Markup(
    '<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill-opacity="{strength:.2f}">'
    "<title>{words}</title></rect>"
)
_FIGURE = Markup('<text class="cell{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{words}</text>')
_LABEL = 24
_NAMED_TICKS = 8


def plot_heat(
    rows: Sequence[tuple[str, Sequence[float | None]]], columns: Sequence[str], *, what: str, as_share: bool
) -> Markup:
    """Return the heat map: figures in [-1, 1], the negative ones in another colour; None and NaN are left empty.

    Parameters
    ----------
    as_share : bool
        Whether figures are shown in percent.
    """
    # Wide enough for the names of a few columns, narrow enough for many.
    width = min((_WIDTH - _LEFT) / max(len(columns), 1), max(80.0, _room_for(columns)))
    has_room = width >= 34
    parts = [*_ticks(columns, width)]
    for i, (name, figures) in enumerate(rows):
        y = _TOP + i * _ROW
        shown = name if len(name) <= _LABEL else name[: _LABEL - 1] + "…"
        parts.append(_NAME.format(x=_LEFT - 10, y=y + 15, words=shown, whole=name))
        for j, figure in enumerate(figures):
            if figure is None or not isfinite(figure):
                continue
            parts.append(_cell(_LEFT + j * width, y, width, figure, f"{name}, {columns[j]}: {figure:.4g}"))
            if has_room and abs(figure) >= 0.005:
                words = f"{figure:.0%}" if as_share else f"{figure:.2f}".replace("0.", ".", 1)
                kind = " strong" if abs(figure) > 0.55 else ""
                parts.append(_FIGURE.format(kind=kind, x=_LEFT + (j + 0.5) * width, y=y + 15, words=words))
    return _SVG.format(width=_WIDTH, height=_TOP + len(rows) * _ROW + 6, what=what, parts=Markup("\n").join(parts))


def _cell(x: float, y: float, width: float, figure: float, words: str) -> Markup:
    kind = "less" if figure < 0 else "more"
    return _CELL.format(
        kind=kind, x=x + 0.5, y=y + 0.5, width=width - 1, height=_ROW - 1, strength=min(abs(figure), 1.0), words=words
    )


def _ticks(columns: Sequence[str], width: float) -> list[Markup]:
    # As many names as have room: the first, the last, and some between.
    every = max(round(_room_for(columns) / width + 0.49), 1)
    if len(columns) // every > _NAMED_TICKS and every > 1:
        every = max(every, len(columns) // _NAMED_TICKS)
    return [
        _TICK.format(x=_LEFT + (j + 0.5) * width, y=_TOP - 8, words=name)
        for j, name in enumerate(columns)
        if j % every == 0
    ]


def _room_for(columns: Sequence[str]) -> float:
    """Return how wide the longest name is."""
    return max((len(name) for name in columns), default=1) * 7.0 + 8
