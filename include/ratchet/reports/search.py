"""The page of a search: how it went on, what competed, what mattered, and every trial."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ratchet.reports.figures import count, figure
from ratchet.reports.page import render_page
from ratchet.reports.plots import Bar, Whisker, plot_bars, plot_whiskers
from ratchet.reports.progress import Point, plot_progress, words_of

if TYPE_CHECKING:
    from markupsafe import Markup


def render_search(values: Mapping[str, Any], *, title: str) -> str:
    """Return the page as HTML; ``values`` are those of the result of the step that searched."""
    finished = [trial for trial in values["trials"] if trial["state"] == "complete"]
    seconds = sum(trial["seconds"] or 0 for trial in values["trials"])
    chosen, measured = f"{values['family']}, {values['features']} features", values.get("measured", "AUC")
    return render_page(
        "search.html",
        title=title,
        words=values["words"],
        verdict=None,
        facts={
            "Chosen": chosen,
            "Estimator": values["estimator"],
            measured: figure(values["validation_auc"]),
            "Trials": count(len(values["trials"])),
            "Complete": count(len(finished)),
            "Seconds of trials": figure(seconds, 1),
        },
        values=values,
        measured=measured,
        trials=[{**trial, "words": settings_in_words(trial["parameters"])} for trial in values["trials"]],
        progress_plot=progress_of(values),
        contenders_plot=_plot_contenders(values),
        importance_plots=importance_of(values),
    )


def progress_of(values: Mapping[str, Any]) -> Markup | None:
    """Return the plot of the complete trials in order; None without any."""
    points = [
        Point(
            number=trial["number"],
            auc=trial["auc"],
            words=words_of(trial["number"], trial["family"], trial["auc"]),
            is_strong=is_chosen(trial, values),
        )
        for trial in values["trials"]
        if trial["auc"] is not None
    ]
    return plot_progress(points) if points else None


def importance_of(values: Mapping[str, Any]) -> dict[str, Markup]:
    """Return a plot for each family: the share of the AUC's variation that each parameter explains."""
    return {
        family: plot_bars(
            [Bar(label=name, value=share, bound=0.0, floor=None, verdict="pass") for name, share in shares.items()],
            what="Share",
        )
        for family, shares in values["importance"].items()
    }


def settings_in_words(parameters: Mapping[str, Any]) -> str:
    """Return the settings of a trial in one line."""
    told = (f"{name} {of:.4g}" if isinstance(of, float) else f"{name} {of}" for name, of in parameters.items())
    return ", ".join(told) or "the fixed parameters alone"


def is_chosen(trial: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    """Say whether a trial is the one whose setting was chosen."""
    wanted = (values["family"], values["features"], dict(values["parameters"]))
    return trial["auc"] is not None and (trial["family"], trial["features"], dict(trial["parameters"])) == wanted


def _plot_contenders(values: Mapping[str, Any]) -> Markup | None:
    best, *others = values["contenders"]
    rows = [
        Whisker(
            label=f"{one['family']}, {one['features']}",
            value=best["auc"] - one["auc"],
            low=min(one["low"], best["auc"] - one["auc"]),
            high=max(one["high"], best["auc"] - one["auc"]),
            is_strong=(one["family"], one["features"]) == (values["family"], values["features"]),
            is_hollow=one["low"] <= 0,
        )
        for one in others
    ]
    return plot_whiskers(rows, what="Lead of the best", reference=0, signed=True) if rows else None
