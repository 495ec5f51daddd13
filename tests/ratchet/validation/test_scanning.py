from __future__ import annotations

import dataclasses

import polars as pl
import pytest

from ratchet.errors import DataError
from ratchet.statistics.scan import scan_statistics
from ratchet.validation.batches import batches_of
from ratchet.validation.frame import validate_frame
from ratchet.validation.scanning import validate_and_scan
from tests.ratchet.validation.factories import expect, make_day

ROLES = {"distance": "numeric", "temp": "numeric", "carrier": "categorical"}
EDGES = {"distance": (500.0, 1000.0), "temp": (0.0, 5.0)}
ITEMS = (
    "{expect: expect_column_values_to_be_between, column: distance, min_value: 100, max_value: 2000}",
    "{expect: expect_column_values_to_be_unique, column: trip_id}",
    "{expect: expect_column_mean_to_be_between, column: temp, min_value: 0, max_value: 9}",
)


def both(frame, expectations):
    return validate_and_scan(frame, expectations, environment="serving", entity="trip_id", roles=ROLES, edges=EDGES)


def plain(statistics):
    """Leave the sketch out: it tosses coins."""
    return {name: dataclasses.replace(one, sketch=None) for name, one in statistics.items()}


@pytest.mark.parametrize("lazy", [False, True], ids=["frame", "lazy"])
def test_one_reading_gives_the_verdict_and_the_statistics_of_two(tmp_path, lazy):
    day, expectations = make_day(), expect(tmp_path, *ITEMS)
    result, statistics = both(day.lazy() if lazy else day, expectations)
    assert result == validate_frame(day, expectations, environment="serving", entity="trip_id")
    assert result.verdict == "fail"
    assert plain(statistics) == plain(scan_statistics(day, ROLES, EDGES))


def test_several_batches_are_merged(monkeypatch, tmp_path):
    monkeypatch.setattr(
        "ratchet.validation.scanning.batches_of", lambda frame, columns: batches_of(frame, columns, n_rows=70)
    )
    day, expectations = make_day(), expect(tmp_path, *ITEMS)
    result, statistics = both(day, expectations)
    whole = scan_statistics(day, ROLES, EDGES)
    assert result == validate_frame(day, expectations, environment="serving", entity="trip_id")
    for name, one in statistics.items():
        assert (one.n, one.n_null, one.counts) == (whole[name].n, whole[name].n_null, whole[name].counts)
        assert one.n_other or one.values == whole[name].values  # not all are named: exact to their stated error only
        assert one.mean == pytest.approx(whole[name].mean)
        assert one.m2 == pytest.approx(whole[name].m2)


def test_of_no_example_the_verdict_fails_and_the_statistics_are_empty(tmp_path):
    result, statistics = both(make_day().clear(), expect(tmp_path, *ITEMS))
    assert result.verdict == "fail"
    assert {one.n for one in statistics.values()} == {0}


def test_a_column_without_statistics_is_refused(tmp_path):
    with pytest.raises(DataError, match="'temp' is not there"):
        both(make_day().drop("temp"), expect(tmp_path, ITEMS[0]))


def test_only_named_columns_are_read(tmp_path):
    make_day().write_parquet(tmp_path / "day.parquet")
    scan = pl.scan_parquet(tmp_path / "day.parquet").with_columns(
        rain=pl.col("rain").map_elements(lambda _: 1 / 0, return_dtype=pl.Float64)
    )
    assert both(scan, expect(tmp_path, *ITEMS))[0].n_examples == 300
