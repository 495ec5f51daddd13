"""Enter a search in MLflow: one run for the search, with its plots, and below it one for each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.identity import ModelId
from ratchet.reports.plot_files import to_file
from ratchet.reports.search import importance_of, progress_of
from ratchet.steps.results import read_object
from ratchet.training.search_tracking import SearchRecord, TrialRecord, log_search
from ratchet.training.tracking import run_url, start_or_resume

if TYPE_CHECKING:
    from datetime import datetime

    from ratchet.project import Project
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.tune import TuneResult


def track_search(project: Project, spec: ModelSpec, tuned: TuneResult, *, at: datetime) -> str | None:
    """Enter the search, and return the page of its run; None where nothing was searched, or MLflow has no pages.

    A repeat finds the run, and enters what is missing.
    """
    if tuned.report_uri is None:
        return None
    key = tuned.uri.rpartition("/")[0]
    run = start_or_resume(
        project.tracking_uri,
        str(ModelId(spec.name)),
        key,
        at=at,
        run_name=f"{spec.name} {tuned.span} search",
    )
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
