"""The page of a night's drift: each distance, and what it can be computed from again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.reports.figures import count
from ratchet.reports.page import render_page
from ratchet.reports.plots import Bar, plot_bars

if TYPE_CHECKING:
    from markupsafe import Markup

    from ratchet.drift.results import ColumnDrift, DriftResult


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A column, the sum of the bits of all its cells, and what the cells not kept add to it."""

    of: ColumnDrift
    sum: float
    rest: float


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
        rows=[_row(column) for column in columns],
        plot=_plot(columns),
    )


def _distance_below_bound(column: ColumnDrift) -> float:
    # A distance is at most 1, so what has none comes last.
    return 2.0 if column.distance is None else column.bound - column.distance


def _row(column: ColumnDrift) -> _Row:
    total = round((column.distance or 0.0) ** 2, 12)
    rest = round(total - sum(part.bits for part in column.contributions), 12)
    # The distance is rounded to 12 digits, so its square may fall short of the parts by less than that.
    return _Row(of=column, sum=total, rest=max(rest, 0.0))


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
            floor=column.noise_floor,
            verdict=column.check.verdict,
        )
        for column in columns
    ]
    return plot_bars(bars, what="distance")
