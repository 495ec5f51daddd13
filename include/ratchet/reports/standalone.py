"""A plot of a page as a file of its own: with the colours that it would have taken from the page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

_COLOURS = {
    "paper": "#ffffff",
    "ink": "#1d2329",
    "quiet": "#5a6570",
    "line": "#dde2e7",
    "mark": "#8a96a3",
    "accent": "#0b5cad",
    "pass": "#176f33",
    "fail": "#b3261e",
    "undecided": "#855300",
}
_RULES = (
    "text { font: 13px system-ui, sans-serif; fill: var(--ink); } .tick { font-size: 11.5px; fill: var(--quiet); } "
    ".figures { fill: var(--quiet); } .grid { stroke: var(--line); } .reference { stroke: var(--quiet); } "
    ".bound { stroke: var(--ink); stroke-dasharray: 3 2.5; } .whisker { stroke: var(--mark); fill: none; } "
    ".dot, .bar { fill: var(--mark); stroke: none; } .strong.whisker { stroke: var(--accent); stroke-width: 1.8; } "
    ".strong.dot { fill: var(--accent); } .hollow.dot { fill: var(--paper); stroke: var(--mark); }"
)


def standalone(plot: Markup) -> str:
    """Return the plot as the text of an SVG file on white paper."""
    style = re.sub(r"var\(--(\w+)\)", lambda name: _COLOURS[name[1]], _RULES)
    opened, _, rest = str(plot).partition(">")
    opened = opened.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return f'{opened}><style>{style}</style><rect width="100%" height="100%" fill="{_COLOURS["paper"]}"/>{rest}\n'
