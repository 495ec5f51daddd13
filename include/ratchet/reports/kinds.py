"""Sections of the evaluation's page for a label of several classes, and for one of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.evaluation.calibration import ScoreCurve
from ratchet.reports.heatmap import plot_heat
from ratchet.reports.lines import Line, plot_lines
from ratchet.reports.score_curves import plot_calibration

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup

    from ratchet.evaluation.class_figures import ClassesOf
    from ratchet.evaluation.number_figures import Grid, NumberBin, NumbersOf
    from ratchet.evaluation.results import Evaluation

_MOST_CLASSES = 20

# What the table of contenders shows, by kind: the name of a figure, and its head.
HEADS: Mapping[str, Mapping[str, str]] = {
    "multiclass": {
        "accuracy": "Accuracy",
        "log_loss": "Log loss",
        "brier": "Brier",
        "calibration_error": "Calibration error",
    },
    "regression": {
        "mae": "Mean absolute error",
        "rmse": "Root mean squared error",
        "median_absolute_error": "Median absolute error",
        "quantile_loss": "Quantile loss",
        "r2": "R2",
        "bias": "Bias",
    },
}


def kind_plots(evaluation: Evaluation) -> dict[str, Markup]:
    """Return the plots of several classes, or of numbers, by name; none of true and false."""
    plots: dict[str, Markup] = {}
    for of in evaluation.classes:
        plots |= _of_classes(of)
    for number in evaluation.numbers:
        plots |= _of_numbers(number)
    if evaluation.numbers and any(of.bins for of in evaluation.numbers):
        plots["calibration"] = _plot_bins(evaluation.numbers)
    elif evaluation.classes and evaluation.classes[0].calibration:
        first, *rest = (
            ScoreCurve(name=of.contender, calibration=of.calibration, histogram=()) for of in evaluation.classes
        )
        plots["calibration"] = plot_calibration(first, rest[0] if rest else None)
    return plots


def shown_heads(evaluation: Evaluation) -> dict[str, str]:
    """Return the heads of the figures that any contender has."""
    heads = HEADS.get(evaluation.kind, {})
    known = {name for of in evaluation.contenders for name, figure in of.figures().items() if figure is not None}
    return {name: head for name, head in heads.items() if name in known}


def _of_classes(of: ClassesOf) -> dict[str, Markup]:
    names = [row.name for row in of.rows]
    if len(names) > _MOST_CLASSES:
        return {}
    rows = [
        (name, [n / sum(counts) if sum(counts) else None for n in counts])
        for name, counts in zip(names, of.matrix, strict=True)
    ]
    what = f"Of each class, taken for which by the {of.contender}"
    return {f"confusion_{of.contender}": plot_heat(rows, names, what=what, as_share=True)}


def _of_numbers(of: NumbersOf) -> dict[str, Markup]:
    grids = {f"actual_{of.contender}": of.actual, f"residuals_{of.contender}": of.residuals}
    told = {f"actual_{of.contender}": "what came", f"residuals_{of.contender}": "what came less what was predicted"}
    return {
        name: _plot_grid(grid, what=f"{told[name]} over what the {of.contender} predicted")
        for name, grid in grids.items()
        if grid is not None
    }


def _plot_grid(grid: Grid, *, what: str) -> Markup:
    """Return the cells, the highest on top, each by its share of the fullest."""
    fullest = max(max(row) for row in grid.counts)
    rows = [
        (f"from {low:.4g}", [n / fullest if n else None for n in counts])
        for low, counts in zip(grid.y_edges, grid.counts, strict=False)
    ]
    columns = [f"{low:.4g}" for low in grid.x_edges[:-1]]
    return plot_heat(rows[::-1], columns, what=what, as_share=False)


def _plot_bins(numbers: Sequence[NumbersOf]) -> Markup:
    lines = [
        Line(
            label=of.contender,
            points=[(one.mean_predicted, one.mean.value) for one in of.bins],
            band=[(one.mean.low, one.mean.high) for one in of.bins] if of.contender == "candidate" else (),
            is_strong=of.contender == "candidate",
            has_dots=True,
        )
        for of in numbers
        if of.bins
    ]
    return plot_lines(lines, what_x="mean predicted", what_y="mean that came", reference=_diagonal(numbers[0].bins))


def _diagonal(bins: Sequence[NumberBin]) -> list[tuple[float, float]]:
    """Return where both means are the same, within what both axes show."""
    predicted = [one.mean_predicted for one in bins]
    return [(min(predicted), min(predicted)), (max(predicted), max(predicted))] if predicted else []
