"""The metrics of one contender's scores, each with its bootstrap interval.

Mean losses are resampled as they are. The bins of the calibration error are those of all examples and stay as they
are in every resample; the error of a resample is on average above that of the examples it was drawn from (chance
alone makes gaps), so its interval errs upwards: a bound that its high end keeps is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ratchet.evaluation.bootstrap import percentile_interval
from ratchet.evaluation.metrics import (
    CALIBRATION_BINS,
    average_precision,
    brier,
    calibration_error,
    equal_mass_bins,
    log_loss,
    log_losses,
)
from ratchet.evaluation.resampling import ratio
from ratchet.evaluation.results import Metrics

if TYPE_CHECKING:
    from ratchet.evaluation.bootstrap import Interval
    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.evaluation.resampling import Drawing


def score_metrics(name: str, truth: Bools, scores: Floats, drawing: Drawing, *, auc: Interval | None) -> Metrics:
    """Return all metrics of one contender, beside its AUC; None where the examples cannot answer one.

    Parameters
    ----------
    truth, scores : arrays of shape (n_examples,)
        In an order that does not depend on how they were read; scores in [0, 1].
    """
    values = {
        "average_precision": average_precision(truth, scores),
        "log_loss": log_loss(truth, scores),
        "brier": brier(truth, scores),
        "calibration_error": calibration_error(truth, scores),
    }
    if not truth.size:
        return Metrics(name=name)
    gaps, bins = scores - truth, equal_mass_bins(scores, CALIBRATION_BINS)
    columns = {
        "n": np.ones(len(truth)),
        "log_loss": log_losses(truth, scores),
        "brier": np.square(gaps),
        **{f"bin {i}": np.where(bins == i, gaps, 0.0) for i in range(CALIBRATION_BINS)},
    }
    sums = drawing.sums(columns)
    distances = np.sum([np.abs(sums[f"bin {i}"]) for i in range(CALIBRATION_BINS)], axis=0)
    drawn = {
        "log_loss": ratio(sums["log_loss"], sums["n"]),
        "brier": ratio(sums["brier"], sums["n"]),
        "calibration_error": ratio(distances, sums["n"]),
        "average_precision": np.concatenate(
            [_average_precisions(truth, scores, counts) for counts in drawing.counts(len(truth))]
        ),
    }
    found = {
        what: None if value is None else percentile_interval(value, drawn[what], drawing.confidence)
        for what, value in values.items()
    }
    return Metrics(name=name, auc=auc, fault=None, **found)


def _average_precisions(truth: Bools, scores: Floats, counts: Floats) -> Floats:
    """Return the average precision of each resample that holds a positive."""
    order = np.argsort(-scores, kind="stable")
    counts = np.take(counts[counts @ truth > 0], order, axis=1)
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(counts * truth[order], axis=1)[:, last]
    seen = np.cumsum(counts, axis=1)[:, last]
    gained = np.diff(hits, axis=1, prepend=0)
    precision = np.divide(hits, seen, out=np.zeros_like(hits), where=seen > 0)
    found: Floats = (gained * precision).sum(axis=1) / hits[:, -1]
    return found
