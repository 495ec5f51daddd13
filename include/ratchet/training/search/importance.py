"""How much of the AUC's variation each searched parameter explains, by functional ANOVA.

References
----------
.. [1] Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter importance", ICML 2014.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ratchet.training.search.space import FEATURES, SearchSpace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ratchet.training.search.trials import Trial

# With fewer, a forest over the settings explains nothing but itself.
LEAST_TRIALS = 8


def importance_of(trials: Sequence[Trial], space: SearchSpace, *, seed: int) -> dict[str, dict[str, float]]:
    """Return for each family the share of each parameter, the largest first; the shares of a family add up to 1.

    A family with fewer than eight complete trials, or whose trials have all the same AUC, is left out. Of layers,
    their number counts: what the third layer's size is, few trials tell.
    """
    found = {}
    for family in space.families:
        drawn = [t for t in trials if t.family == family and t.auc is not None and t.parameters]
        if len(drawn) >= LEAST_TRIALS and len({trial.auc for trial in drawn}) > 1:
            found[family] = _shares(drawn, space, family, seed=seed)
    return found


def _shares(trials: list[Trial], space: SearchSpace, family: str, *, seed: int) -> dict[str, float]:
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    distributions = {
        name: of
        for name, of in (space.choices() | space.of_family(family)).items()
        if name != ".family" and not of.single() and not name.rpartition(".")[2].isdigit()
    }
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(seed))
    for trial in trials:
        params = {name: _value(trial, name, family) for name in distributions}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=trial.auc))
    if not distributions:
        return {}
    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed % 2**32))
    named = {name.removeprefix(f"{family}.").removeprefix("."): round(share, 6) for name, share in shares.items()}
    return dict(sorted(named.items(), key=lambda pair: (-pair[1], pair[0])))


def _value(trial: Trial, name: str, family: str) -> object:
    if name == FEATURES:
        return trial.features
    own = name.removeprefix(f"{family}.")
    base, _, last = own.rpartition(".")
    return len(trial.parameters[base]) if last == "layers" else trial.parameters[own]  # type: ignore[arg-type]
