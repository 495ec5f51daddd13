from __future__ import annotations

import polars as pl
import pytest

from ratchet.errors import DataError
from ratchet.spans.sources.numbers import read_numbers


def texts(*values: str | None) -> pl.DataFrame:
    return pl.DataFrame({"fare": values, "zip": values}, schema={"fare": pl.String, "zip": pl.String})


def test_every_way_to_write_a_number_is_read_and_other_columns_stay_text():
    frame = read_numbers(texts("1", " -2.5 ", "1e3", "+7", "-0.0", "1e308", None), ["fare"], what="a.csv")
    assert frame["fare"].to_list() == [1.0, -2.5, 1000.0, 7.0, -0.0, 1e308, None]
    assert frame.schema["zip"] == pl.String


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("NA", "the text 'NA' for a missing number"),
        ("null", "the text 'null'"),
        ("-", "the text '-'"),
        ("NaN", "the text 'NaN'"),
        ("1,234.5", "a thousands separator"),
        ("1,234,567", "a thousands separator"),
        ("1.234,5", "a thousands separator"),
        ("1 234", "a thousands separator"),
        ("1,5", "a decimal comma"),
        ("-12,75", "a decimal comma"),
        ("inf", "an infinite number"),
        ("-Infinity", "an infinite number"),
        ("1e999", "holds text"),
        ("$5", "a unit or currency"),
        ("5 km", "a unit or currency"),
        ("anna@example.org", "holds text"),
    ],
)
def test_text_that_is_no_finite_number_is_refused_by_its_kind_and_row(text: str, kind: str):
    with pytest.raises(DataError) as caught:
        read_numbers(texts("1", text, text), ["fare"], what="a.csv")
    said = str(caught.value)
    assert "a.csv: column 'fare', row 2 of the data, holds" in said
    assert kind in said
    assert "(2 of 3 rows hold no number)" in said
    assert "anna" not in said
