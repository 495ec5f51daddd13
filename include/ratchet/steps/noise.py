"""How noisy outcomes are, told by the candidate, and where it looks noisy by a model of another make beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ratchet.errors import RatchetError
from ratchet.evaluation.noise import class_noise, label_noise
from ratchet.features.matrix import feature_roles, to_matrix
from ratchet.packaging.answers import AnswerForm
from ratchet.packaging.loaded import score
from ratchet.training.fit import fit

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.metrics import Floats
    from ratchet.spec.model import ModelSpec

# Flexible, and the same for every candidate: what a weak one cannot tell, it may.
_REFERENCE = "sklearn.ensemble.HistGradientBoostingClassifier"
MAX_EXAMPLES = 20_000
CANDIDATE, REFERENCE = "the candidate is", "boosted trees fitted beside the candidate are"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldNoise:
    """The estimate, and in words whose ends it is of."""

    interval: Interval | None
    by: str = CANDIDATE


def tell_noise(
    spec: ModelSpec, train: pl.DataFrame, test: pl.DataFrame, labels: NDArray[Any], scores: Floats
) -> ToldNoise:
    """Return the least that the outcomes of the test examples contradict a model where it is surest.

    Labels that are turned with some probability are no purer than that in any group of examples, whoever picks the
    group: so each model's ends bound the noise from above, and the least bound counts. A candidate within
    ``evaluate.inspect.max_label_noise`` is not doubted. Beside another one, boosted trees are fitted on at most 20,000
    train examples: a candidate that is too weak for what the features tell is no noise of labels.
    """
    tell = class_noise if spec.label.kind == "multiclass" else label_noise
    own = tell(labels, scores, confidence=spec.evaluate.confidence)
    if own is None or own.value <= spec.evaluate.inspect.max_label_noise:
        return ToldNoise(interval=own)
    try:
        others = _reference_scores(spec, train, test)
    except RatchetError:  # nothing that trees could be fitted on: the candidate's own ends are all there is
        return ToldNoise(interval=own)
    beside = tell(labels, others, confidence=spec.evaluate.confidence)
    if beside is None or beside.value >= own.value:
        return ToldNoise(interval=own)
    return ToldNoise(interval=beside, by=REFERENCE)


def _reference_scores(spec: ModelSpec, train: pl.DataFrame, test: pl.DataFrame) -> Floats:
    few = train.gather_every(max(1, -(-train.height // MAX_EXAMPLES)))
    changed: dict[str, object] = {
        "estimator": _REFERENCE,
        "parameters": {},
        "encoding": None,
        "engine": "local",
        "feed": "whole",
        "checkpoint_rounds": None,
    }
    beside = spec.model_copy(update={"train": spec.train.model_copy(update=changed)})
    return score(fit(few, beside), to_matrix(test, feature_roles(spec.features)), AnswerForm.of(spec.label))
