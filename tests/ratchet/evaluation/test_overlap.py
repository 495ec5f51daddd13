from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.evaluation.overlap import OverlapReading, read_overlap
from tests.factories.models import parcels_spec

SOURCE = parcels_spec().source
START = datetime(2024, 3, 1, tzinfo=UTC)


def frame(*rows):
    """Rows of span, entity and the hour of the event."""
    values = [(f"d{span}", entity, START + timedelta(days=span, hours=hour)) for span, entity, hour in rows]
    schema = {"span": pl.String, "parcel_id": pl.String, "sent_at": pl.Datetime("us", "UTC")}
    return pl.DataFrame(values, schema=schema, orient="row")


def test_examples_apart_in_time_and_entity_do_not_overlap():
    found = read_overlap(frame((1, "a", 0), (2, "b", 0)), frame((3, "c", 0)), SOURCE)
    assert (found.n_test, found.n_same, found.n_not_later, found.entity_share) == (1, 0, 0, 0.0)
    assert found.recurring_share == 0.0


def test_the_same_example_is_found_and_is_not_later():
    found = read_overlap(frame((1, "a", 0), (2, "b", 0)), frame((2, "b", 0), (3, "c", 0)), SOURCE)
    assert (found.n_same, found.n_not_later, found.entity_share) == (1, 1, 0.5)


def test_an_entity_that_comes_back_is_no_same_example():
    found = read_overlap(frame((1, "a", 0), (2, "a", 0), (2, "b", 1)), frame((3, "a", 0)), SOURCE)
    assert (found.n_same, found.n_not_later, found.entity_share, found.recurring_share) == (0, 0, 1.0, 0.5)


def test_a_test_example_at_the_newest_time_trained_on_is_not_later():
    seen = frame((1, "a", 5))
    assert read_overlap(seen, frame((1, "b", 5)), SOURCE).n_not_later == 1
    assert read_overlap(seen, frame((1, "b", 6)), SOURCE).n_not_later == 0


def test_nothing_to_test_on_tells_nothing():
    found = read_overlap(frame((1, "a", 0)), frame(), SOURCE)
    assert (found.n_test, found.entity_share, found.recurring_share) == (0, None, None)


ROWS = st.tuples(st.integers(1, 4), st.sampled_from("abcde"), st.integers(0, 3))


@given(seen=st.lists(ROWS, max_size=25), test=st.lists(ROWS, max_size=8))
def test_in_parts_it_is_what_it_is_at_once(seen, test):
    whole, asked = frame(*seen), frame(*test)
    parts = OverlapReading(asked, SOURCE)
    for part in whole.partition_by("span"):
        parts.add(part)
    assert parts.figures() == read_overlap(whole, asked, SOURCE)


def test_of_more_entities_than_may_be_kept_the_share_that_comes_back_is_told_from_some():
    rng = np.random.default_rng(0)
    rows = [(span, f"e{entity}", 0) for entity in range(4000) for span in range(1, 2 + int(rng.random() < 0.3))]
    whole, asked = frame(*rows), frame((9, "e1", 0), (9, "new", 0))
    few = OverlapReading(asked, SOURCE, most_entities=1000)
    for part in whole.partition_by("span"):
        few.add(part)
    found, exact = few.figures(), read_overlap(whole, asked, SOURCE)
    assert found.recurring_share != exact.recurring_share
    assert found.recurring_share == pytest.approx(exact.recurring_share, abs=0.08)
    assert (found.n_same, found.n_not_later, found.entity_share) == (0, 0, 0.5)
