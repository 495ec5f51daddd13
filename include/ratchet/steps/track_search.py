"""Enter a search in MLflow: one run for the search, with its plots, and below it one for each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.reports.plot_files import to_file
from ratchet.reports.search import importance_of, progress_of
from ratchet.steps.results import read_object
from ratchet.training.search_tracking import SearchRecord, TrialRecord, TrialTeller, log_search
from ratchet.training.tracking import TrackingRun, run_url, start_or_resume

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.tune import TuneResult


def track_search(project: Project, spec: ModelSpec, tuned: TuneResult, *, at: datetime) -> str | None:
    """Enter the search, and return the page of its run; None where nothing was searched, or MLflow has no pages.

    A repeat finds the run, and enters what is missing.
    """
    if tuned.report_uri is None:
        return None
    run = _start(project, spec, tuned.span, tuned.uri.rpartition("/")[0], at)
    values = tuned.to_json()
    plots = {f"importance-{family}.svg": plot for family, plot in importance_of(values).items()}
    if (progress := progress_of(values)) is not None:
        plots["progress.svg"] = progress
    record = SearchRecord(
        parameters={
            "sampler": spec.train.search.sampler,
            "pruner": spec.train.search.pruner,
            "seed": spec.train.seed,
            "family": tuned.family,
            "features": tuned.features,
            "estimator": tuned.estimator,
            # What every figure called auc here is.
            "measured": tuned.measured,
            **tuned.parameters,
        },
        metrics={"validation_auc": tuned.validation_auc, "n_trials": float(len(tuned.trials))},
        tags={
            "ratchet.span": tuned.span,
            "ratchet.stopped": tuned.stopped,
            "ratchet.at_edge": "; ".join(tuned.at_edge),
        },
        pages={
            "search.html": read_object(project, tuned.report_uri).decode(),
            **{name: to_file(plot) for name, plot in plots.items()},
        },
        trials=tuple(TrialRecord.of(trial) for trial in tuned.trials),
    )
    log_search(run, record, at=at)
    return run_url(project.tracking_uri, run)


def trial_teller(
    project: Project,
    spec: ModelSpec,
    span: str,
    folder: str,
    study: Path,
    *,
    at: datetime,
    on_run: Callable[[str], None] | None = None,
) -> TrialTeller:
    """Return what tells MLflow each trial of a search when it has ended, on the run that `track_search` finishes.

    Parameters
    ----------
    folder : str
        That of the search's result: it names the run.
    on_run : callable, optional
        Told the page of the run as soon as there is one.
    """

    def begun(run: TrackingRun) -> None:
        if on_run is not None and (address := run_url(project.tracking_uri, run)):
            on_run(address)

    lock = study.with_name(f"{study.name}.tracking")
    return TrialTeller(lambda: _start(project, spec, span, folder, at), lock=lock, at=at, on_run=begun)


def _start(project: Project, spec: ModelSpec, span: str, folder: str, at: datetime) -> TrackingRun:
    name = f"{spec.name} {span} search"
    return start_or_resume(project.tracking_uri, str(ModelId(spec.name)), folder, at=at, run_name=name)
