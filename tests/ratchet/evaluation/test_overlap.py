from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from ratchet.evaluation.overlap import read_overlap
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
