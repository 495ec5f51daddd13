"""ROC and precision-recall curves of every contender, thinned to what an eye can tell apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.evaluation.metrics import check_labels
from ratchet.evaluation.predictions import find_fault
from ratchet.evaluation.results import check_schema_version

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ratchet.evaluation.metrics import Bools, Floats

SCHEMA_VERSION = 1
N_POINTS = 60
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The curve of one contender, from left to right."""

    contender: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """``roc``: true over false positive rate. ``precision_recall``: precision over recall.

    ``share_positive`` is the precision of a guess; None without examples of both classes, and then there is no curve.
    """

    share_positive: float | None
    roc: tuple[Curve, ...]
    precision_recall: tuple[Curve, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Curves:
        """Return the curves that ``to_json`` wrote."""
        check_schema_version(values, SCHEMA_VERSION, what="curves")
        read = {
            name: tuple(Curve(contender=of["contender"], x=tuple(of["x"]), y=tuple(of["y"])) for of in values[name])
            for name in ("roc", "precision_recall")
        }
        return cls(share_positive=values["share_positive"], **read)


def compute_curves(labels: ArrayLike, scores: Mapping[str, ArrayLike]) -> Curves:
    """Return the curves of each contender whose scores are probabilities.

    Every point is one of the whole curve's; of those that were left out none lies farther than a sixtieth from the line
    between two that were kept, along both axes.
    """
    truth = check_labels(labels)
    if not truth.size or truth.all() or not truth.any():
        return Curves(share_positive=None, roc=(), precision_recall=())
    sound = {name: np.asarray(of, dtype=np.float64) for name, of in scores.items()}
    steps = {name: _steps(truth, of) for name, of in sound.items() if find_fault(of) is None}
    return Curves(
        share_positive=round(float(truth.mean()), _DIGITS),
        roc=tuple(_roc(name, *of) for name, of in steps.items()),
        precision_recall=tuple(_precision_recall(name, *of) for name, of in steps.items()),
    )


def _steps(truth: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """Return how many true and how many false positives each threshold lets through, the highest first."""
    order = np.argsort(-scores, kind="stable")
    # Equal scores fall on the same side of every threshold.
    last = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(truth[order])
    return hits[last].astype(np.float64), (np.arange(1, len(truth) + 1) - hits)[last].astype(np.float64)


def _roc(name: str, hits: Floats, misses: Floats) -> Curve:
    x = np.concatenate([[0.0], misses / misses[-1]])
    y = np.concatenate([[0.0], hits / hits[-1]])
    return _thinned(name, x, y, along=(x + y) / 2)


def _precision_recall(name: str, hits: Floats, misses: Floats) -> Curve:
    some = hits > 0
    x, y = hits[some] / hits[-1], hits[some] / (hits + misses)[some]
    return _thinned(name, x, y, along=x)


def _thinned(name: str, x: Floats, y: Floats, *, along: Floats) -> Curve:
    wanted = np.searchsorted(along, np.linspace(along[0], along[-1], N_POINTS))
    kept = np.unique(np.concatenate([[0], np.minimum(wanted, len(x) - 1), [len(x) - 1]]))
    return Curve(contender=name, x=_rounded(x[kept]), y=_rounded(y[kept]))


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(value, _DIGITS) for value in values.tolist())
