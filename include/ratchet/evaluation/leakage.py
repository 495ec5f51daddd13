"""Features that tell too much by themselves: copies of the label, ids, times after the event.

How well one feature alone tells the outcome is its AUC, in [0.5, 1]: the larger of two readings.

=============  =====================================================================================================
by rank        the feature itself as the score, up or down, among examples that hold a value (numeric features)
by value       the share of positives among other examples of the same value (categorical features, and numeric ones
               in 64 bins of equal mass or by value where there are few); that a value is missing is a value too.
               The share is told from four fifths of the examples for the fifth: an id learns nothing about others
=============  =====================================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ratchet.evaluation.metrics import DIGITS, roc_auc
from ratchet.evaluation.yardstick import MIN_EXAMPLES_OF_A_CLASS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ratchet.evaluation.metrics import Bools, Floats
    from ratchet.spec.features import Role
    from ratchet.spec.label import LabelKind
    from ratchet.spec.source import Source

_BINS = 64
_FEW_VALUES = 256
_FOLDS = 5
# Weight, in examples, of the overall share: a value seen twice tells little.
_PRIOR = 2.0
# Fewer examples than these have as many values by chance.
_MIN_EXAMPLES = 100
# From here on an integer that runs with the clock is a counter.
_IN_ORDER = 0.98
_PLAUSIBLE = pl.duration(days=5 * 366)
_READABLE = 0.99
_INSTANT = pl.Datetime("us", "UTC")
# Microseconds from 1973 on, for a small number is no time.
_SINCE_1970 = (1e14, 1e16)
# How many microseconds one counts, of numbers since 1970.
_EPOCHS = {"seconds": 1_000_000.0, "milliseconds": 1_000.0, "microseconds": 1.0, "nanoseconds": 0.001}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFigures:
    """What one feature tells by itself, over the examples a candidate was trained on.

    Parameters
    ----------
    auc : float or None
        In [0.5, 1]; None with fewer than 10 examples of a class. Of numbers see `feature_concordance`.
    distinct_share : float or None
        Distinct values by examples that hold one, where the feature could be an id: categories, and whole numbers that
        run with the event time. None for any other number, and for fewer than 100 examples.
    is_entity : bool
        Whether its values are those of the entity.
    after_share : float or None
        Share of its values that are times after the event; None where it holds no times.
    """

    feature: str
    auc: float | None
    distinct_share: float | None
    is_entity: bool
    after_share: float | None


def read_features(
    examples: pl.DataFrame,
    labels: NDArray[Any],
    roles: Mapping[str, Role],
    *,
    source: Source,
    kind: LabelKind = "binary",
) -> tuple[FeatureFigures, ...]:
    """Return the figures of each feature.

    Parameters
    ----------
    examples : DataFrame of n_examples rows
        Labelled examples with derived columns, entity and event time.
    labels : array of shape (n_examples,)
        Their outcomes, coded by ``kind``: of several classes the one that is told best counts.
    roles : mapping of str to role
        The features.
    """
    return tuple(
        FeatureFigures(
            feature=name,
            auc=_tells(examples[name], labels, role, kind),
            distinct_share=distinct_share(examples[name], examples[source.time], role),
            is_entity=_is_entity(examples[name], examples[source.entity]),
            after_share=after_share(examples[name], examples[source.time], source.time_zone),
        )
        for name, role in roles.items()
    )


def _tells(column: pl.Series, labels: NDArray[Any], role: Role, kind: LabelKind) -> float | None:
    if kind == "binary":
        return feature_auc(column, labels, role)
    if kind == "regression":
        return feature_concordance(column, labels, role)
    by_class = [feature_auc(column, labels == place, role) for place in np.unique(labels)]
    return max((auc for auc in by_class if auc is not None), default=None)


def feature_concordance(column: pl.Series, labels: Floats, role: Role) -> float | None:
    """Return how well a feature alone tells a number, in [0.5, 1]; None with fewer than 20 examples, or equal numbers.

    It is the chance that of two examples the one with the higher feature has the higher number, as an AUC is of two
    examples of different outcomes: told from Spearman's rank correlation of the number with each reading of the
    feature, the larger one, as it is where both are normal after some monotone change [1]_.

    References
    ----------
    .. [1] Kruskal, "Ordinal measures of association", JASA 53, 1958.
    """
    if len(labels) < 2 * MIN_EXAMPLES_OF_A_CLASS or labels.min() == labels.max():
        return None
    readings = [0.0, _rank_correlation(_shares(_values(column, role), labels), labels)]
    if role == "numeric":
        numbers = _numbers(column)
        known = numbers.is_not_null().to_numpy()
        if known.sum() >= 2 * MIN_EXAMPLES_OF_A_CLASS:
            readings.append(abs(_rank_correlation(numbers.drop_nulls().to_numpy(), labels[known])))
    # An arc sine near 1 would turn the last digit of a sine into the eighth.
    correlation = min(round(2 * math.sin(math.pi * max(readings) / 6), DIGITS), 1.0)
    return round(0.5 + math.asin(correlation) / math.pi, DIGITS)


def _rank_correlation(values: Floats, labels: Floats) -> float:
    frame = pl.DataFrame({"value": values, "label": labels})
    found = frame.select(pl.corr("value", "label", method="spearman")).item()
    return 0.0 if found is None or np.isnan(found) else float(found)


def feature_auc(column: pl.Series, labels: Bools, role: Role) -> float | None:
    """Return how well a feature alone tells the outcome, in [0.5, 1]; None with fewer than 10 examples of a class."""
    if not _is_enough(labels):
        return None
    readings = [0.5, _auc(labels, _shares(_values(column, role), labels))]
    if role == "numeric":
        numbers = _numbers(column)
        known = numbers.is_not_null().to_numpy()
        if _is_enough(labels[known]):
            by_rank = _auc(labels[known], numbers.drop_nulls().to_numpy())
            readings += [by_rank, round(1 - by_rank, DIGITS)]
    return max(readings)


def distinct_share(column: pl.Series, time: pl.Series, role: Role) -> float | None:
    """Return distinct values by examples, of what could be an id; None for what could not."""
    if role == "numeric" and not _is_counter(column, time):
        return None
    present = column.drop_nulls()
    return round(present.n_unique() / len(present), DIGITS) if len(present) >= _MIN_EXAMPLES else None


def after_share(column: pl.Series, time: pl.Series, time_zone: str) -> float | None:
    """Return the share of a column's times that lie after the event; None if it does not hold times.

    Times are dates, instants, texts that read as such, and numbers since 1970, within five years of the event.
    """
    for stamps in _stamps(column, time_zone):
        known = pl.DataFrame({"stamp": stamps, "event": time.cast(_INSTANT)}).drop_nulls()
        if known.is_empty():
            continue
        apart = known.select((pl.col("stamp") - pl.col("event")).median().abs() < _PLAUSIBLE).item()
        if apart:
            return round(float(known.select((pl.col("stamp") > pl.col("event")).mean()).item()), DIGITS)
    return None


def _is_enough(labels: Bools) -> bool:
    n_positive = int(labels.sum())
    return min(n_positive, len(labels) - n_positive) >= MIN_EXAMPLES_OF_A_CLASS


def _auc(labels: Bools, scores: Floats) -> float:
    auc = roc_auc(labels, scores)
    return 0.5 if auc is None else auc


def _numbers(column: pl.Series) -> pl.Series:
    numbers = column.cast(pl.Float64)
    return numbers.set(~numbers.is_finite(), None)


def _values(column: pl.Series, role: Role) -> pl.Series:
    """Return the values that examples share: categories, few numbers, or bins of many."""
    if role == "categorical":
        return column.cast(pl.String)
    numbers = _numbers(column)
    if numbers.n_unique() <= _FEW_VALUES:
        return numbers
    return (numbers.rank("average") * _BINS / (len(numbers) - numbers.null_count() + 1)).floor()


def _shares(values: pl.Series, labels: Bools | Floats) -> Floats:
    """Return for each example the share of positives (or the mean) among those of its value in the other folds."""
    overall = float(labels.mean())
    frame = pl.DataFrame({"value": values, "label": labels.astype(np.float64)})
    # A value's examples often stand together, so each value is dealt out to the folds by itself.
    frame = frame.with_columns(fold=pl.int_range(pl.len()).over("value") % _FOLDS)
    positives, n = pl.col("label").sum(), pl.len()
    others = positives.over("value") - positives.over("value", "fold")
    n_others = n.over("value") - n.over("value", "fold")
    share = (others + _PRIOR * overall) / (n_others.cast(pl.Float64) + _PRIOR)
    return frame.select(share.alias("share"))["share"].to_numpy()


def _is_counter(column: pl.Series, time: pl.Series) -> bool:
    known = pl.DataFrame({"value": _numbers(column), "time": time.cast(_INSTANT).cast(pl.Int64)}).drop_nulls()
    if known.height < _MIN_EXAMPLES or not known.select((pl.col("value") % 1 == 0).all()).item():
        return False
    runs = known.select(pl.corr("value", "time", method="spearman")).item()
    return runs is not None and abs(runs) >= _IN_ORDER


def _is_entity(column: pl.Series, entity: pl.Series) -> bool:
    same = (column.cast(pl.String) == entity.cast(pl.String)).mean()
    return same is not None and float(same) >= _READABLE  # type: ignore[arg-type]  # a mean of booleans


def _stamps(column: pl.Series, time_zone: str) -> Iterator[pl.Series]:
    """Give the column as instants, in each way in which it can be read as such."""
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        yield _instants(column, time_zone)
    elif column.dtype == pl.String:
        try:
            read = column.str.to_datetime(time_unit="us", strict=False)
        except pl.exceptions.ComputeError:  # no form of a time fits the first values
            return
        if _is_read(column, read):
            yield _instants(read, time_zone)
    elif column.dtype.is_numeric():
        numbers = _numbers(column)
        for micros_of in _EPOCHS.values():
            micros = numbers * micros_of
            inside = micros.set(~micros.is_between(*_SINCE_1970), None)
            if _is_read(column, inside):
                yield inside.cast(pl.Int64).cast(_INSTANT)


def _instants(column: pl.Series, time_zone: str) -> pl.Series:
    """Return instants; a date, and a time without a zone, is one of the source's."""
    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone:
        return column.cast(_INSTANT)
    local = column.cast(pl.Datetime("us"))
    return local.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null").cast(_INSTANT)


def _is_read(column: pl.Series, read: pl.Series) -> bool:
    n_present = len(column) - column.null_count()
    return n_present > 0 and len(read) - read.null_count() >= _READABLE * n_present
