"""All contenders on the same test examples: metrics, paired differences and slices. No verdict is taken here."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from ratchet.errors import InputError
from ratchet.evaluation.bootstrap import AucResamples, bootstrap_auc
from ratchet.evaluation.metrics import average_precision, brier, calibration_error, check_labels, log_loss, roc_auc
from ratchet.evaluation.predictions import find_fault
from ratchet.evaluation.results import CONTENDERS, Difference, Evaluation, Metrics, SliceRow

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ratchet.evaluation.metrics import Bools, Floats
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
    groups: pl.Series | None = None,
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
    groups : Series of n_examples values, optional
        The entity or the day of each example, drawn as a whole where ``policy.resample`` says so.

    Returns
    -------
    Evaluation
        Scores that are no probabilities (NaN, infinite, outside [0, 1]), and a candidate that gives all examples
        the same score, are recorded as a fault of that contender: the gate answers, not a crash.

    Raises
    ------
    InputError
        If ``candidate`` is missing, a name is unknown, or a number of rows differs.
    ValueError
        If a label is not 0 or 1.
    """
    truth = check_labels(labels)
    columns = _check_contenders(truth, scores, slices)
    faults = {
        name: fault
        for name, column in columns.items()
        if (fault := find_fault(column, may_be_constant=name != "candidate"))
    }
    sound = {name: column for name, column in columns.items() if name not in faults}
    drawn = None if groups is None else _numbered(groups)
    resampled = bootstrap_auc(truth, sound, resamples=policy.resamples, seed=seed, groups=drawn)
    return Evaluation(
        n_examples=len(truth),
        n_positive=int(truth.sum()),
        confidence=policy.confidence,
        resamples=policy.resamples,
        seed=seed,
        contenders=tuple(
            Metrics(name=name, fault=faults[name])
            if name in faults
            else _metrics(name, truth, column, resampled, policy.confidence)
            for name, column in columns.items()
        ),
        differences=_differences(resampled, policy.confidence),
        slices=tuple(_slices(truth, sound, slices, policy=policy, seed=seed, groups=drawn)),
        resample=policy.resample,
        n_groups=None if drawn is None else len(np.unique(drawn)),
    )


def _numbered(groups: pl.Series) -> NDArray[np.int64]:
    """Return numbers for names, by the order of the names."""
    return groups.cast(pl.String).fill_null("").rank("dense").cast(pl.Int64).to_numpy()


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


def _metrics(name: str, truth: Bools, scores: Floats, resampled: AucResamples | None, confidence: float) -> Metrics:
    return Metrics(
        name=name,
        auc=None if resampled is None else resampled.auc(name, confidence),
        average_precision=average_precision(truth, scores),
        log_loss=log_loss(truth, scores),
        brier=brier(truth, scores),
        calibration_error=calibration_error(truth, scores),
    )


def _differences(resampled: AucResamples | None, confidence: float) -> tuple[Difference, ...]:
    if resampled is None or "candidate" not in resampled.values:
        return ()
    return tuple(
        Difference(other=name, interval=resampled.difference("candidate", name, confidence))
        for name in CONTENDERS[1:]
        if name in resampled.values
    )


def _slices(
    truth: Bools,
    scores: Mapping[str, Floats],
    slices: pl.DataFrame,
    *,
    policy: Evaluate,
    seed: int,
    groups: NDArray[np.int64] | None,
) -> list[SliceRow]:
    rows = []
    for column in slices.columns:
        values = slices[column].cast(pl.String)
        for value in sorted(values.unique().to_list(), key=lambda text: (text is None, text or "")):
            member = values.eq_missing(pl.Series([value], dtype=pl.String)).to_numpy()
            kept = {name: scores[name][member] for name in ("candidate", "champion") if name in scores}
            own = None if groups is None else groups[member]
            rows.append(_slice_row(column, value, truth[member], kept, policy=policy, seed=seed, groups=own))
    return rows


def _slice_row(
    column: str,
    value: str | None,
    truth: Bools,
    scores: Mapping[str, Floats],
    *,
    policy: Evaluate,
    seed: int,
    groups: NDArray[np.int64] | None,
) -> SliceRow:
    n_positive = int(truth.sum())
    difference = None
    if len(scores) == 2 and _is_judged(len(truth), n_positive, policy):
        # Seeded by its name: a slice's interval does not depend on which other slices there are.
        own_seed = (seed, zlib.crc32(f"{column}={value}".encode()))
        resampled = bootstrap_auc(truth, scores, resamples=policy.resamples, seed=own_seed, groups=groups)
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
