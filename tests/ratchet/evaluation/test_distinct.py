from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.evaluation.distinct import MOST, DistinctCount


def counted(*parts: pl.Series) -> DistinctCount:
    count = DistinctCount()
    for part in parts:
        count.add(part)
    return count


@given(values=st.lists(st.one_of(st.none(), st.integers(0, 30)), max_size=60), cut=st.integers(0, 60))
def test_few_values_are_counted_exactly_however_they_are_cut_into_parts(values: list[int | None], cut: int):
    count = counted(pl.Series(values[:cut], dtype=pl.Int64), pl.Series(values[cut:], dtype=pl.Float64, strict=False))
    present = [value for value in values if value is not None]
    assert (count.estimate(), count.n_present) == (len(set(present)), len(present))
    assert count.share() == (round(len(set(present)) / len(present), 12) if present else 0.0)


@pytest.mark.parametrize("n", [MOST - 1, MOST + 1, 60_000])
def test_many_are_told_to_within_four_standard_errors(n: int):
    rows = np.random.default_rng(0).integers(0, n, size=8 * n)
    parts = [pl.Series([f"id-{value}" for value in part]) for part in np.array_split(rows, 5)]
    assert counted(*parts).estimate() == pytest.approx(len(set(rows)), rel=4 / np.sqrt(MOST))
