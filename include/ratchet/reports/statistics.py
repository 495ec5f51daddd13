"""The page of a span's statistics: against the span before and the training window, with the history of every column.

It is made of stored statistics alone: no example is read for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ratchet.drift.cells import align_cells
from ratchet.drift.distances import jensen_shannon
from ratchet.reports.figures import count
from ratchet.reports.multiples import Point, ShareRow, plot_histogram, plot_history, plot_shares
from ratchet.reports.page import render_page

if TYPE_CHECKING:
    from markupsafe import Markup

    from ratchet.statistics.column import ColumnStatistics

Columns = Mapping[str, "ColumnStatistics"]

# Values rarer than this, or one among many, may name a person: they are counted, and not shown.
MIN_SHOWN = 10
MAX_SHOWN_VALUES = 100
_TOP = 6
_BAND = (0.1, 0.5, 0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Spans that are compared with: the one before or those of training, by what name, and their statistics."""

    kind: Literal["before", "training"]
    name: str
    columns: Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure of a column: now, in the span before, in the training window."""

    name: str
    figures: tuple[float | None, ...]
    form: str = "figure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What the page shows of one column."""

    of: ColumnStatistics
    history: Markup
    history_words: str
    nulls: Markup | None
    bound: float | None
    shape: Markup | None
    shape_words: str
    distances: Mapping[str, float | None]
    rows: Sequence[Row]

    @property
    def largest(self) -> float:
        """The largest of its distances; -1 without any."""
        return max((distance for distance in self.distances.values() if distance is not None), default=-1.0)

    @property
    def has_moved(self) -> bool:
        """Whether that distance is above the bound of the column."""
        return self.bound is not None and self.largest > self.bound

    @property
    def excess(self) -> float:
        """How far above its bound, or below it, the column is."""
        return self.largest - (self.bound or 0.0)


def render_statistics(
    span: str,
    history: Mapping[str, Columns],
    *,
    title: str,
    before: Window | None = None,
    training: Window | None = None,
    labels: Mapping[str, ColumnStatistics] | None = None,
    bounds: Mapping[str, float] | None = None,
    notes: Sequence[str] = (),
    facts: Mapping[str, str] | None = None,
) -> str:
    """Return the page as HTML; the column that has changed most comes first.

    Parameters
    ----------
    history : mapping of str to mapping of str to ColumnStatistics
        By span in order, then column; ``span`` is the last.
    before, training : Window or None
        What the span is compared with.
    labels : mapping of str to ColumnStatistics
        Statistics of the label by span, as far as outcomes are known.
    bounds : mapping of str to float, optional
        By column the distance above which it is marked.
    notes : sequence of str
        What could not be compared, and why.
    """
    windows = [window for window in (before, training) if window is not None]
    marked = bounds or {}
    cards = [_card(column, history, windows, training, marked.get(column)) for column in history[span]]
    cards.sort(key=lambda card: (-card.excess, card.of.column))
    return render_page(
        "statistics.html",
        title=title,
        verdict=None,
        words=_words(cards, windows),
        facts={**_facts(span, history, before, training), **(facts or {})},
        cards=cards,
        windows=[f"{window.kind}: {window.name}" for window in windows],
        notes=notes,
        label=_label(labels or {}),
        band=f"{100 * _BAND[0]:g}% to {100 * _BAND[-1]:g}%",
        min_shown=MIN_SHOWN,
    )


def is_showable(statistics: ColumnStatistics) -> bool:
    """Return whether the values of a column may be named on a page: few, and none of them of one example alone."""
    n = statistics.n_present
    return bool(n) and statistics.role == "categorical" and statistics.n_distinct <= min(MAX_SHOWN_VALUES, n / 5)


def shown_values(statistics: ColumnStatistics) -> dict[str, int]:
    """Return the most frequent values that may be named."""
    if not is_showable(statistics):
        return {}
    frequent = [(value, n) for value, n in statistics.values.items() if n >= MIN_SHOWN]
    return dict(frequent[:_TOP])


