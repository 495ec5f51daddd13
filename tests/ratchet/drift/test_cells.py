from __future__ import annotations

from dataclasses import replace

import pytest

from ratchet.drift.cells import align_cells
from ratchet.statistics.column import ColumnStatistics


def numeric(counts, *, n_null=0, n_nan=0, n_infinite=0, edges=(0.0, 10.5)):
    n = sum(counts) + n_null + n_nan + n_infinite
    return ColumnStatistics(
        column="x", role="numeric", n=n, n_null=n_null, n_nan=n_nan, n_infinite=n_infinite, edges=edges, counts=counts
    )


def categorical(values, *, n_null=0, n_other=0):
    n = sum(values.values()) + n_null + n_other
    return ColumnStatistics(column="c", role="categorical", n=n, n_null=n_null, values=values, n_other=n_other)


def rows(cells):
    return list(zip(cells.names, cells.baseline, cells.current, strict=True))


class TestAlignCells:
    def test_bins_are_named_by_their_edges_and_what_is_no_number_has_cells(self):
        cells = align_cells(numeric((1, 2, 3), n_null=4), numeric((5, 6, 7), n_nan=8, n_infinite=9))
        assert rows(cells) == [
            ("below 0", 1, 5),
            ("[0, 10.5)", 2, 6),
            ("from 10.5", 3, 7),
            ("(null)", 4, 0),
            ("(nan)", 0, 8),
            ("(infinite)", 0, 9),
        ]

    def test_edges_that_look_alike_when_short_are_written_out(self):
        side = numeric((0, 1, 0), edges=(5.0, 5.000000000000001))
        assert align_cells(side, side).names[:3] == (
            "below 5.0",
            "[5.0, 5.000000000000001)",
            "from 5.000000000000001",
        )

    def test_values_of_either_side_are_cells(self):
        cells = align_cells(categorical({"a": 2, "b": 1}, n_null=1), categorical({"b": 5, "new": 1}))
        assert rows(cells) == [("a", 2, 0), ("b", 1, 5), ("new", 0, 1), ("(null)", 1, 0)]

    def test_a_value_that_one_side_no_longer_counts_apart_joins_the_others_on_both(self):
        cells = align_cells(categorical({"a": 5, "b": 4}, n_other=3), categorical({"a": 5, "c": 2}))
        # b may stand alone: the current side names every value it holds, and b is none of them.
        assert rows(cells) == [("a", 5, 5), ("b", 4, 0), ("(other)", 3, 2), ("(null)", 0, 0)]

    @pytest.mark.parametrize(
        "other",
        [numeric((1, 2, 3), edges=(0.0, 11.0)), replace(categorical({"a": 1}), column="x")],
        ids=["edges", "role"],
    )
    def test_sides_counted_differently_are_refused(self, other):
        with pytest.raises(ValueError, match="differ in column, role or histogram edges"):
            align_cells(numeric((1, 2, 3)), other)
