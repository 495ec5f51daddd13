"""The search for hyperparameters: a tree-structured Parzen estimator over the spec's space, resumed where it stopped.

Trial 0 is the fixed parameters alone, so a search never ends worse than no search. Each further trial is drawn by
a sampler seeded by the spec's seed and the number of finished trials: killed and resumed, a search takes the same path.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from ratchet.errors import TrainingError
from ratchet.spec.training import Uniform
from ratchet.training.fit import LabelledMatrix, fit_matrix, labelled_matrix

if TYPE_CHECKING:
    from pathlib import Path

    import optuna
    import polars as pl

    from ratchet.features.transform import Parameters
    from ratchet.spec.model import ModelSpec

_SECONDS = "seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One setting that was tried; ``auc`` is None unless the state is ``complete``."""

    number: int
    parameters: Parameters
    auc: float | None
    seconds: float | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The best setting, as parameters on top of the fixed ones, and all that was tried."""

    parameters: Parameters
    auc: float
    trials: tuple[Trial, ...]


def search(
    train: pl.DataFrame, validate: pl.DataFrame, spec: ModelSpec, *, storage_path: Path, study_name: str
) -> SearchResult:
    """Return the parameters that rank the validation examples best, by AUC; the first found wins a tie.

    Parameters
    ----------
    train, validate : polars.DataFrame
        Examples with derived columns and labels, of the train and of the validation spans.
    storage_path : Path
        A local file that keeps the study, as a journal of its trials; its folder is made.
    study_name : str
        Names what is searched: another spec or other spans need another name.

    Raises
    ------
    TrainingError
        If the examples cannot train a model, or the validation examples hold one outcome only.
    """
    fitted_on, judged_on = labelled_matrix(train, spec), labelled_matrix(validate, spec)
    n_positive = int(judged_on.labels.sum())
    if n_positive in (0, len(judged_on.labels)):
        raise TrainingError(
            f"A search needs both outcomes in its validation spans. Got {n_positive} true of {len(judged_on.labels)}."
        )
    if not spec.train.search.trials:
        # Nothing to remember, so no study is kept.
        return _result((_try(0, {}, spec, fitted_on, judged_on),))
    study = _open_study(storage_path, study_name)
    while (n_finished := _finish_abandoned(study)) < 1 + spec.train.search.trials:
        _run_trial(study, n_finished, spec, fitted_on, judged_on)
    return _result(_trials(study))


def _try(
    number: int, parameters: Parameters, spec: ModelSpec, fitted_on: LabelledMatrix, judged_on: LabelledMatrix
) -> Trial:
    from sklearn.metrics import roc_auc_score

    started = monotonic()
    pipeline = fit_matrix(fitted_on, spec, parameters)
    auc = float(roc_auc_score(judged_on.labels, pipeline.predict_proba(judged_on.features)[:, 1]))
    return Trial(number=number, parameters=parameters, auc=auc, seconds=monotonic() - started, state="complete")


def _open_study(storage_path: Path, study_name: str) -> optuna.Study:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage_path.parent.mkdir(parents=True, exist_ok=True)
    # A journal opens at once; a SQLite study is migrated for two seconds before its first trial.
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(storage_path)))
    return optuna.create_study(storage=storage, study_name=study_name, direction="maximize", load_if_exists=True)


def _finish_abandoned(study: optuna.Study) -> int:
    """Mark trials that a killed process left behind as failed, and return how many are complete."""
    from optuna.trial import TrialState

    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return len(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))


def _run_trial(
    study: optuna.Study, n_finished: int, spec: ModelSpec, fitted_on: LabelledMatrix, judged_on: LabelledMatrix
) -> None:
    from optuna.samplers import TPESampler
    from optuna.trial import TrialState

    study.sampler = TPESampler(seed=(spec.train.seed + n_finished) % 2**32)
    asked = study.ask()
    # The first is empty: what a searched parameter is when nothing is searched may lie outside of its range.
    parameters = _suggest(asked, spec) if n_finished else {}
    try:
        trial = _try(asked.number, parameters, spec, fitted_on, judged_on)
    except Exception:
        study.tell(asked, state=TrialState.FAIL)
        raise
    asked.set_user_attr(_SECONDS, trial.seconds)
    study.tell(asked, trial.auc)


def _suggest(trial: optuna.Trial, spec: ModelSpec) -> dict[str, Any]:
    return {name: _suggest_one(trial, name, space) for name, space in spec.train.search.space.items()}


def _suggest_one(trial: optuna.Trial, name: str, space: Any) -> Any:
    if not isinstance(space, Uniform):
        return trial.suggest_categorical(name, space.choices)
    if space.integer:
        return trial.suggest_int(name, int(space.low), int(space.high), log=space.log)
    return trial.suggest_float(name, space.low, space.high, log=space.log)


def _trials(study: optuna.Study) -> tuple[Trial, ...]:
    return tuple(
        Trial(
            number=trial.number,
            parameters=dict(trial.params),
            auc=trial.value,
            seconds=trial.user_attrs.get(_SECONDS),
            state=trial.state.name.lower(),
        )
        for trial in study.get_trials(deepcopy=False)
    )


def _result(trials: tuple[Trial, ...]) -> SearchResult:
    auc, _, parameters = max((trial.auc, -trial.number, trial.parameters) for trial in trials if trial.auc is not None)
    return SearchResult(parameters=parameters, auc=auc, trials=trials)
