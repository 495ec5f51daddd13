"""How far one column tells another, in [0, 1] and corrected for the bias of small samples.

==========================  ==================================================================================
both categorical            Cramér's V, bias-corrected [1]_
one of each                 correlation ratio, the square root of epsilon squared [2]_
both numeric                Spearman's rank correlation, its absolute value
==========================  ==================================================================================

References
----------
.. [1] Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", J. Korean Statistical Society 42, 2013.
.. [2] Kelley, "An unbiased correlation ratio measure", PNAS 21(9), 1935.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

from ratchet.statistics.correlation import corrected_cramers_v

if TYPE_CHECKING:
    from ratchet.spec.features import Role

MIN_EXAMPLES = 100
_DIGITS = 12


def association(a: pl.Series, b: pl.Series, roles: tuple[Role, Role]) -> float | None:
    """Return the association of two columns over the examples that hold both.

    A missing value of a categorical column counts as a value of its own: that it is missing may tell as much.

    Returns
    -------
    float or None
        In [0, 1]; None where fewer than 100 examples hold both, or one of the columns does not vary.
    """
    frame = pl.DataFrame({"a": _typed(a, roles[0]), "b": _typed(b, roles[1])}).drop_nulls()
    if frame.height < MIN_EXAMPLES or frame["a"].n_unique() < 2 or frame["b"].n_unique() < 2:
        return None
    if roles == ("categorical", "categorical"):
        found = _cramers_v(frame)
    elif roles == ("numeric", "numeric"):
        found = abs(frame.select(pl.corr("a", "b", method="spearman")).item())
    else:
        values, groups = ("a", "b") if roles[0] == "numeric" else ("b", "a")
        found = _correlation_ratio(frame, values, groups)
    return round(min(max(found, 0.0), 1.0), _DIGITS)


def _typed(series: pl.Series, role: Role) -> pl.Series:
    if role == "numeric":
        numbers = series.cast(pl.Float64)
        return numbers.set(~numbers.is_finite(), None)
    return series.cast(pl.String).fill_null("")


def _cramers_v(frame: pl.DataFrame) -> float:
    n, cells = frame.height, frame.group_by("a", "b").len()
    rows = cells.group_by("a").agg(row=pl.col("len").sum())
    columns = cells.group_by("b").agg(column=pl.col("len").sum())
    # Only cells that are not empty: the sum over the others is what it takes to reach 1.
    joined = cells.join(rows, on="a").join(columns, on="b").cast({"len": pl.Float64})
    phi2 = float(joined.select((pl.col("len") ** 2 / pl.col("row") / pl.col("column")).sum()).item()) - 1
    return corrected_cramers_v(phi2, n, rows.height, columns.height) or 0.0


def _correlation_ratio(frame: pl.DataFrame, values: str, groups: str) -> float:
    n, n_groups = frame.height, frame[groups].n_unique()
    if n <= n_groups:
        return 0.0
    deviation = pl.col(values) - pl.col(values).mean()
    within = pl.col(values) - pl.col(values).mean().over(groups)
    total, inside = frame.select(total=(deviation**2).sum(), inside=(within**2).sum()).row(0)
    return math.sqrt(max(0.0, 1 - (inside / (n - n_groups)) / (total / (n - 1)))) if total > 0 else 0.0
