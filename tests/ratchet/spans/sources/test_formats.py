from __future__ import annotations

import gzip
import io

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ratchet.errors import DataError, EmptyDataError
from ratchet.spans.sources.formats import read_bytes
from tests.ratchet.spans.sources.make import CSV, files

FRAME = pl.DataFrame({"trip": ["a", "b"], "fare": [1.5, 2.0]})
CANARY = "anna@example.org"


def parquet() -> bytes:
    buffer = io.BytesIO()
    FRAME.write_parquet(buffer)
    return buffer.getvalue()


class TestEveryFormat:
    def test_a_csv_is_all_text(self):
        frame = read_bytes(CSV.encode(), "a.csv", files("a.csv"))
        assert frame.rows()[1] == ("b", "2024-03-01T09:00:00Z", "2")

    def test_a_gzipped_csv_of_several_members(self):
        head, row = b"trip,fare\n", b"a,1\n"
        frame = read_bytes(gzip.compress(head) + gzip.compress(row), "a.csv.gz", files("a.csv.gz"))
        assert frame.rows() == [("a", "1")]

    def test_parquet(self):
        assert read_bytes(parquet(), "a.parquet", files("a.parquet")).equals(FRAME)

    @pytest.mark.parametrize("ending", ["jsonl", "ndjson"])
    def test_json_lines(self, ending: str):
        assert read_bytes(FRAME.write_ndjson().encode(), f"a.{ending}", files(f"a.{ending}")).equals(FRAME)

    def test_quoted_fields_keep_their_delimiters_lines_and_quotes(self):
        data = b'trip,note\r\na,"one, ""two""\r\nthree"\r\n'
        assert read_bytes(data, "a.csv", files("a.csv")).rows() == [("a", 'one, "two"\r\nthree')]

    def test_a_field_of_a_megabyte(self):
        data = b"trip,note\n" + b"a," + b"x" * 2_000_000 + b"\n"
        assert read_bytes(data, "a.csv", files("a.csv"))["note"].str.len_chars().item() == 2_000_000

    def test_a_leading_zero_stays(self):
        assert read_bytes(b"zip,b\n01234,1\n", "a.csv", files("a.csv"))["zip"].item() == "01234"


