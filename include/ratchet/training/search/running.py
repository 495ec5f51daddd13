"""The search itself: claim a trial, fit it, judge it on the validation spans; until there is nothing more to try.

The first trials are each family's fixed parameters, so a search never ends worse than no search. Each further one
is drawn by a sampler seeded by the spec's seed and the trial's place: killed and resumed, a search takes the same path.
Several processes may do this at once on one study.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ratchet.crashpoints import crash_point
from ratchet.errors import TrainingError
from ratchet.packaging.answers import AnswerForm, raw_answers
from ratchet.training.fit import LabelledMatrix, fit_matrix, labelled_matrix
from ratchet.training.losses import Loss
from ratchet.training.measures import MEASURE_NAMES, measure
from ratchet.training.search.families import Setting, settle
from ratchet.training.search.pruning import Rung, make_pruner, rungs_of
from ratchet.training.search.space import SearchSpace
from ratchet.training.search.stopping import why_stop
from ratchet.training.search.study import PLACE, SECONDS, Study, open_study
from ratchet.training.search.trials import SearchResult, Trial, best_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    import optuna
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.spec.label import Label
    from ratchet.spec.model import ModelSpec

_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every trial of a search is fitted and judged on."""

    spec: ModelSpec
    rungs: list[Rung]
    judged_on: LabelledMatrix

    @classmethod
    def of(cls, train: pl.DataFrame, validate: pl.DataFrame, spec: ModelSpec) -> Ground:
        """Return the ground of these examples.

        Raises
        ------
        TrainingError
            If the validation examples hold one outcome only.
        """
        judged_on = labelled_matrix(validate, spec)
        _check_judged_on(judged_on, spec.label)
        return cls(spec=spec, rungs=rungs_of(train, spec), judged_on=judged_on)

    def scores(self, setting: Setting, rung: Rung | None = None) -> NDArray[np.float64]:
        """Return the answers on the validation examples by a setting fitted on a rung, or on all train spans."""
        chosen = settle(self.spec, setting.family, setting.features)
        pipeline = fit_matrix((rung or self.rungs[-1]).examples, chosen, setting.parameters)
        return raw_answers(pipeline, self.judged_on.features, AnswerForm.of(self.spec.label))

    @property
    def reference(self) -> float:
        """What a dummy answers for numbers: the best constant on all train spans, whatever rung is fitted on."""
        return Loss.of(self.spec.evaluate).constant(self.rungs[-1].examples.labels)

    def auc(self, setting: Setting, rung: Rung | None = None) -> float:
        """Return how well a setting does on the validation examples: AUC, or what `measure` says of other labels.

        Raises
        ------
        TrainingError
            If the setting answers numbers that are not finite.
        """
        answered, kind = self.scores(setting, rung), self.spec.label.kind
        try:
            loss = Loss.of(self.spec.evaluate)
            found = measure(kind, self.judged_on.labels, answered, reference=self.reference, loss=loss)
        except ValueError as error:
            raise TrainingError(f"A setting cannot be judged: {error} Its parameters: {setting.parameters}.") from error
        if found is None:  # the ground has outcomes that vary
            raise TrainingError(f"The {MEASURE_NAMES[kind]} cannot be told on the validation examples.")
        return found


def _check_judged_on(examples: LabelledMatrix, label: Label) -> None:
    """Raise TrainingError unless the validation examples tell one setting from another."""
    n, n_distinct = len(examples.labels), len(set(examples.labels.tolist()))
    if n_distinct > 1:
        return
    if label.kind == "binary":
        raise TrainingError(
            f"A search needs both outcomes in its validation spans. Got {int(examples.labels.sum())} true of {n}."
        )
    what = "two classes" if label.kind == "multiclass" else "numbers that vary"
    raise TrainingError(f"A search needs {what} in its validation spans. Got {n_distinct} value of {n} examples.")


def search(
    train: pl.DataFrame,
    validate: pl.DataFrame,
    spec: ModelSpec,
    *,
    storage_path: Path,
    study_name: str,
    on_trial: Callable[[Trial], None] | None = None,
) -> SearchResult:
    """Return the setting that ranks the validation examples best, by AUC; the first found wins a tie.

    Parameters
    ----------
    train, validate : polars.DataFrame
        Examples with derived columns and labels, of the train and of the validation spans.
    storage_path : Path
        A local file that keeps the study, as a journal of its trials; its folder is made.
    study_name : str
        Names what is searched: another spec or other spans need another name.
    on_trial : callable, optional
        Told each trial of this process when it has ended and is kept.

    Raises
    ------
    TrainingError
        If the examples cannot train a model, or the validation examples hold one outcome only.
    """
    ground = Ground.of(train, validate, spec)
    if not is_searched(spec):
        # Nothing to remember, so no study is kept.
        started = time.monotonic()
        auc = ground.auc(Setting())
        alone = Trial(number=0, place=0, auc=auc, seconds=time.monotonic() - started, state="complete")
        return SearchResult(parameters={}, auc=auc, trials=(alone,), stopped="nothing is searched")
    seen = _take_part(ground, storage_path, study_name, on_trial, to_the_end=True)
    return _result(seen.trials, SearchSpace.of(spec), stopped=seen.stopped)


