"""Search for a model on the validation spans of a window: parameters, and where asked for estimator and features."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ratchet.errors import InputError
from ratchet.evaluation.bootstrap import bootstrap_auc
from ratchet.evaluation.leads import quality_lead
from ratchet.evaluation.yardstick import Yardstick
from ratchet.packaging.custom import custom_versions
from ratchet.reports.search import render_search
from ratchet.spans.records import SPAN
from ratchet.spec.search import ALL_FEATURES, MAIN_FAMILY
from ratchet.steps.examples import read_labelled_examples
from ratchet.steps.resampled_by import named_by, units_of
from ratchet.steps.results import Result, StepFolder, StepKey, StepResult, run_once
from ratchet.steps.track_search import trial_teller
from ratchet.steps.train_examples import TrainExamples, read_train_examples, sampling_input
from ratchet.storage.objects import open_store
from ratchet.training.losses import Loss
from ratchet.training.measures import MEASURE_NAMES
from ratchet.training.search.choice import Contender, choose_simplest, words_of_choice
from ratchet.training.search.families import Setting, columns_of, families_of
from ratchet.training.search.importance import importance_of
from ratchet.training.search.running import Ground, is_searched, search, take_share
from ratchet.training.search.space import SearchSpace
from ratchet.training.search.trials import contenders_of

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from ratchet.evaluation.resampling import Units
    from ratchet.project import Project
    from ratchet.spec.estimators import Parameter
    from ratchet.spec.model import ModelSpec
    from ratchet.steps.select_window import WindowResult
    from ratchet.training.search.trials import SearchResult, Trial

REPORT_FILE = "report.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneResult(StepResult):
    """What was chosen: family, estimator, features and the parameters on top of the fixed ones; and all that was tried.

    ``contenders`` are the best trials of each family and set of features, ``chosen_for`` says in words why one of them
    was taken, ``stopped`` why the search ended, ``at_edge`` which parameters lie at an end of their range. ``measured``
    names what trials were ranked by (see `ratchet.training.measures`); every ``auc`` here is that figure.
    """

    parameters: Mapping[str, Parameter]
    validation_auc: float
    trials: tuple[Mapping[str, object], ...]
    family: str = MAIN_FAMILY
    features: str = ALL_FEATURES
    estimator: str = ""
    columns: tuple[str, ...] = ()
    contenders: tuple[Mapping[str, object], ...] = ()
    chosen_for: str = ""
    stopped: str = ""
    at_edge: tuple[str, ...] = ()
    importance: Mapping[str, Mapping[str, float]]
    report_uri: str | None = None
    measured: str = "AUC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareResult(StepResult):
    """How many trials of the study this worker has tried."""

    worker: int
    n_trials: int


def tune(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    *,
    at: datetime | None = None,
    on_run: Callable[[str], None] | None = None,
) -> TuneResult:
    """Search on the train and validation spans, and choose; the test spans are not read.

    Of a spec that is fed by spans, trials are fitted on an even sample of the train spans.

    A killed search goes on where it stopped when the home is a local folder; on S3 it starts again. Where other
    workers have searched already, what is left is done here.

    Parameters
    ----------
    at : datetime, optional
        When, in UTC: each trial is entered in MLflow when it has ended. Without it `track_search` enters them all.
    on_run : callable, optional
        Told the page of the search's run as soon as there is one.
    """

    def compute(folder: StepFolder) -> TuneResult:
        def conclude(train: TrainExamples, validate: pl.DataFrame, study: Path) -> TuneResult:
            told = None
            if at is not None and is_searched(spec):
                told = trial_teller(project, spec, window.span, folder.name, study, at=at, on_run=on_run)
            try:
                return _conclude(spec, window, folder, train, validate, study, told)
            except Exception:
                if told is not None:
                    told.fail()
                raise

        return _with_study(project, spec, window, folder, conclude)

    return run_once(project, _key(spec, window), TuneResult, compute)


def try_settings(
    project: Project, spec: ModelSpec, window: WindowResult, worker: int, *, at: datetime | None = None
) -> ShareResult:
    """Try settings on the study of `tune`, beside other workers, until its budget is spent.

    Parameters
    ----------
    at : datetime, optional
        As of `tune`.

    Raises
    ------
    InputError
        If the home is not on a local disk, which the workers share a study on.
    """
    store = open_store(project.home)
    folder = StepFolder(store=store, name=_key(spec, window).folder_name())
    if store.uri.startswith("s3://"):
        raise InputError(
            f"train.search.workers: {spec.train.search.workers} workers share a study on a local disk, and "
            f"the home is {store.uri}. Set workers to 1, or use a home in a folder."
        )
    if store.has(f"{folder.name}/result.json"):
        return _share(spec, window, folder, worker, ())

    def compute(train: TrainExamples, validate: pl.DataFrame, study: Path) -> ShareResult:
        told = None if at is None else trial_teller(project, spec, window.span, folder.name, study, at=at)
        found = take_share(train.frame, validate, spec, storage_path=study, study_name=folder.name, on_trial=told)
        return _share(spec, window, folder, worker, found)

    return _with_study(project, spec, window, folder, compute)


def _share(
    spec: ModelSpec, window: WindowResult, folder: StepFolder, worker: int, tried: tuple[Trial, ...]
) -> ShareResult:
    return ShareResult(
        model=spec.name,
        span=window.span,
        verdict="pass",
        words=f"worker {worker} tried {len(tried)} setting(s)",
        uri=folder.uri,
        worker=worker,
        n_trials=len(tried),
    )


def _key(spec: ModelSpec, window: WindowResult) -> StepKey:
    custom: dict[str, str] = {}
    for family in families_of(spec).values():
        custom |= custom_versions(family.estimator, spec.folder)
    several = bool(spec.train.search.families or spec.train.search.feature_sets)
    interval = {"interval": [spec.evaluate.confidence, spec.evaluate.resamples], **named_by(spec)} if several else {}
    loss = {"loss": asdict(Loss.of(spec.evaluate))} if spec.label.kind == "regression" else {}
    return StepKey(
        step="tune",
        version=2,
        spec=spec,
        sections=("features", "label", "train"),
        span=window.span,
        inputs={"data": window.fitted_version, **interval, **loss, **custom, **sampling_input(spec)},
    )


def _with_study(
    project: Project,
    spec: ModelSpec,
    window: WindowResult,
    folder: StepFolder,
    work: Callable[[TrainExamples, pl.DataFrame, Path], Result],
) -> Result:
    train = read_train_examples(project, spec, window.train_spans, versions=window.data_version)
    validate = read_labelled_examples(project, spec, window.validate_spans, versions=window.data_version)
    with tempfile.TemporaryDirectory(prefix="ratchet-study-") as temporary:
        return work(train, validate, _study_path(folder, Path(temporary)))


def _conclude(
    spec: ModelSpec,
    window: WindowResult,
    folder: StepFolder,
    train: TrainExamples,
    validate: pl.DataFrame,
    study: Path,
    told: Callable[[Trial], None] | None,
) -> TuneResult:
    found = search(train.frame, validate, spec, storage_path=study, study_name=folder.name, on_trial=told)
    space = SearchSpace.of(spec)
    contenders = _contenders(found, lambda: Ground.of(train.frame, validate, spec), spec, _units(validate, spec))
    chosen = choose_simplest(contenders)
    best = next(trial for trial in found.trials if trial.number == chosen.number)
    setting = Setting(family=best.family, features=best.features, parameters=best.parameters)
    edges, measured = tuple(space.edges(setting)), MEASURE_NAMES[spec.label.kind]
    result = TuneResult(
        model=spec.name,
        span=window.span,
        verdict="pass",
        words=_words(measured, chosen, len(found.trials), found.stopped, edges),
        uri=folder.uri,
        parameters=best.parameters,
        validation_auc=chosen.auc,
        trials=tuple(asdict(trial) for trial in found.trials),
        family=chosen.family,
        features=chosen.features,
        estimator=chosen.estimator,
        columns=columns_of(spec, chosen.features),
        contenders=tuple(asdict(one) for one in contenders),
        chosen_for=words_of_choice(chosen, contenders[0]) if len(contenders) > 1 else "",
        stopped=found.stopped,
        at_edge=edges,
        importance=importance_of(found.trials, space, seed=spec.train.seed),
        report_uri=folder.uri_of(REPORT_FILE) if is_searched(spec) else None,
        measured=measured,
    )
    if train.is_sample:
        result = replace(result, words=f"{result.words}; fitted {train.words}")
    if result.report_uri:
        folder.write(REPORT_FILE, render_search(result.to_json(), title=f"{spec.name}: search of {window.span}"))
    return result


def _units(validate: pl.DataFrame, spec: ModelSpec) -> Units | None:
    """Return what the validation examples are drawn by, in the order that the ground has them in."""
    known = validate.filter(validate[spec.label.column].is_not_null())
    return units_of(spec, known.sort(SPAN, spec.source.entity, maintain_order=True))


def _contenders(
    found: SearchResult, ground: Callable[[], Ground], spec: ModelSpec, units: Units | None
) -> list[Contender]:
    """Return the best of each family and set of features, the highest AUC first, each with its distance to the best."""
    best, *others = contenders_of(found.trials)
    distances = _distances(best, others, ground(), spec, units) if others else {}
    return [_contender(trial, spec, *distances.get(trial.number, (0.0, 0.0))) for trial in (best, *others)]


def _distances(
    best: Trial, others: list[Trial], ground: Ground, spec: ModelSpec, units: Units | None
) -> dict[int, tuple[float, float]]:
    """Return the ends of the interval of the best's AUC minus each other's, by the number of the other's trial."""
    scores = {
        str(t.number): ground.scores(Setting(family=t.family, features=t.features, parameters=t.parameters))
        for t in (best, *others)
    }
    policy, truth = spec.evaluate, ground.judged_on.labels
    if spec.label.kind != "binary":
        ours = scores[str(best.number)]
        yardstick = Yardstick.of(spec, reference=ground.reference if spec.label.kind == "regression" else None)
        leads = {
            t.number: quality_lead(yardstick, truth, ours, scores[str(t.number)], policy.confidence, units=units)
            for t in others
        }
        return {number: (interval.low, interval.high) for number, interval in leads.items()}
    drawn = bootstrap_auc(truth, scores, resamples=policy.resamples, seed=spec.train.seed, units=units)
    if drawn is None:  # without both outcomes, which the ground has refused
        return {}
    several = {t.number: drawn.difference(str(best.number), str(t.number), policy.confidence) for t in others}
    return {number: (interval.low, interval.high) for number, interval in several.items()}


def _contender(trial: Trial, spec: ModelSpec, low: float, high: float) -> Contender:
    family = families_of(spec)[trial.family]
    return Contender(
        family=trial.family,
        features=trial.features,
        estimator=family.estimator,
        n_features=len(columns_of(spec, trial.features)),
        rank=family.rank,
        number=trial.number,
        auc=trial.auc or 0.0,
        low=low,
        high=high,
    )


def _words(measured: str, chosen: Contender, n_trials: int, stopped: str, edges: tuple[str, ...]) -> str:
    of = "" if chosen.family == MAIN_FAMILY else f" by {chosen.family}"
    told = "; ".join(part for part in (stopped if n_trials > 1 else "", *edges) if part)
    return f"{measured} {chosen.auc:.4f} on the validation spans{of}, of {n_trials} trial(s)" + (
        f"; {told}" if told else ""
    )


def _study_path(folder: StepFolder, temporary: Path) -> Path:
    home = folder.store.uri
    return (temporary if home.startswith("s3://") else Path(home) / folder.name) / "study.log"
