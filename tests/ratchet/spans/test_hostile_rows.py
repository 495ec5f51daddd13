"""Whatever a frame holds, no row of it is lost or doubled, and what is kept is sound."""

from __future__ import annotations

import math
from collections import Counter
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ratchet.errors import DataError
from ratchet.spans.contract import TARGET, sort_examples
from ratchet.spans.records import REASON
from tests.factories.models import CALENDAR, day, parcels_spec

START, END = CALENDAR.bounds(day(3))
EARLIER = {day(number): CALENDAR.bounds(day(number)) for number in (1, 2)}
UTC = pl.Datetime("us", "UTC")
TEXTS = ["a", "b", "", "  ", "a\x00b", "📦", "e\u0301", "NA", "1,5", "12", None]
NUMBERS = [None, 0.0, -0.0, 1.0, 17.0, 2.5, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324]
INSTANTS = [
    *(None, START, START - timedelta(microseconds=1), END - timedelta(microseconds=1), END),
    *(EARLIER[day(1)][0], EARLIER[day(1)][0] - timedelta(microseconds=1), END + timedelta(days=400)),
]


def column(values: list[Any], dtype: Any, n: int) -> st.SearchStrategy[pl.Series]:
    return st.lists(st.sampled_from(values), min_size=n, max_size=n).map(lambda drawn: pl.Series(drawn, dtype=dtype))


def texts(n: int) -> st.SearchStrategy[pl.Series]:
    return st.one_of(
        column(TEXTS, pl.String, n),
        column(TEXTS, pl.Categorical, n),
        column(["x", "y", None], pl.Enum(["x", "y"]), n),
        column(NUMBERS, pl.Float64, n),
        column([1, 2, None], pl.UInt8, n),
        column([True, False, None], pl.Boolean, n),
        column([START.date(), None], pl.Date, n),
        st.just(pl.Series([None] * n, dtype=pl.Null)),
    )


def numbers(n: int) -> st.SearchStrategy[pl.Series]:
    return st.one_of(
        column(NUMBERS, pl.Float64, n),
        column([1.5, math.inf, None], pl.Float32, n),
        column([1, -1, 2**63 - 1, None], pl.Int64, n),
        column(["1.5", " 2 ", "NA", "null", "-", "1,234.5", "1,5", "inf", "", None, "1e400"], pl.String, n),
        column([True, None], pl.Boolean, n),
    )


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    n = draw(st.integers(1, 12))
    return pl.DataFrame(
        {
            "parcel_id": draw(texts(n)),
            "sent_at": draw(column(INSTANTS, UTC, n)),
            "distance": draw(numbers(n)),
            "weight": draw(numbers(n)),
            "carrier": draw(texts(n)),
            "changed_at": draw(column([1, 2, 3, None], pl.Int64, n)),
            "note": pl.Series([{"a": [1]}] * n),
        }
    )


RULES = st.fixed_dictionaries(
    {
        "duplicates": st.sampled_from(["keep_one", "quarantine"]),
        "conflicts": st.sampled_from(["quarantine", "keep_first", "keep_last"]),
        "late": st.sampled_from(["quarantine", "own_span"]),
        "null_words": st.sampled_from([[], ["NA", "-"]]),
    }
)


def spec_of(rules: dict[str, Any]) -> Any:
    rules = dict(rules) | {"text_numbers": "parse"}
    if rules["conflicts"] != "quarantine":
        rules |= {"order_by": "changed_at", "late": "quarantine"}
    return parcels_spec({"source.max_quarantined": 1.0, "features.slices": [], "source.rows": rules})


def counted(*parts: pl.DataFrame) -> Counter[str]:
    wanted = ["parcel_id", "sent_at", "distance", "weight", "carrier"]
    return Counter(repr(row) for part in parts for row in part.select(wanted).rows())


@settings(max_examples=150)
@given(frames(), RULES, st.randoms())
def test_no_row_is_lost_and_what_is_kept_is_sound(frame: pl.DataFrame, rules: dict[str, Any], chance: Any):
    spec = spec_of(rules)
    earlier = EARLIER if spec.source.rows.late == "own_span" else {}
    found = sort_examples(frame, spec, (START, END), earlier=earlier)
    assert found.kept.height + found.quarantined.height + found.late.height == frame.height
    assert found.quarantined[REASON].null_count() == 0
    kept = found.kept
    assert kept["parcel_id"].null_count() == 0
    assert kept["parcel_id"].n_unique() == kept.height
    assert kept.filter((pl.col("sent_at") < START) | (pl.col("sent_at") >= END)).is_empty()
    for part in (kept, found.late):
        assert not part.select(pl.col("distance", "weight").is_infinite().any()).row(0).count(True)
        zeros = [value for name in ("distance", "weight") for value in part[name].to_list() if value == 0]
        assert all(math.copysign(1, zero) == 1 for zero in zeros)
        assert (
            not part.select(pl.col("parcel_id", "carrier").str.contains("\x00", literal=True).any()).row(0).count(True)
        )
    for span, sent_at in found.late.select(TARGET, "sent_at").iter_rows():
        assert EARLIER[span][0] <= sent_at < EARLIER[span][1]
    # The order of the delivery changes nothing.
    order = list(range(frame.height))
    chance.shuffle(order)
    again = sort_examples(frame[order], spec, (START, END), earlier=earlier)
    assert counted(again.kept) == counted(kept)
    assert again.reasons() == found.reasons()
    assert counted(again.late) == counted(found.late)


@given(frames())
def test_text_where_numbers_belong_is_never_taken_silently(frame: pl.DataFrame):
    spec = parcels_spec({"source.max_quarantined": 1.0, "features.slices": []})
    textual = [name for name in ("distance", "weight") if frame.schema[name] == pl.String]
    if not textual:
        assert sort_examples(frame, spec, (START, END)).kept.schema["distance"] == pl.Float64
        return
    with pytest.raises(DataError, match=f"numeric feature '{textual[0]}' was delivered as text"):
        sort_examples(frame, spec, (START, END))


@pytest.mark.parametrize(
    "series",
    [
        pytest.param(pl.Series([[1.0]]), id="list"),
        pytest.param(pl.Series([{"a": 1}]), id="struct"),
        pytest.param(pl.Series([b"1"]), id="bytes"),
        pytest.param(pl.Series([timedelta(1)]), id="duration"),
        pytest.param(pl.Series([START.time()]), id="time-of-day"),
        pytest.param(pl.Series([object()], dtype=pl.Object), id="object"),
    ],
)
@pytest.mark.parametrize("name", ["parcel_id", "distance", "carrier", "sent_at"])
def test_a_type_that_never_fits_is_refused_by_name(series: pl.Series, name: str):
    frame = pl.DataFrame({"parcel_id": ["a"], "sent_at": [START], "distance": [1.0], "weight": [1.0], "carrier": ["A"]})
    spec = parcels_spec({"source.max_quarantined": 1.0, "features.slices": []})
    with pytest.raises(DataError, match=f"{name!r}"):
        sort_examples(frame.with_columns(series.alias(name)), spec, (START, END))
