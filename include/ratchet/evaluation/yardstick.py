"""What models of a kind of label are measured by: one quality, of which more is better, by which a gate decides.

========== =====================================================================================================
binary     AUC
multiclass the mean, over the classes that came and did not, of the AUC by which a class is told from the rest [1]_
regression skill: 1 - loss / loss of the dummy, the best constant of the training labels, on the same examples; 0 is
           as good as the dummy, 1 is perfect. It has no unit, so that floors and margins mean the same for any label
========== =====================================================================================================

References
----------
.. [1] Provost and Domingos, "Tree induction for probability-based ranking", Machine Learning 52, 2003, with classes of
   equal weight.
.. [2] Murphy, "Skill scores based on the mean square error and their relationships to the correlation coefficient",
   Monthly Weather Review 116, 1988.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.delong import AucError, auc_error
from ratchet.evaluation.metrics import DIGITS, check_labels, roc_auc
from ratchet.evaluation.predictions import find_fault, find_fault_of_classes, find_fault_of_numbers
from ratchet.evaluation.ranking import Ranking
from ratchet.evaluation.tallies import Sums
from ratchet.training.losses import MAE, Loss

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.metrics import Floats
    from ratchet.evaluation.resampling import Counts, Figures
    from ratchet.spec.label import LabelKind
    from ratchet.spec.model import ModelSpec

# A percentile interval over fewer examples of a class is an accident of which of them were drawn.
MIN_EXAMPLES_OF_A_CLASS = 10

_NAMES: Mapping[LabelKind, str] = {"binary": "AUC", "multiclass": "macro AUC", "regression": "skill"}
_BOUNDS: Mapping[LabelKind, str] = {
    "binary": "numbers in [0, 1]",
    "multiclass": "numbers in [0, 1] that add up to 1",
    "regression": "finite numbers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """How answers to a label are judged.

    Parameters
    ----------
    classes : tuple of str
        Of a multiclass label, in the order of the answers.
    loss : Loss
        Of a label of numbers.
    reference : float or None
        What the dummy answers there; a skill cannot be told without.
    """

    kind: LabelKind = "binary"
    classes: tuple[str, ...] = ()
    loss: Loss = MAE
    reference: float | None = None

    @classmethod
    def of(cls, spec: ModelSpec, *, reference: float | None = None) -> Yardstick:
        """Return the yardstick of a spec."""
        return cls(
            kind=spec.label.kind,
            classes=spec.label.classes or (),
            loss=Loss.of(spec.evaluate),
            reference=reference,
        )

    @property
    def name(self) -> str:
        """What quality is called."""
        return _NAMES[self.kind]

    @property
    def guess(self) -> float:
        """The quality of a guess."""
        return 0.0 if self.kind == "regression" else 0.5

    @property
    def bound(self) -> str:
        """What answers must be, in words."""
        return _BOUNDS[self.kind]

    def check_labels(self, labels: ArrayLike) -> NDArray[Any]:
        """Return labels as booleans, places of classes or numbers.

        Raises
        ------
        ValueError
            If one is not known, or of another kind.
        """
        if self.kind == "binary":
            return check_labels(labels)
        values: NDArray[Any] = np.asarray(labels)
        if values.ndim != 1:
            raise ValueError(f"labels must be one-dimensional. Got {values.ndim} dimensions.")
        if self.kind == "regression":
            numbers = values.astype(np.float64)
            if not np.isfinite(numbers).all():
                raise ValueError("each label must be a finite number; leave out examples whose label is not known yet.")
            return numbers
        if values.size and not np.isin(values, np.arange(len(self.classes))).all():
            raise ValueError(f"each label must be a place in {len(self.classes)} classes; leave out what is not known.")
        return values.astype(np.int64)

    def shape(self, n: int) -> tuple[int, ...]:
        """Return the shape of answers of ``n`` examples."""
        return (n, len(self.classes)) if self.kind == "multiclass" else (n,)

    def find_fault(self, answers: Floats, *, may_be_constant: bool = True) -> str | None:
        """Return what is wrong with answers, in words; None if nothing is."""
        find = {"binary": find_fault, "multiclass": find_fault_of_classes, "regression": find_fault_of_numbers}
        return find[self.kind](answers, may_be_constant=may_be_constant)

    def is_varied(self, labels: NDArray[Any], *, of_all: bool = True) -> bool:
        """Whether there are 10 examples of each class, and of two at least; numbers must vary.

        Parameters
        ----------
        of_all : bool
            Whether of each class that the spec names, or only of those that came.
        """
        if self.kind == "regression":
            return bool(labels.size and labels.min() < labels.max())
        counts = self.class_counts(labels)
        asked = counts if of_all or self.kind == "binary" else counts[counts > 0]
        return len(asked) > 1 and int(asked.min()) >= MIN_EXAMPLES_OF_A_CLASS

    def n_positive(self, labels: NDArray[Any]) -> int:
        """Return how many labels are true; 0 of another kind."""
        return int(labels.sum()) if self.kind == "binary" else 0

    def class_counts(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Return how many examples each class has, false before true; none of numbers."""
        if self.kind == "regression":
            return np.empty(0, dtype=np.int64)
        return np.bincount(labels.astype(np.int64), minlength=len(self.classes) or 2)

    def quality(self, labels: NDArray[Any], answers: Floats) -> float | None:
        """Return how good sound answers are, rounded to 12 digits; None where it cannot be told."""
        if self.kind == "binary":
            return roc_auc(labels, answers)
        if not len(labels):
            return None
        found = float(self.drawn(labels, answers).resampled(np.ones((1, len(labels)), dtype=np.int64))[0, 0])
        return None if np.isnan(found) else round(found, DIGITS)

    def drawn(self, labels: NDArray[Any], answers: Floats) -> Figures:
        """Return the quality as one figure of resampled examples, NaN where it cannot be told."""
        if self.kind == "regression":
            return _Skill.of(labels, answers, self.loss, self._reference())
        if self.kind == "multiclass":
            return _MacroAuc.of(labels, answers)
        return _MacroAuc(rankings=(Ranking.of(labels, answers),))

    def error(self, labels: NDArray[Any], answers: Floats) -> AucError:
        """Return the quality, and what each example adds to its error: by DeLong's placements, or the delta method.

        The labels must hold an example of two classes, or a number that is not the dummy's.
        """
        if self.kind == "binary":
            return auc_error(labels, answers)
        if self.kind == "regression":
            return _skill_error(labels, answers, self.loss, self._reference())
        parts = [auc_error(labels == i, answers[:, i]) for i in _told_apart(labels, len(self.classes))]
        added = np.mean([part.added for part in parts], axis=0)
        return AucError(auc=float(np.mean([part.auc for part in parts])), added=added)

    def _reference(self) -> float:
        if self.reference is None:
            raise ValueError("the skill of predicted numbers needs a reference: what the dummy answers.")
        return self.reference


