"""Slices of two declared columns at once."""

from __future__ import annotations

from itertools import combinations

import polars as pl

_CROSS = " and "


def cross(slices: pl.DataFrame) -> pl.DataFrame:
    """Return one column a pair of columns, its values those of both; a missing one is told as such.

    Examples
    --------
    >>> cross(pl.DataFrame({"origin": ["EWR", None], "carrier": ["UA", "AA"]})).to_dict(as_series=False)
    {'origin and carrier': ['EWR and UA', '(missing) and AA']}
    """
    words = {name: pl.col(name).cast(pl.String).fill_null("(missing)") for name in slices.columns}
    return slices.select(
        pl.concat_str(words[a], words[b], separator=_CROSS).alias(f"{a}{_CROSS}{b}")
        for a, b in combinations(slices.columns, 2)
    )
