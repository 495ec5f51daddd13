"""From the bytes of a file to a frame: whole, or refused with the place of the fault. Never a part of it.

No error shows a value: byte and row tell where to look.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import deque
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import DataError, EmptyDataError

if TYPE_CHECKING:
    from ratchet.spec.delivery import FilesDelivery

_BOMS = {b"\xef\xbb\xbf": "UTF-8", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_PARQUET = b"PAR1"


def read_bytes(data: bytes, name: str, delivery: FilesDelivery) -> pl.DataFrame:
    """Return a file's rows; those of a CSV are all text.

    Raises
    ------
    DataError
        If the file is cut, corrupt, or in another encoding than UTF-8: with byte or row.
    EmptyDataError
        If it holds no byte, or no row.
    """
    if not data:
        raise EmptyDataError(f"{name} holds no byte. An empty file is never taken for a good one.")
    if delivery.format == "parquet":
        frame = _read_parquet(data, name)
    else:
        text = _unzip(data, name) if name.endswith(".gz") else data
        _check_text(text, name)
        frame = _read_csv(text, name, delivery.delimiter) if delivery.format == "csv" else _read_jsonl(text, name)
    if frame.is_empty():
        raise EmptyDataError(f"{name} holds no row. An empty file is never taken for a good one.")
    return frame


def refuse(name: str, what: str) -> DataError:
    """Return the error of a file that is refused whole."""
    return DataError(f"{name}: {what}. The file is refused whole, 0 rows were used; deliver it again.")


def _unzip(data: bytes, name: str) -> bytes:
    try:
        return gzip.decompress(data)
    except EOFError:
        raise refuse(name, f"cut short at byte {len(data)}, where the gzip stream has no end yet") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        at = _damaged_at(data)
        raise refuse(name, f"no whole gzip stream, damaged at or before byte {at} ({type(error).__name__})") from None


def _damaged_at(data: bytes) -> int:
    """Return the last byte up to which the stream could be read."""
    reader, step = zlib.decompressobj(wbits=31), 1024
    for start in range(0, len(data), step):
        try:
            reader.decompress(data[start : start + step])
        except zlib.error:
            return min(start + step, len(data))
    return len(data)


def _check_text(text: bytes, name: str) -> None:
    if not text.strip():
        raise EmptyDataError(
            f"{name} holds {'no row' if text else 'no byte'}. An empty file is never taken for a good one."
        )
    for mark, encoding in _BOMS.items():
        if text.startswith(mark):
            raise refuse(name, f"begins at byte 0 with the byte order mark of {encoding}; write UTF-8 without one")
    nul = text.find(b"\0")
    if nul >= 0:
        raise refuse(name, f"a NUL at byte {nul}")
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise refuse(name, f"not UTF-8 at byte {error.start}") from None


def _read_csv(text: bytes, name: str, delimiter: str) -> pl.DataFrame:
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    header = _check_quotes(text, name, delimiter)
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice or "" in header:
        raise refuse(name, f"the header names {'a column twice' if twice else 'no name for a column'}")

    if text.count(b"\n") + text.count(b"\r") == 0:
        return pl.DataFrame(schema=dict.fromkeys(header, pl.String))

    def parse(*, threads: bool) -> pa.Table:
        return arrow_csv.read_csv(
            io.BytesIO(text),
            # Never a row longer than a block: quotes are known to be closed.
            read_options=arrow_csv.ReadOptions(use_threads=threads, block_size=min(len(text), 1 << 26)),
            parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=b'"' in text),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()), strings_can_be_null=True, null_values=[""]
            ),
        )

    try:
        table = parse(threads=True)
    except pa.ArrowInvalid:
        raise _ragged(name, lambda: parse(threads=False)) from None
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def _ragged(name: str, parse: object) -> DataError:
    """Return the error with the row: Arrow numbers rows only when it reads them one after the other."""
    import pyarrow as pa

    try:
        parse()  # type: ignore[operator]  # a parse of the same bytes
    except pa.ArrowInvalid as error:
        found = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", str(error))
        if found:
            row, expected, seen = found.groups()
            return refuse(name, f"row {row} (the header is row 1) has {seen} fields instead of {expected}")
    return refuse(name, "no CSV")


def _check_quotes(text: bytes, name: str, delimiter: str) -> list[str]:
    """Return the header, having made sure that every quote is closed and stands at the edge of a field."""
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(text), newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(reader)
        if b'"' in text:
            csv.field_size_limit(max(csv.field_size_limit(), len(text)))
            deque(reader, maxlen=0)
    except csv.Error:
        raise refuse(name, f"a quote that is not closed, or not at a field's edge, in line {reader.line_num}") from None
    return header


def _read_parquet(data: bytes, name: str) -> pl.DataFrame:
    if not data.startswith(_PARQUET):
        raise refuse(name, "no Parquet file: byte 0 does not begin it")
    if not data.endswith(_PARQUET) or len(data) < 12:
        raise refuse(name, f"cut short at byte {len(data)}, where the Parquet footer should end")
    try:
        return pl.read_parquet(io.BytesIO(data))
    except (pl.exceptions.PolarsError, OSError, pl.exceptions.PanicException) as error:
        raise refuse(name, f"corrupt Parquet within its {len(data)} bytes ({type(error).__name__})") from None


def _read_jsonl(text: bytes, name: str) -> pl.DataFrame:
    try:
        return pl.read_ndjson(io.BytesIO(text), infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise refuse(name, _first_bad_line(text) or f"no JSON lines ({type(error).__name__})") from None


def _first_bad_line(text: bytes) -> str:
    """Return where the first line stands that is no JSON object; asked only of a file that is refused."""
    start = 0
    for number, line in enumerate(text.split(b"\n"), start=1):
        try:
            if line.strip() and not isinstance(json.loads(line), dict):
                raise ValueError("no object")
        except ValueError:
            return f"line {number}, at byte {start}, is no JSON object"
        start += len(line) + 1
    return ""
