"""Figures as a person reads them: rounded, right aligned, the exact value in the page beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from ratchet.evaluation.bootstrap import Interval

_FIGURE = Markup('<data value="{exact}" title="{exact}">{shown}</data>')
NOTHING = Markup('<span class="quiet">n/a</span>')


def figure(value: float | None, digits: int = 4, *, signed: bool = False) -> Markup:
    """Return a figure with so many decimals; what is shown is rounded, what is in the page is not."""
    if value is None:
        return NOTHING
    return _FIGURE.format(exact=repr(value), shown=decimals(value, digits, signed=signed))


def decimals(value: float, digits: int = 4, *, signed: bool = False) -> str:
    """Return a figure as text; a negative one that rounds to zero has no sign."""
    value = round(value, digits) + 0.0
    return f"{value:+.{digits}f}" if signed and value else f"{value:.{digits}f}"


def count(value: int | None) -> Markup:
    """Return a whole number, thousands parted."""
    return NOTHING if value is None else _FIGURE.format(exact=value, shown=f"{value:,}")


def share(part: float | None, whole: float = 1) -> Markup:
    """Return a share in percent, with up to four decimals where one would make it none or all."""
    if part is None or not whole:
        return NOTHING
    percent = 100 * part / whole
    shown = f"{percent:.1f}%"
    if shown in ("0.0%", "100.0%") and percent not in (0, 100):
        shown = f"{percent:.4f}".rstrip("0").rstrip(".") + "%"
    return _FIGURE.format(exact=repr(part / whole), shown=shown)


def interval(value: Interval | None, digits: int = 4, *, signed: bool = False) -> Markup:
    """Return the ends of an interval."""
    if value is None:
        return NOTHING
    low, high = (figure(end, digits, signed=signed) for end in (value.low, value.high))
    return Markup("{} to {}").format(low, high)


def observed(value: float | str | None) -> Markup:
    """Return what a check observed or was bound by: a figure, words, or nothing."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return Markup.escape(value)
    shown = f"{value:,.0f}" if value == round(value) else f"{value:.6g}"
    return _FIGURE.format(exact=repr(value), shown=shown)
