"""The page of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from ratchet.evaluation.yardstick import Yardstick
from ratchet.reports.explaining import curve_plots, explanation_plots, feature_rows, named_curves
from ratchet.reports.figures import count, figure, share
from ratchet.reports.kinds import kind_plots, shown_heads
from ratchet.reports.page import render_page
from ratchet.reports.plots import Whisker, plot_whiskers
from ratchet.reports.score_curves import plot_calibration, plot_scores

if TYPE_CHECKING:
    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.curves import Curves
    from ratchet.evaluation.gate import GateResult
    from ratchet.evaluation.results import Evaluation
    from ratchet.explanation.results import Explanation

_MOST_PLOTTED = 40


def render_evaluation(
    evaluation: Evaluation,
    *,
    title: str,
    words: str,
    gate: GateResult | None = None,
    curves: Curves | None = None,
    explanation: Explanation | None = None,
    facts: Mapping[str, str] | None = None,
) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    words : str
        What was compared, and on which spans.
    gate : GateResult or None
        What was decided by these figures; without it the page has figures and no verdict.
    curves : Curves or None
        ROC and precision-recall of the contenders.
    explanation : Explanation or None
        What the candidate relies on.
    facts : mapping of str to str, optional
        What else to show at the top, by name.
    """
    bound = _bound(gate, "slices")
    judged = _judged_slices(evaluation)
    explained = explanation_plots(explanation, evaluation.quality)
    return render_page(
        "evaluation.html",
        title=title,
        words=words,
        verdict=gate.verdict if gate else None,
        facts={**_facts(evaluation), **(facts or {})},
        evaluation=evaluation,
        gate=gate,
        asked=_asked(gate) if gate else "",
        confidence=f"{100 * evaluation.confidence:g}%",
        contenders_plot=_plot_contenders(evaluation),
        **_scores(evaluation),
        **_crossed(evaluation),
        kpi_plot=_plot_kpi(evaluation),
        differences_plot=_plot_differences(evaluation, gate),
        slices_plot=_plot_slices(judged[:_MOST_PLOTTED], bound, evaluation.quality),
        slices_bound=bound,
        curves=curve_plots(curves),
        what=evaluation.quality,
        plots=kind_plots(evaluation),
        heads=shown_heads(evaluation),
        explanation=explanation,
        explained=explained,
        feature_rows=feature_rows(explanation) if explanation else [],
        dependence=[(of, explained[name]) for name, of in named_curves(explanation)] if explanation else [],
        slices_left_out=f" ({_MOST_PLOTTED} of {len(judged)}; all are in the table)"
        if len(judged) > _MOST_PLOTTED
        else "",
    )


def _facts(evaluation: Evaluation) -> dict[str, Markup | str]:
    return {
        "Test examples": count(evaluation.n_examples),
        **_outcomes(evaluation),
        "Confidence": f"{100 * evaluation.confidence:g}%",
        "Resamples": _resamples(evaluation),
        "Seed": count(evaluation.seed),
    }


def _outcomes(evaluation: Evaluation) -> dict[str, Markup | str]:
    n, n_positive = evaluation.n_examples, evaluation.n_positive
    if evaluation.kind == "multiclass":
        return {"Classes": count(len(evaluation.class_counts))}
    if evaluation.kind == "regression":
        dummy = {} if evaluation.reference is None else {"The dummy predicts": figure(evaluation.reference)}
        return {"Loss": evaluation.loss or "", **dummy}
    return {"Positive": Markup("{} ({})").format(count(n_positive), share(n_positive, n)) if n else count(0)}


def _resamples(evaluation: Evaluation) -> Markup:
    if evaluation.n_units is None:
        return count(evaluation.resamples)
    units = {"entity": "entities", "span": "spans"}[evaluation.resample_by]
    return Markup("{} of {} {}").format(count(evaluation.resamples), count(evaluation.n_units), units)


