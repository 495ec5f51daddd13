"""How rows are delivered: the block that the source, the label and whatever is joined to them have in common.

One kind a section, told apart by its ``kind``. None of them holds a secret: credentials come from the environment.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from ratchet.spec.section import Column, Function, Section

Format = Literal["csv", "parquet", "jsonl"]

_MAX_CHARACTERS = 300
# No scheme but s3, no backslash, no control character, no letter that only looks like one of these.
_DATA_NAME = re.compile(r"(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/)?[A-Za-z0-9_.*{}=+@ -]+(/[A-Za-z0-9_.*{}=+@ -]+)*")
_PLACEHOLDERS = ("span", "year", "month", "day", "hour")
_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
    ".ndjson": "jsonl",
    ".ndjson.gz": "jsonl",
}


def check_data_name(name: str) -> str:
    """Return the name if it stays below the data folder, or names a place in a bucket.

    Raises
    ------
    ValueError
        For an absolute path, ``..``, another scheme than ``s3://``, or a character that has no place in a name.
    """
    is_plain = len(name) <= _MAX_CHARACTERS and _DATA_NAME.fullmatch(name)
    if not is_plain or any(part in (".", "..") for part in name.split("/")):
        raise ValueError(
            "must be a path below the data folder (RATCHET_DATA) or s3://bucket/path, of letters, digits, blanks and "
            f"_.*{{}}=+@-, without '..', of at most {_MAX_CHARACTERS} characters. Got {name[:80]!r}."
        )
    return name


def _check_pattern(name: str) -> str:
    check_data_name(name)
    unknown = sorted(set(re.findall(r"\{([^{}]*)\}", name)) - set(_PLACEHOLDERS))
    if unknown or re.search(r"[{}]", re.sub(r"\{[a-z]+\}", "", name)):
        raise ValueError(
            f"may hold the placeholders {', '.join(f'{{{one}}}' for one in _PLACEHOLDERS)} and no other. "
            f"Got {name[:80]!r}."
        )
    return name


def _check_table(name: str) -> str:
    if re.search(r"[{}*]", check_data_name(name)):
        raise ValueError(f"must name one folder: a Delta table knows its files itself. Got {name[:80]!r}.")
    return name


Pattern = Annotated[str, AfterValidator(_check_pattern)]


class FunctionDelivery(Section):
    """A Python function of the model folder."""

    kind: Literal["function"] = Field(description="A Python function of the model folder delivers a span.")
    function: Function = Field(description="module.function: takes a SpanWindow, returns a Polars frame.")

    @property
    def words(self) -> str:
        """What an error calls it."""
        return self.function


class FilesDelivery(Section):
    """Files of a folder or a bucket, and how they are to be read.

    With a placeholder in ``path`` each span has files of its own. Without one, the files hold all spans, and a span's
    rows are chosen by event time.
    """

    kind: Literal["files"] = Field(description="Files of a folder or a bucket: CSV, Parquet or JSON lines.")
    path: Pattern = Field(
        description="Below the data folder (RATCHET_DATA), or s3://bucket/path. {span}, {year}, {month}, {day} and "
        "{hour} stand for the span, * for any characters but a slash. The ending tells the format: .csv, .csv.gz, "
        ".parquet, .jsonl, .jsonl.gz, .ndjson or .ndjson.gz."
    )
    complete_marker: Pattern | None = Field(
        default=None, description="A file that is written when the others are whole; they are not read before."
    )
    settle_seconds: float = Field(
        default=5,
        ge=0,
        le=3600,
        description="Without a marker, files are whole when size and bytes stay the same over two looks, so far apart.",
    )
    delimiter: Literal[",", ";", "\t", "|"] = Field(default=",", description="Between two fields of a CSV file.")
    null_values: tuple[str, ...] = Field(
        default=(),
        description='Texts that stand for a missing value, such as "NA"; an empty field of a CSV always does.',
    )
    time_format: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="How the event time is written where it is no timestamp: unix_seconds, unix_milliseconds, or a "
        "format such as %d.%m.%Y %H:%M; ISO 8601 by default.",
    )
    rename: dict[str, Column] = Field(default={}, description="Columns that go by another name here, old to new.")
    row_key: Column | None = Field(
        default=None,
        description="Adds a column of this name that tells rows apart, file and row number, where no entity does.",
    )

    @field_validator("path")
    @classmethod
    def _has_a_known_ending(cls, path: str) -> str:
        if _format_of(path) is None:
            raise ValueError(f"must end in one of {', '.join(_FORMATS)}. Got {path[-80:]!r}.")
        return path

    @model_validator(mode="after")
    def _marker_is_one_of_a_span(self) -> FilesDelivery:
        if self.complete_marker is not None and "*" in self.complete_marker:
            raise ValueError(f"complete_marker must name one file. Got {self.complete_marker!r}.")
        if len(set(self.rename.values())) < len(self.rename):
            raise ValueError("rename gives two columns the same name.")
        return self

    @property
    def words(self) -> str:
        """What an error calls it."""
        return self.path

    @property
    def holds_all_spans(self) -> bool:
        """Whether the same files are asked for every span."""
        return "{" not in self.path

    @property
    def format(self) -> Format:
        """How the files are written, as their ending says."""
        found = _format_of(self.path)
        if found is None:
            raise AssertionError("an ending that was not checked")
        return found


class SqlDelivery(Section):
    """A query of a database, with the span's instants as bound parameters."""

    kind: Literal["sql"] = Field(description="A query of PostgreSQL or SQLite.")
    url_variable: str = Field(
        pattern=r"^[A-Z][A-Z0-9_]{0,62}$",
        description="The environment variable that holds the database's URL; the URL itself may hold a password.",
    )
    query: str = Field(
        min_length=1,
        max_length=20_000,
        description="One SELECT, with :start and :end for the span's first instant and the first after it.",
    )
    instants: Literal["timestamp", "iso", "unix_seconds"] = Field(
        default="timestamp",
        description="How :start and :end are bound: as the database's own timestamps (SQLite: '2024-03-01 05:00:00' in "
        "UTC), as text '2024-03-01T05:00:00Z', or as whole seconds since 1970.",
    )

    @field_validator("query")
    @classmethod
    def _only_reads_a_span(cls, query: str) -> str:
        if not re.match(r"\s*(select|with)\b", query, re.IGNORECASE) or ";" in query:
            raise ValueError("must be one SELECT (or WITH ... SELECT), without a semicolon.")
        missing = [name for name in (":start", ":end") if not re.search(rf"(?<![:\w]){name}\b", query)]
        if missing:
            raise ValueError(f"must choose a span's rows by :start and :end. It does not name {' and '.join(missing)}.")
        others = sorted(set(re.findall(r"(?<![:\w]):([A-Za-z_]\w*)", query)) - {"start", "end"})
        if others:
            raise ValueError(f"may name no parameter but :start and :end. Got :{', :'.join(others)}.")
        return query

    @property
    def words(self) -> str:
        """What an error calls it."""
        return f"the query of {self.url_variable}"


class DeltaDelivery(Section):
    """A Delta table, of which a span's rows are chosen by event time."""

    kind: Literal["delta"] = Field(description="A Delta table; a span's rows are those of its event times.")
    table: Annotated[str, AfterValidator(_check_table)] = Field(
        description="The table's folder below the data folder (RATCHET_DATA), or s3://bucket/path."
    )

    @property
    def words(self) -> str:
        """What an error calls it."""
        return self.table


DeliverySpec = Annotated[FunctionDelivery | FilesDelivery | SqlDelivery | DeltaDelivery, Field(discriminator="kind")]


def _format_of(path: str) -> Format | None:
    return next((kind for ending, kind in _FORMATS.items() if path.endswith(ending)), None)