def _card(
    column: str,
    history: Mapping[str, Columns],
    windows: Sequence[Window],
    training: Window | None,
    bound: float | None,
) -> Card:
    now = list(history.values())[-1][column]
    others = [window.columns.get(column) for window in windows]
    learnt = training.columns.get(column) if training else None
    followed = next(iter(now.values), None) if is_showable(now) else None
    shape, words = _shape(now, learnt or next((other for other in others if other), None))
    return Card(
        of=now,
        history=plot_history(
            [_point(span, columns.get(column), followed) for span, columns in history.items()],
            what=f"{column}: {_history_words(now, followed)}",
            reference=_centre(learnt, followed) if learnt else None,
            from_zero=not now.is_number,
        ),
        history_words=_history_words(now, followed),
        nulls=_nulls(column, history, learnt),
        bound=bound,
        shape=shape,
        shape_words=words,
        distances={window.kind: _distance(other, now) for window, other in zip(windows, others, strict=True)},
        rows=_rows([now, *others]),
    )


def _nulls(column: str, history: Mapping[str, Columns], learnt: ColumnStatistics | None) -> Markup | None:
    points = [Point(span=span, value=_null_share(columns.get(column))) for span, columns in history.items()]
    reference = _null_share(learnt)
    if not any(point.value for point in points) and not reference:
        return None
    return plot_history(points, what=f"{column}: share of nulls", reference=reference, from_zero=True, height=58)


def _history_words(now: ColumnStatistics, followed: str | None) -> str:
    if now.is_number:
        return "mean, and the band of quantiles" if now.n_present else "mean"
    return f"share of {followed}" if followed is not None else "distinct values"


def _point(span: str, of: ColumnStatistics | None, followed: str | None) -> Point:
    if of is None or not of.n_present:
        return Point(span=span, value=None)
    low, high = None, None
    if of.is_number and (quantiles := of.quantiles(_BAND)):
        low, high = quantiles[0], quantiles[-1]
    return Point(span=span, value=_centre(of, followed), low=low, high=high)


def _centre(of: ColumnStatistics, followed: str | None) -> float | None:
    if of.is_number:
        return of.mean
    if not of.n_present:
        return None
    return of.values.get(followed, 0) / of.n_present if followed is not None else float(of.n_distinct)


def _null_share(of: ColumnStatistics | None) -> float | None:
    return (of.n - of.n_present) / of.n if of is not None and of.n else None


def _shape(now: ColumnStatistics, other: ColumnStatistics | None) -> tuple[Markup | None, str]:
    if now.is_number and now.edges:
        is_comparable = other is not None and other.edges == now.edges and other.n_present
        names = [f"< {now.edges[0]:.4g}", *(f"{edge:.4g}" for edge in now.edges[:-1]), f"≥ {now.edges[-1]:.4g}"]
        counts = other.counts if other is not None and is_comparable else None
        return plot_histogram(now.counts, counts, names=names, what=f"{now.column}: histogram"), "histogram"
    shown = shown_values(now)
    if not shown:
        return None, f"{now.n_distinct:,} distinct values, none of them named here"
    rows = [
        ShareRow(
            label=value or "(empty)",
            share=n / now.n_present,
            other=other.values.get(value, 0) / other.n_present if other is not None and other.n_present else None,
        )
        for value, n in shown.items()
    ]
    rest = now.n_distinct - len(rows)
    return plot_shares(rows, what=f"{now.column}: shares"), f"{rest} more values" if rest > 0 else "all values"


def _distance(other: ColumnStatistics | None, now: ColumnStatistics) -> float | None:
    if other is None or not other.n or not now.n or (other.role, other.edges) != (now.role, now.edges):
        return None
    cells = align_cells(other, now)
    return jensen_shannon(cells.baseline, cells.current)


