"""The page of how models age."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.evaluation.yardstick import BINARY
from ratchet.reports.figures import count, figure
from ratchet.reports.lines import Line, plot_lines
from ratchet.reports.page import render_page
from ratchet.reports.plots import Whisker, plot_whiskers

if TYPE_CHECKING:
    from ratchet.evaluation.yardstick import Yardstick
    from ratchet.monitoring.ageing import StalenessCurve


def render_staleness(
    curve: StalenessCurve, *, title: str, words: str, made_how: str, yardstick: Yardstick = BINARY
) -> str:
    """Return the page as HTML; ``made_how`` says which models these are, ``yardstick`` what they are judged by."""
    quality = yardstick.name
    by_age = Line(
        label="older than the newest",
        points=[(of.age_spans, of.loss.value) for of in curve.ages],
        band=[(of.loss.low, of.loss.high) for of in curve.ages],
        is_strong=True,
        has_dots=True,
    )
    numbers = range(len(curve.spans))
    over_time = [
        Line(label="newest model", points=[(i, curve.spans[i].newest) for i in numbers], is_strong=True),
        Line(label="never retrained", points=[(i, curve.spans[i].first) for i in numbers]),
    ]
    rows = [
        Whisker(
            label=f"every {of.every_spans} spans",
            value=of.loss.value,
            low=of.loss.low,
            high=of.loss.high,
            is_strong=of.every_spans == curve.recommended,
        )
        for of in curve.periods
    ]
    return render_page(
        "staleness.html",
        title=title,
        verdict=None,
        words=words,
        facts={
            "Recommended": f"every {curve.recommended} spans",
            "Nights": count(len(curve.nights)),
            "Spans scored": count(len(curve.spans)),
            "Loss tolerated": figure(curve.tolerance),
        },
        curve=curve,
        made_how=made_how,
        quality=quality,
        loss=yardstick.loss.words if yardstick.kind == "regression" else None,
        confidence=f"{100 * curve.confidence:g}%",
        ages_plot=plot_lines(
            [by_age],
            what_x="mean age in spans",
            what_y=f"{quality} lost",
            reference=[(curve.ages[0].age_spans, 0), (curve.ages[-1].age_spans, 0)],
        ),
        periods_plot=plot_whiskers(rows, what=f"{quality} lost", reference=0, bound=curve.tolerance, signed=True),
        time_plot=plot_lines(over_time, what_x=f"spans after {curve.nights[0]}", what_y=quality),
    )
