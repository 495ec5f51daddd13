"""Sections of the evaluation's page: its curves, and what the candidate relies on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.reports.lines import Line, plot_lines
from ratchet.reports.multiples import Point, ShareRow, plot_history, plot_shares
from ratchet.reports.plots import Whisker, plot_whiskers

if TYPE_CHECKING:
    from markupsafe import Markup

    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.curves import Curve, Curves
    from ratchet.explanation.cost import FeatureCost
    from ratchet.explanation.dependence import Dependence
    from ratchet.explanation.permutation import Importance
    from ratchet.explanation.results import Explanation

_MOST_PLOTTED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """What one feature brings and what it costs; a figure that is not known is None."""

    feature: str
    drop: Interval | None
    is_under: bool
    cost: FeatureCost | None


def curve_plots(curves: Curves | None) -> dict[str, Markup]:
    """Return the ROC and the precision-recall plot; nothing where there is no curve."""
    if curves is None or not curves.roc:
        return {}
    roc = plot_lines(
        _lines(curves.roc),
        what_x="false positive rate",
        what_y="true positive rate",
        reference=[(0, 0), (1, 1)],
        unit_square=True,
    )
    share = curves.share_positive
    if share is None:  # one curve a class, each with a share of its own
        return {"roc": roc}
    return {
        "roc": roc,
        "precision_recall": plot_lines(
            _lines(curves.precision_recall),
            what_x="recall",
            what_y="precision",
            reference=[(0, share), (1, share)],
            unit_square=True,
        ),
    }


def explanation_plots(explanation: Explanation | None, quality: str = "AUC") -> dict[str, Markup]:
    """Return the plots of an explanation by name, those that there is something to draw of."""
    if explanation is None:
        return {}
    plots: dict[str, Markup] = {}
    if explanation.importance:
        plots["importance"] = _plot_importance(explanation, quality)
    if explanation.groups:
        rows = [_whisker(of.group, of.drop, is_strong=True) for of in explanation.groups]
        plots["groups"] = plot_whiskers(rows, what=f"{quality} lost", reference=0, signed=True)
    if len(explanation.learning) > 1:
        plots["learning_curve"] = _plot_learning(explanation, quality)
    is_share = quality != "skill"
    return plots | {name: plot_dependence(of, is_share=is_share) for name, of in named_curves(explanation)}


def named_curves(explanation: Explanation) -> list[tuple[str, Dependence]]:
    """Return the curves that have points, each with the name of its plot; a class is named by its number."""
    numbers: Counter[str] = Counter()
    named = []
    for of in explanation.dependence:
        numbers[of.feature] += 1
        class_number = f"_class_{numbers[of.feature]}" if of.of_class is not None else ""
        if of.points:
            named.append((f"dependence_{of.feature}{class_number}", of))
    return named


def plot_dependence(of: Dependence, *, is_share: bool = True) -> Markup:
    """Return the curve of a number over its quantiles, or one bar a value; scores may be shares, or have a unit."""
    if of.kind == "categorical":
        rows = [ShareRow(label=str(point.value), share=point.score) for point in of.points]
        return plot_shares(rows, what=f"score by {of.feature}", is_percent=is_share)
    points = [Point(span=f"{point.value:g}", value=point.score, low=point.low, high=point.high) for point in of.points]
    return plot_history(points, what=f"score over {of.feature}")


def feature_rows(explanation: Explanation) -> list[FeatureRow]:
    """Return benefit and cost side by side, the most important feature first."""
    drops: Mapping[str, Importance] = {of.feature: of for of in explanation.importance}
    costs = {of.feature: of for of in explanation.costs}
    return [
        FeatureRow(
            feature=name,
            drop=drops[name].drop if name in drops else None,
            is_under=name in explanation.under_floor,
            cost=costs.get(name),
        )
        for name in dict.fromkeys((*drops, *costs))
    ]


def _lines(curves: Sequence[Curve]) -> list[Line]:
    return [
        Line(label=of.contender, points=list(zip(of.x, of.y, strict=True)), is_strong=of.contender == "candidate")
        for of in curves
    ]


def _plot_importance(explanation: Explanation, quality: str) -> Markup:
    rows = [
        _whisker(of.feature, of.drop, is_strong=not of.is_under(explanation.floor))
        for of in explanation.importance[:_MOST_PLOTTED]
    ]
    return plot_whiskers(rows, what=f"{quality} lost", reference=0, bound=explanation.floor, signed=True)


def _plot_learning(explanation: Explanation, quality: str) -> Markup:
    points = explanation.learning
    lines = [
        Line(
            label="test examples",
            points=[(float(of.n_examples), of.test_auc.value) for of in points],
            band=[(of.test_auc.low, of.test_auc.high) for of in points],
            is_strong=True,
            has_dots=True,
        )
    ]
    seen = [(float(of.n_examples), of.train_auc) for of in points if of.train_auc is not None]
    if seen:
        lines.append(Line(label="the examples fitted on", points=seen, has_dots=True))
    return plot_lines(lines, what_x="examples fitted on", what_y=quality)


def _whisker(label: str, interval: Interval, *, is_strong: bool) -> Whisker:
    return Whisker(
        label=label,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        is_strong=is_strong,
        is_hollow=interval.low <= 0 <= interval.high,
    )