BINARY = Yardstick()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _MacroAuc:
    rankings: tuple[Ranking, ...]

    @classmethod
    def of(cls, labels: NDArray[Any], answers: Floats) -> _MacroAuc:
        places = _told_apart(labels, answers.shape[1])
        return cls(rankings=tuple(Ranking.of(labels == i, answers[:, i]) for i in places))

    def resampled(self, counts: Counts) -> Floats:
        found, n_told = np.zeros(len(counts)), np.zeros(len(counts))
        for ranking in self.rankings:
            ordered = ranking.ordered(counts)
            auc = ranking.auc(ordered, ranking.passed(ordered))
            is_told = ~np.isnan(auc)
            found[is_told] += auc[is_told]
            n_told += is_told
        macro: Floats = np.divide(found, n_told, out=np.full(len(counts), np.nan), where=n_told > 0)
        return macro[None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Skill:
    loss: Loss
    sums: Sums

    @classmethod
    def of(cls, labels: Floats, answers: Floats, loss: Loss, reference: float) -> _Skill:
        columns = {
            "ours": loss.of_examples(labels, answers),
            "dummy": loss.of_examples(labels, np.full(len(labels), reference)),
        }
        return cls(loss=loss, sums=Sums.of(columns))

    def resampled(self, counts: Counts) -> Floats:
        ours, dummy = self.sums.resampled(counts)
        share = np.divide(ours, dummy, out=np.full(len(ours), np.nan), where=dummy > 0)
        skill: Floats = 1 - self.loss.of_mean(share)
        return skill[None]


def _told_apart(labels: NDArray[Any], n_classes: int) -> list[int]:
    """Return the places of the classes that came, and did not."""
    counts = np.bincount(labels, minlength=n_classes)
    return np.flatnonzero((counts > 0) & (counts < len(labels))).tolist()


def _skill_error(labels: Floats, answers: Floats, loss: Loss, reference: float) -> AucError:
    ours, dummy = loss.of_examples(labels, answers), loss.of_examples(labels, np.full(len(labels), reference))
    share = float(ours.sum() / dummy.sum())
    slope = 0.5 / np.sqrt(share) if loss.name == "rmse" and share > 0 else 1.0
    added = -slope * (ours - share * dummy) / dummy.sum()
    return AucError(auc=1 - float(loss.of_mean(np.array([share]))[0]), added=added)
