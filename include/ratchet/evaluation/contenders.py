"""All contenders on the same test examples: metrics, paired differences and slices. No verdict is taken here."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ratchet.errors import InputError
from ratchet.evaluation.beside import Beside
from ratchet.evaluation.bootstrap import AucResamples, bootstrap_auc
from ratchet.evaluation.crossing import cross
from ratchet.evaluation.decisions import DecisionsDrawn
from ratchet.evaluation.fairness import GroupsDrawn
from ratchet.evaluation.found import find_slices
from ratchet.evaluation.metrics import check_labels, roc_auc
from ratchet.evaluation.predictions import find_fault
from ratchet.evaluation.resampling import Drawing, Units
from ratchet.evaluation.results import CONTENDERS, Difference, Evaluation, Metrics, SliceRow
from ratchet.evaluation.scored import Scored

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.found import FoundSlices
    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Figures
    from ratchet.spec.evaluation import Evaluate

# A percentile interval over fewer examples of a class is an accident of which of them were drawn.
MIN_EXAMPLES_OF_A_CLASS = 10


def evaluate_contenders(
    labels: ArrayLike,
    scores: Mapping[str, ArrayLike],
    slices: pl.DataFrame,
    *,
    policy: Evaluate,
    seed: int,
    beside: Beside | None = None,
) -> Evaluation:
    """Return the figures of every contender on the same examples, and the candidate's lead over each other one.

    Parameters
    ----------
    labels : array of shape (n_examples,)
        0 or 1; may be empty, and then no figure is computed.
    scores : mapping of str to array of shape (n_examples,)
        ``candidate``, ``linear``, ``dummy``, ``rule``, and ``champion`` unless there is none yet.
    slices : DataFrame of n_examples rows
        One column a slice column; no column for no slices.
    seed : int
        Of every interval. The order of the rows does not matter.
    beside : Beside, optional
        What else is known of the examples; decisions, groups and found slices are computed from it.

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
    truth, beside = check_labels(labels), beside or Beside()
    columns = _check_contenders(truth, scores, slices)
    beside.check_rows(len(truth))
    units = _units(beside, policy)
    faults = {
        name: fault
        for name, column in columns.items()
        if (fault := find_fault(column, may_be_constant=name != "candidate"))
    }
    sound = {name: column for name, column in columns.items() if name not in faults}
    resampled = bootstrap_auc(truth, sound, resamples=policy.resamples, seed=seed, units=units)
    found = Evaluation(
        n_examples=len(truth),
        n_positive=int(truth.sum()),
        confidence=policy.confidence,
        resamples=policy.resamples,
        seed=seed,
        resample_by=policy.resample_by,
        n_units=None if units is None else units.n,
        contenders=(),
        differences=_differences(resampled, policy.confidence),
        slices=tuple(_slices(truth, sound, slices, policy=policy, seed=seed, units=units)),
        crossed=_crossed(truth, sound, slices, policy=policy, seed=seed, units=units),
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
    found = replace(found, found=_found_slices(truth[order], ordered, told, policy, drawing.units))
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


def _found_slices(
    truth: Bools, scores: Mapping[str, Floats], beside: Beside, policy: Evaluate, units: Units | None
) -> FoundSlices | None:
    if policy.found_slices == "none" or not beside.features.width:
        return None
    return find_slices(
        truth,
        scores,
        beside.features,
        beside.roles,
        min_examples=policy.min_slice_examples,
        min_of_a_class=MIN_EXAMPLES_OF_A_CLASS,
        confidence=policy.confidence,
        units=units,
    )


def _units(beside: Beside, policy: Evaluate) -> Units | None:
    if policy.resample_by == "example":
        return None
    if beside.units is None:
        raise InputError(f"intervals are drawn by {policy.resample_by}, so each example must name its own. Got none.")
    return Units.of(beside.units)


def _canonical_order(
    truth: Bools, scores: Mapping[str, Floats], beside: Beside, units: Units | None
) -> NDArray[np.intp]:
    keys: list[NDArray[Any]] = [one.rank("dense").fill_null(0).to_numpy() for one in beside.groups.iter_columns()]
    keys += [one.expected for one in beside.decisions.values()]
    keys += [] if units is None else [units.codes]
    return np.lexsort((*keys, *(scores[name] for name in sorted(scores)), truth))


def _check_contenders(truth: Bools, scores: Mapping[str, ArrayLike], slices: pl.DataFrame) -> dict[str, Floats]:
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
        if column.shape != truth.shape:
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


def _crossed(
    truth: Bools,
    scores: Mapping[str, Floats],
    slices: pl.DataFrame,
    *,
    policy: Evaluate,
    seed: int,
    units: Units | None,
) -> tuple[SliceRow, ...]:
    """Return the slices of two columns that are large enough to be judged."""
    if policy.crossed_slices == "none" or slices.width < 2:
        return ()
    frame = cross(slices)
    # Cut down before anything is drawn: most pairs of values are rare.
    common = frame.select(
        pl.when(pl.len().over(name) >= policy.min_slice_examples).then(name).alias(name) for name in frame.columns
    )
    rows = _slices(truth, scores, common, policy=policy, seed=seed, units=units)
    return tuple(row for row in rows if row.value is not None and _is_judged(row.n_examples, row.n_positive, policy))


def _slices(
    truth: Bools,
    scores: Mapping[str, Floats],
    slices: pl.DataFrame,
    *,
    policy: Evaluate,
    seed: int,
    units: Units | None,
) -> list[SliceRow]:
    rows = []
    for column in slices.columns:
        values = slices[column].cast(pl.String)
        for value in sorted(values.unique().to_list(), key=lambda text: (text is None, text or "")):
            member = values.eq_missing(pl.Series([value], dtype=pl.String)).to_numpy()
            kept = {name: scores[name][member] for name in ("candidate", "champion") if name in scores}
            of_slice = None if units is None else units.take(member)
            rows.append(_slice_row(column, value, truth[member], kept, policy=policy, seed=seed, units=of_slice))
    return rows


def _slice_row(
    column: str,
    value: str | None,
    truth: Bools,
    scores: Mapping[str, Floats],
    *,
    policy: Evaluate,
    seed: int,
    units: Units | None,
) -> SliceRow:
    n_positive = int(truth.sum())
    difference = None
    if len(scores) == 2 and _is_judged(len(truth), n_positive, policy):
        # Seeded by its name: a slice's interval does not depend on which other slices there are.
        own_seed = (seed, zlib.crc32(f"{column}={value}".encode()))
        resampled = bootstrap_auc(truth, scores, resamples=policy.resamples, seed=own_seed, units=units)
        if resampled is not None:
            difference = resampled.difference("candidate", "champion", policy.confidence)
    return SliceRow(
        column=column,
        value=value,
        n_examples=len(truth),
        n_positive=n_positive,
        candidate_auc=roc_auc(truth, scores["candidate"]) if "candidate" in scores else None,
        champion_auc=roc_auc(truth, scores["champion"]) if "champion" in scores else None,
        difference=difference,
    )


def _is_judged(n_examples: int, n_positive: int, policy: Evaluate) -> bool:
    of_a_class = min(n_positive, n_examples - n_positive)
    return n_examples >= policy.min_slice_examples and of_a_class >= MIN_EXAMPLES_OF_A_CLASS
