"""All contenders on the same test examples: metrics, paired differences and slices. No verdict is taken here."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ratchet.errors import InputError
from ratchet.evaluation.beside import Beside
from ratchet.evaluation.bootstrap import AucResamples, bootstrap_quality
from ratchet.evaluation.decisions import DecisionsDrawn
from ratchet.evaluation.fairness import GroupsDrawn
from ratchet.evaluation.found import find_slices
from ratchet.evaluation.resampling import Drawing, Units
from ratchet.evaluation.results import CONTENDERS, Difference, Evaluation, Metrics
from ratchet.evaluation.scored import Scored
from ratchet.evaluation.scored_classes import ScoredClasses
from ratchet.evaluation.scored_numbers import ScoredNumbers
from ratchet.evaluation.sliced import Slicing
from ratchet.evaluation.yardstick import BINARY, Yardstick

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.found import FoundSlices
    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Figures
    from ratchet.spec.evaluation import Evaluate

_DETAILED = ("candidate", "champion")


def evaluate_contenders(
    labels: ArrayLike,
    scores: Mapping[str, ArrayLike],
    slices: pl.DataFrame,
    *,
    policy: Evaluate,
    seed: int,
    beside: Beside | None = None,
    yardstick: Yardstick = BINARY,
) -> Evaluation:
    """Return the figures of every contender on the same examples, and the candidate's lead over each other one.

    Parameters
    ----------
    labels : array of shape (n_examples,)
        0 or 1, the place of the class, or a number; may be empty, and then no figure is computed.
    scores : mapping of str to array of shape (n_examples,), or (n_examples, n_classes)
        ``candidate``, ``linear``, ``dummy``, ``rule``, and ``champion`` unless there is none yet.
    slices : DataFrame of n_examples rows
        One column a slice column; no column for no slices.
    seed : int
        Of every interval. The order of the rows does not matter.
    beside : Beside, optional
        What else is known of the examples; decisions, groups and found slices are computed from it.
    yardstick : Yardstick
        What the label is; differences and slices are of its quality.

    Returns
    -------
    Evaluation
        Scores that are no probabilities (NaN, infinite, outside [0, 1]), and a candidate that gives all examples
        the same score, are recorded as a fault of that contender: the gate answers, not a crash.

    Raises
    ------
    InputError
        If ``candidate`` is missing, a name is unknown, a number of rows differs, or intervals are to be drawn by entity
        or span and ``beside`` does not name those.
    ValueError
        If a label is not 0 or 1.
    """
    truth, beside = yardstick.check_labels(labels), beside or Beside()
    columns = _check_contenders(truth, scores, slices, yardstick)
    beside.check_rows(len(truth))
    units = _units(beside, policy)
    faults = {
        name: fault
        for name, column in columns.items()
        if (fault := yardstick.find_fault(column, may_be_constant=name != "candidate"))
    }
    sound = {name: column for name, column in columns.items() if name not in faults}
    resampled = bootstrap_quality(yardstick, truth, sound, resamples=policy.resamples, seed=seed, units=units)
    slicing = Slicing(labels=truth, answers=sound, policy=policy, seed=seed, units=units, yardstick=yardstick)
    found = Evaluation(
        n_examples=len(truth),
        n_positive=yardstick.n_positive(truth),
        confidence=policy.confidence,
        resamples=policy.resamples,
        seed=seed,
        resample_by=policy.resample_by,
        n_units=None if units is None else units.n,
        contenders=(),
        differences=_differences(resampled, policy.confidence),
        slices=slicing.rows(slices),
        crossed=slicing.crossed(slices),
        kind=yardstick.kind,
        quality=yardstick.name,
        loss=yardstick.loss.words if yardstick.kind == "regression" else None,
        reference=yardstick.reference,
        class_counts=tuple(yardstick.class_counts(truth).tolist()) if yardstick.kind == "multiclass" else (),
    )
    order = _canonical_order(truth, sound, beside, units)
    drawing = Drawing(
        resamples=policy.resamples,
        seed=(seed, zlib.crc32(b"all examples")),
        confidence=policy.confidence,
        units=None if units is None else units.take(order),
    )
    ordered = {name: column[order] for name, column in sound.items()}
    told = beside.take(order)
    found = replace(found, found=_found_slices(truth[order], ordered, told, policy, drawing.units, yardstick))
    if yardstick.kind != "binary":
        return _with_kind(found, truth[order], ordered, faults, resampled, list(columns), drawing, yardstick)
    return _with_drawn(found, truth[order], ordered, faults, told, resampled, list(columns), policy, drawing)


def _with_drawn(
    found: Evaluation,
    truth: Bools,
    scores: Mapping[str, Floats],
    faults: Mapping[str, str],
    beside: Beside,
    resampled: AucResamples | None,
    names: Sequence[str],
    policy: Evaluate,
    drawing: Drawing,
) -> Evaluation:
    """Add what is drawn of all examples at once, in an order that does not depend on how they were read."""
    decisions = {name: one for name, one in beside.decisions.items() if name not in faults}
    decided = DecisionsDrawn.of(truth, decisions, beside.values)
    scored = {name: Scored.of(name, truth, column) for name, column in scores.items()}
    groups = [
        GroupsDrawn.of(name, truth, beside.decisions[name].expected, column)
        for column in beside.groups.iter_columns()
        for name in ("candidate", "champion")
        if name in beside.decisions and name in scores
    ]
    parts: dict[str, Figures] = {f"scores {name}": one for name, one in scored.items()}
    parts |= {f"groups {i}": one for i, one in enumerate(groups)}
    parts |= {} if decided is None else {"decisions": decided}
    drawn = drawing.each(parts, len(truth))
    return replace(
        found,
        contenders=tuple(
            Metrics(name=name, fault=faults[name])
            if name in faults
            else scored[name].metrics(
                drawn[f"scores {name}"],
                drawing,
                auc=None if resampled is None else resampled.auc(name, drawing.confidence),
            )
            for name in names
        ),
        decisions=None if decided is None else decided.compared(drawn["decisions"], drawing),
        curves=tuple(
            scored[name].curve(drawn[f"scores {name}"], drawing) for name in ("candidate", "champion") if name in scores
        ),
        fairness=tuple(one.compared(drawn[f"groups {i}"], policy.fairness, drawing) for i, one in enumerate(groups)),
    )


def _with_kind(
    found: Evaluation,
    labels: NDArray[Any],
    answers: Mapping[str, Floats],
    faults: Mapping[str, str],
    resampled: AucResamples | None,
    names: Sequence[str],
    drawing: Drawing,
    yardstick: Yardstick,
) -> Evaluation:
    """Add what is drawn of answers to another label than true or false."""
    qualities = {
        name: resampled.auc(name, drawing.confidence) for name in answers if resampled and name in resampled.values
    }
    faulty = {name: Metrics(name=name, fault=fault) for name, fault in faults.items()}
    if yardstick.kind == "multiclass":
        of_classes = {
            name: ScoredClasses.of(name, labels, column, yardstick.classes, is_detailed=name in _DETAILED)
            for name, column in answers.items()
        }
        drawn = drawing.each(of_classes, len(labels))
        told = {name: one.metrics(drawn[name], drawing, auc=qualities.get(name)) for name, one in of_classes.items()}
        details = tuple(of_classes[name].detail(drawn[name], drawing) for name in _DETAILED if name in of_classes)
        return replace(found, contenders=tuple((faulty | told)[name] for name in names), classes=details)
    of_numbers = {name: ScoredNumbers.of(name, labels, column, yardstick.loss) for name, column in answers.items()}
    drawn = drawing.each(of_numbers, len(labels))
    told = {name: one.metrics(drawn[name], drawing, skill=qualities.get(name)) for name, one in of_numbers.items()}
    numbers = tuple(of_numbers[name].detail(drawn[name], drawing) for name in _DETAILED if name in of_numbers)
    return replace(found, contenders=tuple((faulty | told)[name] for name in names), numbers=numbers)


def _found_slices(
    truth: NDArray[Any],
    scores: Mapping[str, Floats],
    beside: Beside,
    policy: Evaluate,
    units: Units | None,
    yardstick: Yardstick,
) -> FoundSlices | None:
    if policy.found_slices == "none" or not beside.features.width:
        return None
    return find_slices(
        truth,
        scores,
        beside.features,
        beside.roles,
        min_examples=policy.min_slice_examples,
        confidence=policy.confidence,
        units=units,
        yardstick=yardstick,
    )


def _units(beside: Beside, policy: Evaluate) -> Units | None:
    if policy.resample_by == "example":
        return None
    if beside.units is None:
        raise InputError(f"intervals are drawn by {policy.resample_by}, so each example must name its own. Got none.")
    return Units.of(beside.units)


def _canonical_order(
    truth: NDArray[Any], scores: Mapping[str, Floats], beside: Beside, units: Units | None
) -> NDArray[np.intp]:
    keys: list[NDArray[Any]] = [one.rank("dense").fill_null(0).to_numpy() for one in beside.groups.iter_columns()]
    keys += [one.expected for one in beside.decisions.values()]
    keys += [] if units is None else [units.codes]
    columns = [column for name in sorted(scores) for column in np.atleast_2d(scores[name].T)]
    return np.lexsort((*keys, *columns, truth))


def _check_contenders(
    truth: NDArray[Any], scores: Mapping[str, ArrayLike], slices: pl.DataFrame, yardstick: Yardstick
) -> dict[str, Floats]:
    unknown = sorted(set(scores) - set(CONTENDERS))
    if unknown or "candidate" not in scores:
        raise InputError(
            f"the contenders must be candidate and some of {', '.join(CONTENDERS[1:])}. "
            f"Got {', '.join(sorted(scores))}."
        )
    columns: dict[str, Floats] = {
        name: np.asarray(scores[name], dtype=np.float64) for name in CONTENDERS if name in scores
    }
    for name, column in columns.items():
        if column.shape != yardstick.shape(len(truth)):
            raise InputError(f"{name} must score each of {len(truth)} examples. Got shape {column.shape}.")
    if slices.width and slices.height != len(truth):
        raise InputError(f"slices must have {len(truth)} rows, one an example. Got {slices.height}.")
    return columns


def _differences(resampled: AucResamples | None, confidence: float) -> tuple[Difference, ...]:
    if resampled is None or "candidate" not in resampled.values:
        return ()
    return tuple(
        Difference(other=name, interval=resampled.difference("candidate", name, confidence))
        for name in CONTENDERS[1:]
        if name in resampled.values
    )