class TestRefusedWholeWithThePlace:
    @pytest.mark.parametrize(
        ("name", "data", "words"),
        [
            pytest.param("a.csv.gz", gzip.compress(CSV.encode())[:-9], "cut short at byte", id="cut-gzip"),
            pytest.param("a.csv.gz", CSV.encode(), "damaged at or before byte", id="no-gzip"),
            pytest.param("a.parquet", parquet()[:-5], "cut short at byte", id="cut-parquet"),
            pytest.param("a.parquet", b"PAR1" + b"x" * 99 + b"PAR1", "corrupt Parquet within", id="bad-parquet"),
            pytest.param("a.parquet", CSV.encode(), "byte 0", id="no-parquet"),
            pytest.param("a.csv", CSV + 'c,"x', "not closed, or not at a field's edge, in line 4", id="open-quote"),
            pytest.param("a.csv", CSV + 'c,"x"y,1\n', "in line 4", id="text-after-a-quote"),
            pytest.param(
                "a.csv", CSV + "c,2024\n", "row 4 (the header is row 1) has 2 fields instead of 3", id="short"
            ),
            pytest.param(
                "a.csv", CSV + "c,d,e,f\n", "row 4 (the header is row 1) has 4 fields instead of 3", id="long"
            ),
            pytest.param("a.csv", CSV.encode() + b"c,\xe9,1\n", f"not UTF-8 at byte {len(CSV) + 2}", id="latin-1"),
            pytest.param("a.csv", CSV.encode("utf-16"), "byte order mark of UTF-16", id="utf-16"),
            pytest.param("a.csv", CSV.encode("utf-8-sig"), "at byte 0 with the byte order mark of UTF-8", id="bom"),
            pytest.param("a.csv", CSV.encode() + b"c\0,d,1\n", f"a NUL at byte {len(CSV) + 1}", id="nul"),
            pytest.param("a.csv", "a,a\n1,2\n", "names a column twice", id="header-twice"),
            pytest.param("a.csv", "a,\n1,2\n", "no name for a column", id="header-unnamed"),
            pytest.param("a.jsonl", '{"a": 1}\n{"a": 2', "line 2, at byte 9, is no JSON object", id="cut-json"),
            pytest.param("a.jsonl", '{"a": 1}\n[2]\n', "line 2, at byte 9", id="no-object"),
        ],
    )
    def test_corrupt(self, name: str, data: bytes | str, words: str):
        data = data.encode() if isinstance(data, str) else data
        with pytest.raises(DataError) as caught:
            read_bytes(data, name, files(name))
        assert words in str(caught.value)
        assert f"{name}: " in str(caught.value)
        assert "refused whole, 0 rows were used" in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "data", "words"),
        [
            pytest.param("a.csv", b"", "no byte", id="csv-0-bytes"),
            pytest.param("a.csv.gz", gzip.compress(b""), "no byte", id="gzip-of-nothing"),
            pytest.param("a.csv", b"trip,fare\n", "no row", id="header-only"),
            pytest.param("a.csv", b"trip,fare", "no row", id="header-without-its-end"),
            pytest.param("a.jsonl", b"\n", "no row", id="json-blank"),
        ],
    )
    def test_empty(self, name: str, data: bytes, words: str):
        with pytest.raises(EmptyDataError, match=f"E-EMPTY: {name} holds {words}"):
            read_bytes(data, name, files(name))

    def test_an_empty_parquet_file(self):
        buffer = io.BytesIO()
        FRAME.clear().write_parquet(buffer)
        with pytest.raises(EmptyDataError, match="no row"):
            read_bytes(buffer.getvalue(), "a.parquet", files("a.parquet"))

    def test_no_value_of_the_data_is_shown(self):
        for data in (f"a,b\n{CANARY}\n", f'a,b\n"{CANARY}"x,1\n', f"a,b\n{CANARY},1,2\n"):
            with pytest.raises(DataError) as caught:
                read_bytes(data.encode(), "a.csv", files("a.csv"))
            assert CANARY not in str(caught.value)


@given(cut=st.integers(min_value=0, max_value=len(gzip.compress(CSV.encode(), mtime=0)) - 1))
def test_a_gzip_cut_anywhere_is_refused(cut: int):
    with pytest.raises(DataError):
        read_bytes(gzip.compress(CSV.encode(), mtime=0)[:cut], "a.csv.gz", files("a.csv.gz"))


@given(place=st.integers(min_value=0, max_value=200), bit=st.integers(0, 7))
@example(place=3, bit=0)
def test_a_flipped_bit_of_a_gzip_changes_nothing_or_is_refused(place: int, bit: int):
    data = bytearray(gzip.compress(CSV.encode(), mtime=0))
    data[place % len(data)] ^= 1 << bit
    try:
        frame = read_bytes(bytes(data), "a.csv.gz", files("a.csv.gz"))
    except DataError:
        return
    assert frame.rows() == read_bytes(CSV.encode(), "a.csv", files("a.csv")).rows()


@given(cut=st.integers(min_value=0, max_value=len(parquet()) - 1))
def test_a_parquet_file_cut_anywhere_is_refused(cut: int):
    with pytest.raises(DataError):
        read_bytes(parquet()[:cut], "a.parquet", files("a.parquet"))


@given(place=st.integers(min_value=0, max_value=5000), byte=st.integers(0, 255))
def test_a_mutated_csv_is_read_whole_or_refused_by_a_typed_error(place: int, byte: int):
    data = bytearray(CSV.encode())
    data[place % len(data)] = byte
    try:
        frame = read_bytes(bytes(data), "a.csv", files("a.csv"))
    except DataError:
        return
    assert frame.width == bytes(data).split(b"\n")[0].split(b"\r")[0].count(b",") + 1
