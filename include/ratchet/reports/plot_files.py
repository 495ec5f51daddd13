"""A plot of a page as a file of its own, for whoever shows images: MLflow does."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from markupsafe import Markup

_FONT = 'text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }'
_PAPER = Markup('<rect width="100%" height="100%" class="paper"/>')


def to_file(plot: Markup) -> str:
    """Return the SVG of a plot with the style that it has in a light page."""
    opened, end, rest = str(plot).partition(">")
    opened = opened.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return f"{opened}{end}<style>{_style()}</style>{_PAPER}{rest}"


@cache
def _style() -> str:
    css = (files("ratchet.reports") / "templates" / "page.css").read_text(encoding="utf-8")
    colours = re.search(r":root \{.*?\n\}", css, re.DOTALL)
    rules = [line for line in css.splitlines() if line.startswith((".plot", ".small"))]
    # Markers of XML may not stand in a style sheet within an SVG file; ours has none.
    return "\n".join([colours.group() if colours else "", _FONT, ".paper { fill: var(--paper); }", *rules])
