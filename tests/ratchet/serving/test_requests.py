from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.serving.refusals import RefusedError
from ratchet.serving.requests import RequestReader
from ratchet.spec.features import FeatureColumn, Features
from ratchet.spec.objective import Rule
from tests.ratchet.features.make import make_spec
from tests.ratchet.serving.make import SPEC, make_row

READER = RequestReader(SPEC)


def parse(*rows: dict[str, Any]) -> pl.DataFrame:
    return READER.parse(json.dumps({"examples": rows}).encode())


def test_a_frame_has_the_columns_and_types_of_stored_examples() -> None:
    assert dict(parse(make_row()).schema) == {
        "span": pl.String,
        "flight_id": pl.String,
        "scheduled_at": pl.Datetime("us", "UTC"),
        "distance": pl.Float64,
        "carrier": pl.String,
        "hour": pl.Float64,
        "origin": pl.String,
    }


def test_columns_are_told_by_name_not_by_place() -> None:
    row = make_row()
    turned = dict(reversed(row.items()))
    assert parse(row).equals(parse(turned))


def test_rows_keep_their_order_and_may_name_an_entity_twice() -> None:
    assert parse(make_row(hour=3), make_row(hour=1), make_row(hour=2))["hour"].to_list() == [3, 1, 2]


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2013-02-10T04:59:59.999999Z", "2013-02-09"),
        ("2013-02-10T05:00:00Z", "2013-02-10"),
        ("2013-02-10T00:00-05:00", "2013-02-10"),
        ("2013-02-09T23:59-05:00", "2013-02-09"),
        ("2013-07-10T03:59:59Z", "2013-07-09"),
        ("2013-07-10T04:00:00Z", "2013-07-10"),
    ],
)
def test_the_span_is_the_local_day_of_the_event(text: str, span: str) -> None:
    frame = parse(make_row(scheduled_at=text))
    assert frame["span"].to_list() == [span]
    assert frame["scheduled_at"].to_list() == [datetime.fromisoformat(text).astimezone(UTC)]


@pytest.mark.parametrize("column", ["distance", "hour", "carrier", "origin"])
def test_a_value_that_is_not_known_is_null(column: str) -> None:
    assert parse(make_row(**{column: None}))[column].to_list() == [None]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_arrives_bit_by_bit(value: float) -> None:
    assert parse(make_row(distance=value))["distance"].to_list() == [value]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=1000))
def test_text_arrives_as_it_was_sent(value: str) -> None:
    assert parse(make_row(carrier=value))["carrier"].to_list() == [value]


def test_a_column_may_be_called_as_anything_of_pydantic_is() -> None:
    names = ["copy", "model_config", "model_fields", "schema", "_private", "json", "c0"]
    columns = {name: FeatureColumn(role="numeric") for name in names}
    spec = make_spec(features=Features(columns={**columns, "hour": FeatureColumn(role="numeric")}))
    assert spec.objective.rule == Rule(column="hour", at_least=17.0)
    row = {
        "flight_id": "a",
        "scheduled_at": "2013-02-10T05:00:00Z",
        "hour": 1,
        **{name: i for i, name in enumerate(names)},
    }
    frame = RequestReader(spec).parse(json.dumps({"examples": [row]}).encode())
    assert [frame[name][0] for name in names] == list(range(len(names)))


def test_a_refusal_says_what_the_field_should_be() -> None:
    with pytest.raises(RefusedError, match=r"^E-INPUT: examples\.1\.hour: Input should be a valid number\.$"):
        parse(make_row(), make_row(hour="17"))
