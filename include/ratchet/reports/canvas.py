"""The frames that plots are drawn in."""

from __future__ import annotations

from markupsafe import Markup

PLOT = Markup('<svg class="plot" role="img" viewBox="0 0 {width} {height}" aria-label="{what}">\n{parts}\n</svg>')
SMALL = Markup('<svg class="small" role="img" viewBox="0 0 {width} {height}" aria-label="{what}">{parts}</svg>')