def _asked(gate: GateResult) -> str:
    asked = {
        "non_inferiority": "It asks that the candidate is not worse than the champion (non-inferiority).",
        "superiority": "It asks that the candidate is better than the champion (superiority).",
    }
    words = asked[gate.comparison] if gate.comparison else "Cold start: there is no champion to compare with."
    return f"{words} Trained for: {', '.join(gate.reasons) or 'no reason given'}. Examples: {gate.n_examples:,}."


def _plot_contenders(evaluation: Evaluation) -> Markup | None:
    rows = [
        _whisker(of.name, of.quality, is_strong=of.name == "candidate") for of in evaluation.contenders if of.quality
    ]
    return (
        plot_whiskers(rows, what=evaluation.quality, reference=Yardstick(kind=evaluation.kind).guess) if rows else None
    )


def _scores(evaluation: Evaluation) -> dict[str, object]:
    curves = {curve.name: curve for curve in evaluation.curves}
    candidate, champion = curves.get("candidate"), curves.get("champion")
    is_drawn = candidate is not None and candidate.calibration
    return {
        "candidate_curve": candidate,
        "champion_curve": champion,
        "calibration_plot": plot_calibration(candidate, champion) if candidate and is_drawn else None,
        "scores_plot": plot_scores(candidate, champion) if candidate and is_drawn else None,
    }


def _crossed(evaluation: Evaluation) -> dict[str, object]:
    lowest = sorted(evaluation.crossed, key=lambda of: of.difference.value if of.difference else of.candidate_auc or 0)
    left_out = f" ({_MOST_PLOTTED} of {len(lowest)})" if len(lowest) > _MOST_PLOTTED else ""
    return {"crossed_shown": lowest[:_MOST_PLOTTED], "crossed_left_out": left_out}


def _plot_kpi(evaluation: Evaluation) -> Markup | None:
    leads = evaluation.decisions.leads if evaluation.decisions else ()
    rows = [
        _whisker(
            f"minus {of.other}",
            of.interval,
            is_strong=of.other == "champion",
            is_hollow=of.interval.low <= 0 <= of.interval.high,
        )
        for of in leads
    ]
    return plot_whiskers(rows, what="KPI difference", reference=0, signed=True) if rows else None


def _plot_differences(evaluation: Evaluation, gate: GateResult | None) -> Markup:
    rows = [
        _whisker(
            f"minus {of.other}",
            of.interval,
            bound=_bound(gate, of.other),
            is_strong=of.other == "champion",
            is_hollow=of.interval.low <= 0 <= of.interval.high,
        )
        for of in evaluation.differences
    ]
    return plot_whiskers(rows, what=f"{evaluation.quality} difference", reference=0, signed=True)


def _judged_slices(evaluation: Evaluation) -> list[tuple[str, Interval]]:
    judged = [(of.name, of.difference) for of in evaluation.slices if of.difference]
    return sorted(judged, key=lambda pair: pair[1].value)


def _plot_slices(slices: Sequence[tuple[str, Interval]], bound: float | None, what: str) -> Markup | None:
    rows = [
        _whisker(name, interval, is_strong=True, is_hollow=interval.low <= 0 <= interval.high)
        for name, interval in slices
    ]
    return plot_whiskers(rows, what=f"{what} difference", reference=0, bound=bound, signed=True) if rows else None


def _whisker(
    label: str, interval: Interval, *, bound: float | None = None, is_strong: bool, is_hollow: bool = False
) -> Whisker:
    return Whisker(
        label=label,
        value=interval.value,
        low=interval.low,
        high=interval.high,
        bound=bound,
        is_strong=is_strong,
        is_hollow=is_hollow,
    )


def _bound(gate: GateResult | None, name: str) -> float | None:
    """Return the figure that a check of the gate asks for; None where it asks for none."""
    bounds = [check.bound for check in gate.checks if check.name == name] if gate else []
    return next((of for of in bounds if isinstance(of, float | int)), None)
