"""The page of a night's drift: each distance, and what it can be computed from again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ratchet.drift.measuring import FORMULAS
from ratchet.reports.figures import count
from ratchet.reports.page import render_page
from ratchet.reports.plots import Bar, plot_bars

if TYPE_CHECKING:
    from markupsafe import Markup

    from ratchet.drift.results import ColumnDrift, DriftResult


def render_drift(
    result: DriftResult, *, title: str, words: str | None = None, facts: Mapping[str, str] | None = None
) -> str:
    """Return the page as HTML; the column nearest to its bound, or furthest above it, comes first.

    Parameters
    ----------
    words : str, optional
        In place of a sentence that counts the verdicts.
    facts : mapping of str to str, optional
        What else to show at the top, by name: which spans were compared, say.
    """
    columns = sorted(result.columns, key=_distance_below_bound)
    return render_page(
        "drift.html",
        title=title,
        verdict=result.verdict,
        words=_words(result) if words is None else words,
        facts={**_facts(result), **(facts or {})},
        rows=columns,
        false_discovery_rate=result.false_discovery_rate,
        formulas=FORMULAS,
        plot=_plot(columns),
    )


def _distance_below_bound(column: ColumnDrift) -> float:
    # In bounds, as each distance has a scale of its own; what has none comes last.
    return -column.distance / max(column.bound, 1e-9) if column.distance is not None else math.inf


def _words(result: DriftResult) -> str:
    n = {verdict: sum(check.verdict == verdict for check in result.checks) for verdict in ("fail", "undecided")}
    drifted = f": {', '.join(result.drifted)}" if result.drifted else ""
    undecided = f"; {n['undecided']} undecided" if n["undecided"] else ""
    return f"{n['fail']} of {len(result.columns)} columns drifted{drifted}{undecided}."


def _facts(result: DriftResult) -> dict[str, Markup]:
    columns = result.columns
    return {
        "Columns": count(len(columns)),
        "Drifted": count(len(result.drifted)),
        "Baseline examples": count(max((column.n_baseline for column in columns), default=0)),
        "Current examples": count(max((column.n_current for column in columns), default=0)),
    }


def _plot(columns: Sequence[ColumnDrift]) -> Markup:
    bars = [
        Bar(
            label=column.column,
            value=column.distance,
            bound=column.bound,
            floor=_floor(column),
            verdict=column.check.verdict,
        )
        for column in columns
    ]
    return plot_bars(bars, what="distance")


def _floor(column: ColumnDrift) -> float | None:
    """Return what a distance may come to without drift; None for distances that it is not known of."""
    if column.test is None or column.distance_name != "jensen_shannon":
        return None
    return column.test.noise_floor if column.test.variation is None else column.test.variation