def _rows(sides: Sequence[ColumnStatistics | None]) -> list[Row]:
    def row(name: str, ask: object, form: str = "figure") -> Row:
        return Row(name=name, figures=tuple(None if of is None else ask(of) for of in sides), form=form)  # type: ignore[operator]

    rows = [
        row("examples", lambda of: of.n, "count"),
        row("null", _null_share, "share"),
        row("distinct", lambda of: of.n_distinct, "count"),
    ]
    now = next(of for of in sides if of is not None)
    if now.is_number:
        rows += [row("zero", lambda of: of.n_zero / of.n if of.n else None, "share")]
        rows += [
            row(name, lambda of, name=name: getattr(of, name))
            for name in ("mean", "deviation", "skewness", "kurtosis", "minimum")
        ]
        rows += [
            row(f"{100 * rank:g}%", lambda of, rank=rank: (of.quantiles([rank]) or [None])[0])
            for rank in (0.05, 0.25, 0.5, 0.75, 0.95)
        ]
        rows += [row("maximum", lambda of: of.maximum)]
    elif now.lengths is not None:
        rows += [
            row("shortest text", lambda of: of.lengths and of.lengths.shortest, "count"),
            row("longest text", lambda of: of.lengths and of.lengths.longest, "count"),
        ]
    return rows


def _label(labels: Mapping[str, ColumnStatistics]) -> dict[str, object] | None:
    if not labels:
        return None
    newest = list(labels.values())[-1]
    if newest.role == "numeric":
        return _label_of_numbers(labels, newest)
    followed = "true" if "true" in {value for of in labels.values() for value in of.values} else None
    followed = followed or min(newest.values, key=lambda value: newest.values[value], default=None)
    points = [
        Point(span=span, value=of.values.get(followed or "", 0) / of.n_present if of.n_present else None)
        for span, of in labels.items()
    ]
    known = [point.value for point in points if point.value is not None]
    return {
        "column": newest.column,
        "value": followed,
        "is_number": False,
        "plot": plot_history(
            points, what=f"{newest.column}: share of {followed}", from_zero=True, width=520, height=150
        ),
        "n": sum(of.n_present for of in labels.values()),
        "n_unknown": sum(of.n_null for of in labels.values()),
        "least": min(known, default=None),
        "most": max(known, default=None),
        "newest": known[-1] if known else None,
        "span": list(labels)[-1],
        "values": shown_values(newest),
    }


def _label_of_numbers(labels: Mapping[str, ColumnStatistics], newest: ColumnStatistics) -> dict[str, object]:
    points = [Point(span=span, value=of.mean if of.n_present else None) for span, of in labels.items()]
    known = [point.value for point in points if point.value is not None]
    return {
        "column": newest.column,
        "is_number": True,
        "plot": plot_history(points, what=f"{newest.column}: mean", from_zero=False, width=520, height=150),
        "n": sum(of.n_present for of in labels.values()),
        "n_unknown": sum(of.n_null for of in labels.values()),
        "least": min(known, default=None),
        "most": max(known, default=None),
        "newest": known[-1] if known else None,
        "span": list(labels)[-1],
        "values": {},
    }


def _words(cards: Sequence[Card], windows: Sequence[Window]) -> str:
    if not windows:
        return "There is nothing to compare with yet: no span before this one, and no champion that was trained."
    moved = [card.of.column for card in cards if card.has_moved]
    if not moved:
        return f"None of {len(cards)} columns is further than its bound from what it is compared with."
    return f"{len(moved)} of {len(cards)} columns are further away than their bound: {', '.join(moved)}."


def _facts(
    span: str, history: Mapping[str, Columns], before: Window | None, training: Window | None
) -> dict[str, Markup | str]:
    columns = history[span]
    return {
        "Examples": count(max((of.n for of in columns.values()), default=0)),
        "Columns": count(len(columns)),
        "Spans shown": f"{next(iter(history))} to {span} ({len(history)})" if len(history) > 1 else span,
        "Before": before.name if before else "none",
        "Training window": training.name if training else "none",
    }
