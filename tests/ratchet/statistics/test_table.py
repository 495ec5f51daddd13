from __future__ import annotations

import polars as pl
import pytest

from ratchet.errors import DataError, MissingSpanError
from ratchet.identity import ModelId
from ratchet.statistics.merging import merge
from ratchet.statistics.scan import scan_statistics
from ratchet.statistics.table import StatisticsTable

ROLES = {"x": "numeric", "c": "categorical"}
EDGES = {"x": (0.0, 1.0)}


def scan(numbers, texts=None, edges=EDGES, roles=ROLES):
    frame = pl.DataFrame({"x": numbers, "c": texts or ["a"] * len(numbers)}, schema={"x": pl.Float64, "c": pl.String})
    return scan_statistics(frame, roles, edges)


@pytest.fixture
def table(tmp_path):
    return StatisticsTable(str(tmp_path), ModelId("flights"))


FIRST = scan([0.5, None, float("nan")], ["a", None, "ü"])
SECOND = scan([float("inf"), -3.0, 0.0, 9.0], ["b", "a", "a", "a"])


class TestStatisticsTable:
    def test_what_is_written_is_read_again_whole(self, table):
        table.write("2013-01-01", 1, FIRST, {"step": "compute_statistics"})
        table.write("2013-01-02", 1, SECOND, {"step": "compute_statistics"})
        assert table.read(["2013-01-02", "2013-01-01"]) == {"2013-01-02": SECOND, "2013-01-01": FIRST}

    def test_several_spans_are_one_commit(self, table):
        version = table.write_spans({"a": FIRST, "b": SECOND}, {"a": 1, "b": 2}, {})
        assert version == 0
        assert table.read(["a", "b"]) == {"a": FIRST, "b": SECOND}

    def test_statistics_of_no_example_are_kept(self, table):
        empty = scan([])
        table.write("2013-01-01", 1, empty, {})
        assert table.read(["2013-01-01"]) == {"2013-01-01": empty}

    def test_a_revision_replaces_its_span_and_no_other(self, table):
        table.write("2013-01-01", 1, FIRST, {})
        table.write("2013-01-02", 1, FIRST, {})
        table.write("2013-01-01", 2, SECOND, {})
        assert table.read(["2013-01-01", "2013-01-02"]) == {"2013-01-01": SECOND, "2013-01-02": FIRST}

    def test_merged_is_the_merge_of_the_spans(self, table):
        table.write("2013-01-01", 1, FIRST, {})
        table.write("2013-01-02", 1, SECOND, {})
        merged = table.merged(["2013-01-01", "2013-01-02"])
        assert merged == {column: merge(FIRST[column], SECOND[column]) for column in ROLES}

    def test_a_span_named_twice_counts_once(self, table):
        table.write("2013-01-01", 1, FIRST, {})
        assert table.merged(["2013-01-01", "2013-01-01"])["c"].n == 3

    def test_missing_spans_are_all_named(self, table):
        table.write("2013-01-02", 1, FIRST, {})
        with pytest.raises(MissingSpanError, match="2 of 3 spans: 2013-01-01, 2013-01-03"):
            table.read(["2013-01-01", "2013-01-02", "2013-01-03"])

    def test_a_table_that_is_not_there_misses_every_span(self, table):
        with pytest.raises(MissingSpanError, match="1 of 1 spans: 2013-01-01"):
            table.read(["2013-01-01"])

    def test_no_span_gives_nothing(self, table):
        assert (table.read([]), table.merged([])) == ({}, {})

    def test_a_column_that_one_span_lacks_is_left_out_of_the_merge(self, table):
        table.write("2013-01-01", 1, FIRST, {})
        table.write("2013-01-02", 1, scan([1.0], roles={"c": "categorical"}), {})
        assert list(table.merged(["2013-01-01", "2013-01-02"])) == ["c"]

    def test_spans_counted_over_different_edges_are_not_merged(self, table):
        table.write("2013-01-01", 1, FIRST, {})
        table.write("2013-01-02", 1, scan([1.0], edges={"x": (0.0, 2.0)}), {})
        with pytest.raises(DataError, match="'x' were counted over different histogram edges"):
            table.merged(["2013-01-01", "2013-01-02"])

    def test_rows_of_another_schema_version_are_refused(self, table, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr("ratchet.statistics.table.SCHEMA_VERSION", 1)
            table.write("2013-01-01", 1, FIRST, {})
        with pytest.raises(DataError, match=r"2013-01-01 are of schema version 1; .* reads 2\. Recompute"):
            table.read(["2013-01-01"])

    def test_segments_of_a_model_have_tables_of_their_own(self, tmp_path):
        assert StatisticsTable(str(tmp_path), ModelId("flights", "eu")).uri.endswith("/tables/flights.eu/statistics")
