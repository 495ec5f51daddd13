"""The page of the first look at a table: no value of it is shown, but figures of numeric columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.reports.figures import count, share
from ratchet.reports.heatmap import plot_heat
from ratchet.reports.multiples import Point, plot_history
from ratchet.reports.page import render_page
from ratchet.reports.plots import Whisker, plot_whiskers

if TYPE_CHECKING:
    from markupsafe import Markup

    from ratchet.statistics.look import ColumnLook, TableLook
    from ratchet.statistics.suggestions import Suggestion

_MOST = 30
_FOLLOWED = 9
_ACTS = {
    "leak": "withhold as a leak",
    "drop": "leave out",
    "categorical": "read as a category",
    "look": "look at it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Followed:
    of: ColumnLook
    plot: Markup
    is_leak: bool


def render_look(
    look: TableLook,
    suggestions: Sequence[Suggestion],
    diffs: Mapping[str, str],
    *,
    title: str,
    facts: Mapping[str, str] | None = None,
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    diffs : mapping of str to str
        The suggestions as unified diffs, by file.
    """
    leaks = {suggestion.column for suggestion in suggestions if suggestion.act == "leak"}
    return render_page(
        "look.html",
        title=title,
        verdict=None,
        words=_words(look, suggestions),
        facts={**_facts(look), **(facts or {})},
        look=look,
        suggestions=[(_ACTS[suggestion.act], suggestion) for suggestion in suggestions],
        diffs={name: _lines(diff) for name, diff in diffs.items() if diff},
        label_plot=_label_plot(look),
        association_plot=_association_plot(look, leaks),
        n_associated=len(look.by_association),
        most=_MOST,
        followed=[_follow(look, of, is_leak=of.column in leaks) for of in look.by_association[:_FOLLOWED]]
        if len(look.periods) > 1
        else [],
        missing_plot=_missing_plot(look),
        correlation_plot=_correlation_plot(look),
        outlying=sorted(
            (of for of in look.columns if of.outliers is not None and of.looks == "number"),
            key=lambda of: -of.outliers.share_far,  # type: ignore[union-attr]
        ),
        columns=look.columns,
    )


def _words(look: TableLook, suggestions: Sequence[Suggestion]) -> str:
    if not suggestions:
        return "Nothing stands out: no leak, no empty or constant column, nothing said twice."
    named = {act: [s.column for s in suggestions if s.act == act] for act in ("leak", "drop", "categorical", "look")}
    parts = [f"{_ACTS[act]}: {', '.join(columns[:8])}" for act, columns in named.items() if columns]
    return f"{len(suggestions)} suggestions for {len(look.columns)} columns.\n" + "\n".join(parts)


def _facts(look: TableLook) -> dict[str, Markup | str]:
    known = [s for s in look.label_by_period if s is not None]
    facts: dict[str, Markup | str] = {"Examples": count(look.n), "Columns": count(len(look.columns))}
    if len(look.periods) > 1:
        facts["Periods"] = f"{look.periods[0]} to {look.periods[-1]} ({len(look.periods)})"
    if look.label is not None:
        facts["Label"] = f"{look.label} {look.label_words}"
        facts["Without a label"] = share(look.n_unlabelled, look.n)
    if len(known) > 1:
        facts["Positive, by period"] = f"{min(known):.1%} to {max(known):.1%}"
    return facts


def _label_plot(look: TableLook) -> Markup | None:
    if look.label is None or len(look.periods) < 2:
        return None
    points = [Point(span=name, value=of) for name, of in zip(look.periods, look.label_by_period, strict=True)]
    return plot_history(points, what=f"{look.label}: share of positive examples", from_zero=True, width=860, height=170)


def _association_plot(look: TableLook, leaks: set[str]) -> Markup | None:
    rows = [
        Whisker(
            label=of.column,
            value=auc.value,
            low=auc.low,
            high=auc.high,
            is_strong=of.column in leaks,
            is_hollow=auc.low <= 0.5,
        )
        for of in look.by_association[:_MOST]
        if of.association is not None and (auc := of.association.auc) is not None
    ]
    return plot_whiskers(rows, what="AUC", reference=0.5) if rows else None


def _follow(look: TableLook, of: ColumnLook, *, is_leak: bool) -> _Followed:
    by_period = of.association.by_period if of.association else ()
    points = [
        Point(span=name, value=auc.value, low=auc.low, high=auc.high) if auc else Point(span=name, value=None)
        for name, auc in zip(look.periods, by_period, strict=True)
    ]
    return _Followed(of=of, plot=plot_history(points, what=f"{of.column}: AUC", reference=0.5), is_leak=is_leak)


def _missing_plot(look: TableLook) -> Markup | None:
    rows = [(of.column, of.by_period) for of in look.missing[:_MOST]]
    return plot_heat(rows, look.periods, what="share of missing values by period", as_share=True) if rows else None


def _correlation_plot(look: TableLook) -> Markup | None:
    n = min(len(look.correlated), _MOST)
    if n < 2:
        return None
    rows = [(f"{name}  {i + 1}", look.matrix[i, :n].tolist()) for i, name in enumerate(look.correlated[:n])]
    return plot_heat(rows, [str(i + 1) for i in range(n)], what="association of columns", as_share=False)


def _lines(diff: str) -> list[tuple[str, str]]:
    kinds = {"+": "added", "-": "removed", "@": "place"}
    return [("head" if line[:3] in ("+++", "---") else kinds.get(line[:1], ""), line) for line in diff.splitlines()]