def take_share(
    train: pl.DataFrame,
    validate: pl.DataFrame,
    spec: ModelSpec,
    *,
    storage_path: Path,
    study_name: str,
    on_trial: Callable[[Trial], None] | None = None,
) -> tuple[Trial, ...]:
    """Try settings beside other processes until no further one is to begin, and return what was tried here.

    Trials of others may then still be running: it is `search` that waits for them and concludes.
    """
    seen = _take_part(Ground.of(train, validate, spec), storage_path, study_name, on_trial, to_the_end=False)
    return tuple(trial for trial in seen.trials if trial.worker == seen.worker)


def is_searched(spec: ModelSpec) -> bool:
    """Say whether a spec asks for anything to be tried beside its fixed parameters."""
    return bool(spec.train.search.trials or spec.train.search.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A study as one worker saw it last."""

    trials: tuple[Trial, ...]
    stopped: str
    worker: str


def _take_part(
    ground: Ground, journal: Path, name: str, on_trial: Callable[[Trial], None] | None, *, to_the_end: bool
) -> _Seen:
    from ratchet.training.search.samplers import grid_points, make_sampler

    spec, settings = ground.spec, ground.spec.train.search
    space = SearchSpace.of(spec)
    n_grid = len(grid_points(space, seed=spec.train.seed)) if settings.sampler == "grid" else None

    def stop(study: Study) -> str | None:
        return why_stop(settings, study.trials(), n_fixed=len(space.families), n_grid=n_grid)

    def prepare(study: Study, place: int) -> bool:
        if stop(study):
            return False
        study.kept.sampler = make_sampler(settings, space, place=place, seed=spec.train.seed)
        return True

    def suggest(asked: optuna.Trial) -> None:
        place = asked.user_attrs[PLACE]
        if place >= len(space.families):
            space.suggest(asked, with_silent=settings.sampler == "nsga_ii")
        else:  # the family's fixed parameters: only which family it is
            for choice, of in space.choices().items():
                asked.suggest_categorical(choice, of.choices)  # type: ignore[attr-defined]  # a list's distribution

    with open_study(journal, name, space, pruner=make_pruner(settings.pruner, spec.train.seed)) as study:
        while True:
            if (asked := study.claim(prepare, suggest)) is not None:
                _run_trial(study, asked, ground)
                (on_trial or _tell_nobody)(study.trials()[asked.number])
            elif to_the_end and any(trial.state == "running" for trial in study.trials()):
                time.sleep(_POLL_SECONDS)
            else:
                break
        return _Seen(trials=study.trials(), stopped=stop(study) or "", worker=study.worker)


def _tell_nobody(trial: Trial) -> None:
    """Do nothing."""


def _run_trial(study: Study, asked: optuna.Trial, ground: Ground) -> None:
    from optuna.trial import TrialState

    setting, started = study.space.read(asked.params), time.monotonic()
    try:
        auc = _known(study, setting)
        if auc is None:
            auc = _judge(asked, setting, ground)
    except Exception:
        study.kept.tell(asked, state=TrialState.FAIL)
        raise
    crash_point(f"search.fitted.{asked.user_attrs[PLACE]}")
    asked.set_user_attr(SECONDS, time.monotonic() - started)
    if auc is None:
        study.kept.tell(asked, state=TrialState.PRUNED)
    else:
        study.kept.tell(asked, auc)


def _known(study: Study, setting: Setting) -> float | None:
    """Return the AUC of a setting that was tried before: a fit of the same is the same."""
    for trial in study.trials():
        tried = Setting(family=trial.family, features=trial.features, parameters=trial.parameters)
        if trial.state == "complete" and tried == setting:
            return trial.auc
    return None


def _judge(asked: optuna.Trial, setting: Setting, ground: Ground) -> float | None:
    """Return the AUC of a setting; None when it was broken off. Fixed parameters never are: they are the measure."""
    for rung in ground.rungs[:-1]:
        asked.report(ground.auc(setting, rung), rung.step)
        if setting.parameters and asked.should_prune():
            return None
    auc = ground.auc(setting)
    if len(ground.rungs) > 1:
        asked.report(auc, ground.rungs[-1].step)
    return auc


def _result(trials: tuple[Trial, ...], space: SearchSpace, *, stopped: str) -> SearchResult:
    if all(trial.auc is None for trial in trials):
        raise TrainingError(f"The search ended without one finished trial: {len(trials)} were begun.")
    best = best_of(trials)
    setting = Setting(family=best.family, features=best.features, parameters=best.parameters)
    return SearchResult(
        parameters=best.parameters,
        auc=best.auc or 0.0,
        trials=trials,
        family=best.family,
        features=best.features,
        stopped=stopped,
        at_edge=tuple(space.edges(setting)),
    )
