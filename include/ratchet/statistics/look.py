"""The first look at a new table: what tells the label, what goes together, what is missing, what is far off."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import polars as pl

from ratchet.errors import DataError, EmptyDataError
from ratchet.statistics.association import Association, measure_association
from ratchet.statistics.coding import code_column, is_missing_word
from ratchet.statistics.correlation import correlate
from ratchet.statistics.missingness import Missingness, measure_missingness
from ratchet.statistics.outliers import Outliers, measure_outliers
from ratchet.statistics.periods import Periods, find_periods

if TYPE_CHECKING:
    from ratchet.statistics.coding import Coded

Whole = np.ndarray[Any, np.dtype[np.int64]]
# What a column looks like. An identifier names examples, and a personal column persons: no value of either is shown.
Kind = Literal["number", "code", "category", "text", "identifier", "personal", "constant", "empty"]

MAX_CODE_VALUES = 30
_NEARLY_ALL = 0.95
_POSITIVE = ("true", "yes", "y", "t", "1")
_PERSONAL_NAME = re.compile(
    r"(^|_)(e?mail|phone|mobile|ssn|passport|iban|surname|first_?name|last_?name|full_?name|address|birth(day|date)?|dob)($|_)",
    re.IGNORECASE,
)
_PERSONAL_TEXT = r"^[^@\s]+@[^@\s]+\.[a-zA-Z]{2,}$|^\+?\d[\d \-()]{8,}\d$"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnLook:
    """What one column looks like."""

    column: str
    dtype: str
    looks: Kind
    n_distinct: int
    missing: float
    association: Association | None = None
    outliers: Outliers | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLook:
    """What a table looks like; ``matrix`` is that of ``correlate`` over ``correlated``."""

    n: int
    label: str | None
    label_words: str
    periods: tuple[str, ...]
    n_by_period: tuple[int, ...]
    label_by_period: tuple[float | None, ...]
    n_unlabelled: int
    columns: tuple[ColumnLook, ...]
    missing: tuple[Missingness, ...]
    correlated: tuple[str, ...]
    matrix: np.ndarray[Any, np.dtype[np.float64]] = field(repr=False)

    def column(self, name: str) -> ColumnLook:
        """Return what is known of one column."""
        return next(column for column in self.columns if column.column == name)

    @property
    def by_association(self) -> list[ColumnLook]:
        """The columns of which an AUC is known, the highest first."""
        known = [of for of in self.columns if of.association is not None and of.association.auc is not None]
        return sorted(known, key=lambda of: -of.association.auc.value)  # type: ignore[union-attr]


def look_at(
    frame: pl.DataFrame,
    *,
    label: str | None = None,
    label_value: str | None = None,
    time: str | None = None,
    entity: str | None = None,
) -> TableLook:
    """Return what a table looks like.

    Parameters
    ----------
    label : str or None
        Its values are two, or numbers, which are then parted at their median.
    label_value : str or None
        The one of several values that is told from all others.
    time : str or None
        Dates, instants, or seconds since 1970.
    entity : str or None
        Names an example; nothing is told of it.

    Raises
    ------
    DataError
        If one of these columns is not there, or the label is neither.
    EmptyDataError
        If there is no row.
    """
    for name in (label, time, entity):
        if name is not None and name not in frame.columns:
            raise DataError(f"There is no column {name!r}. Seen: {', '.join(frame.columns)}.")
    if frame.is_empty():
        raise EmptyDataError("The table has no row, so there is nothing to look at.")
    periods = find_periods(frame[time] if time else None, frame.height)
    labels, words = _labels(frame[label], label_value) if label else (None, "no label was named")
    names = [name for name in frame.columns if name not in (label, time, entity) and not frame[name].dtype.is_nested()]
    coded: dict[str, Coded] = {}
    looks = [_look(frame[name], coded, labels, periods) for name in names]
    shown = [coded[of.column] for of in looks if of.looks in ("number", "code", "category")]
    return TableLook(
        n=frame.height,
        label=label,
        label_words=words,
        periods=periods.names,
        n_by_period=tuple(np.bincount(periods.of[periods.of >= 0], minlength=len(periods.names)).tolist()),
        label_by_period=_label_by_period(labels, periods),
        n_unlabelled=int(np.count_nonzero(labels < 0)) if labels is not None else 0,
        columns=tuple(looks),
        missing=tuple(measure_missingness(list(coded.values()), labels, periods.of, len(periods.names))),
        correlated=tuple(of.column for of in shown),
        matrix=correlate(shown),
    )


def _labels(series: pl.Series, value: str | None) -> tuple[Whole, str]:
    if value is not None:
        return (series.cast(pl.String) == value).cast(pl.Int64).fill_null(-1).to_numpy(), f"is {value[:40]}"
    distinct = series.drop_nulls().unique().sort()
    if len(distinct) == 2:
        texts = distinct.cast(pl.String).str.to_lowercase().to_list()
        named = [i for i, text in enumerate(texts) if text in _POSITIVE]
        if len(named) == 1:
            positive = distinct[named[0]]
        else:
            counts = [int((series == value).sum()) for value in distinct]
            positive = distinct[int(np.argmin(counts))]
        labels = (series == positive).cast(pl.Int64)
        return labels.fill_null(-1).to_numpy(), f"is {str(positive)[:40]}"
    if series.dtype.is_numeric() and len(distinct) > 2:
        labels = (series > series.median()).cast(pl.Int64)
        return labels.fill_null(-1).to_numpy(), "is above its median"
    raise DataError(
        f"The label {series.name!r} must hold two values, or numbers. Got {len(distinct)} distinct values of "
        f"{series.dtype}."
    )


def _label_by_period(labels: Whole | None, periods: Periods) -> tuple[float | None, ...]:
    if labels is None:
        return tuple(None for _ in periods.names)
    known = (labels >= 0) & (periods.of >= 0)
    sizes = np.bincount(periods.of[known], minlength=len(periods.names))
    positive = np.bincount(periods.of[known & (labels == 1)], minlength=len(periods.names))
    return tuple(float(p / n) if n else None for p, n in zip(positive, sizes, strict=True))


def _look(series: pl.Series, coded: dict[str, Coded], labels: Whole | None, periods: Periods) -> ColumnLook:
    present = series.drop_nulls()
    n_distinct = present.n_unique() if len(present) else 0
    looks = _looks(present, n_distinct)
    codes = None if looks in ("identifier", "personal") and not series.dtype.is_numeric() else code_column(series)
    if codes is not None:
        coded[series.name] = codes
    is_number = looks in ("number", "code") and series.dtype.is_numeric()
    return ColumnLook(
        column=series.name,
        dtype=str(series.dtype),
        looks=looks,
        n_distinct=n_distinct,
        missing=float(codes.is_missing.mean()) if codes is not None else 1 - len(present) / len(series),
        association=measure_association(codes, labels, periods.of, len(periods.names))
        if labels is not None and codes is not None and looks not in ("constant", "empty")
        else None,
        outliers=measure_outliers(series) if is_number else None,
    )


def _looks(present: pl.Series, n_distinct: int) -> Kind:
    n = len(present)
    is_text = present.dtype in (pl.String, pl.Categorical, pl.Enum)
    if n_distinct < 2:
        return "constant" if n else "empty"
    if _PERSONAL_NAME.search(present.name) or (is_text and _holds_personal_text(present)):
        return "personal"
    if n_distinct >= _NEARLY_ALL * n and n >= 50 and (is_text or present.dtype.is_integer()):
        return "identifier"
    return _looks_of_text(n, n_distinct) if is_text else _looks_of_number(present, n_distinct)


def _looks_of_text(n: int, n_distinct: int) -> Kind:
    return "category" if n_distinct <= max(MAX_CODE_VALUES, 0.2 * n) else "text"


def _looks_of_number(present: pl.Series, n_distinct: int) -> Kind:
    if present.dtype == pl.Boolean:
        return "category"
    is_code = present.dtype.is_integer() and 2 < n_distinct <= MAX_CODE_VALUES and n_distinct < len(present) / 10
    return "code" if is_code else "number"


def _holds_personal_text(present: pl.Series) -> bool:
    sample = present.head(2_000).cast(pl.String)
    known = sample.filter(~is_missing_word(sample))
    return bool(len(known)) and float(known.str.contains(_PERSONAL_TEXT).mean() or 0.0) > 0.5  # type: ignore[arg-type]


def correlated_pairs(look: TableLook, at_least: float) -> list[tuple[str, str, float]]:
    """Return the pairs of columns whose association is at least so strong, the strongest first."""
    names: Sequence[str] = look.correlated
    pairs = [
        (names[i], names[j], float(look.matrix[i, j]))
        for i in range(len(names))
        for j in range(i)
        if abs(look.matrix[i, j]) >= at_least
    ]
    return sorted(pairs, key=lambda pair: -abs(pair[2]))
