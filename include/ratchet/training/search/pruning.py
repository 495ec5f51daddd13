"""Breaking off settings that lag: each is fitted on the newest ninth and third of the train spans before all of them.

No estimator of a spec tells honestly how it would have ended after some of its rounds, and folds of the validation
spans cost as many whole fits. So what grows is the training set, for any estimator; all are judged on the
same validation spans, and a setting that is not broken off ends with the very fit that it has without pruning.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from ratchet.errors import TrainingError
from ratchet.training.fit import LabelledMatrix, labelled_matrix
from ratchet.training.teachable import check_teachable

if TYPE_CHECKING:
    import optuna
    import polars as pl
    from optuna.trial import FrozenTrial

    from ratchet.spec.label import Label
    from ratchet.spec.model import ModelSpec

SHARES = (9, 3, 1)
_MOST = SHARES[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """The examples of one fit of a trial; ``step`` is its share of the train spans in ninths."""

    step: int
    examples: LabelledMatrix


def rungs_of(train: pl.DataFrame, spec: ModelSpec) -> list[Rung]:
    """Return the fits of a trial in order, the one on all train spans last; without a pruner it is the only one.

    A share that could not teach a model, or that is no less than the next, is left out.
    """
    whole = Rung(step=_MOST, examples=labelled_matrix(train, spec))
    if spec.train.search.pruner == "none":
        return [whole]
    spans = sorted(train["span"].unique().to_list())
    counts = {_MOST // share: -(-len(spans) // share) for share in SHARES[:-1]}
    found: dict[int, Rung] = {}
    for step, n_spans in counts.items():
        part = train.filter(train["span"].is_in(spans[-n_spans:]))
        examples = labelled_matrix(part, spec)
        if n_spans < len(spans) and _can_teach(examples, spec.label):
            found[n_spans] = Rung(step=step, examples=examples)
    return [*found.values(), whole]


def _can_teach(examples: LabelledMatrix, label: Label) -> bool:
    try:
        check_teachable(examples, label)
    except TrainingError:
        return False
    return True


def make_pruner(name: str, seed: int) -> optuna.pruners.BasePruner:
    """Return the pruner of that name."""
    import optuna
    from optuna.pruners import HyperbandPruner, MedianPruner, NopPruner

    class SeededHyperband(HyperbandPruner):
        """Brackets by seed and place: by study and number, as Optuna's, a killed search would take another path."""

        def _get_bracket_id(self, study: optuna.Study, trial: FrozenTrial) -> int:
            lost = optuna.trial.TrialState.FAIL
            if trial.state == lost:
                return -1  # of no bracket: what it reported before it was lost counts for nothing
            trials: list[Any] = study._storage.get_all_trials(study._study_id, deepcopy=False)
            place = sum(other.state != lost for other in trials if other.number < trial.number)
            named: Any = SimpleNamespace(study_name=str(seed), number=place)
            return super()._get_bracket_id(named, named)

    if name == "median":
        return MedianPruner(n_startup_trials=4)
    if name == "hyperband":
        return SeededHyperband(min_resource=1, max_resource=_MOST, reduction_factor=3)
    return NopPruner()
