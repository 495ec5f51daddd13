"""Delta tables partitioned by span, where a span is replaced as a whole or not at all."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from ratchet.errors import StoreError
from ratchet.storage.endpoint import delta_options, polars_options
from ratchet.storage.failures import raise_store_error
from ratchet.storage.stored_types import as_stored

_COMMIT_TRIES = 10
_TOKEN = "ratchet.commit"  # noqa: S105  # the key of a mark, not a password
# Delta's default of 30 days would lose the versions that an audit asks for.
_CONFIGURATION = {
    "delta.logRetentionDuration": "interval 730 days",
    "delta.deletedFileRetentionDuration": "interval 730 days",
    # The least and the greatest value of a column would stand in the log, and a key that is erased must not. Nothing is
    # lost by it: a span is found by its partition.
    "delta.dataSkippingNumIndexedCols": "0",
}


class SpanTable:
    """One Delta table, partitioned by the string column ``span``; it comes into being with the first write.

    Do not use one in a process that forks afterwards: the threads of Delta and Polars do not survive a fork, and the
    child hangs. Importing before a fork is safe.

    Parameters
    ----------
    uri : str
        A folder, or ``s3://bucket/prefix``; endpoint and credentials come from the ``AWS_*`` environment.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._options = delta_options(uri)

    def __repr__(self) -> str:
        return f"SpanTable({self.uri!r})"

    def replace_spans(self, frame: pl.DataFrame, spans: Sequence[str], *, commit: Mapping[str, str]) -> int:
        """Replace the named spans by the frame's rows, in one atomic commit.

        Writers of different spans all succeed; of two writers of the same span, the last one's rows stay, whole.

        Parameters
        ----------
        frame : polars.DataFrame
            Rows of the named spans only; a new column is added to the table, null elsewhere. Unsigned integers are
            kept as Int64, categories as text, instants in microseconds UTC.
        spans : sequence of str
            A span without rows is emptied.
        commit : mapping of str to str
            Kept with the commit in the table's history.

        Returns
        -------
        int
            The version of the table that this commit made.

        Raises
        ------
        ValueError
            If no span is named, or the frame holds rows of another one.
        DataError
            If a column's type cannot be kept, or differs from the table's.
        """
        wanted = _check_spans(frame, spans)
        token = secrets.token_hex(16)
        properties = CommitProperties(custom_metadata={**commit, _TOKEN: token})
        table = self._open()
        before = -1 if table is None else table.version()
        for wait in _waits():
            if not self._commit(table, frame, wanted, properties):
                time.sleep(wait)
            table = self._open()
            # Asked of the history, as a commit whose reply was lost looks like another writer's.
            made = _find_commit(table, token, after=before)
            if made is not None:
                return made
        raise StoreError(f"Other writers of {self.uri} came first {_COMMIT_TRIES} times. Try again.")

    def read(
        self, spans: Sequence[str], *, columns: Sequence[str] | None = None, version: int | None = None
    ) -> pl.DataFrame:
        """Return the rows of those spans, of no other span's file being opened.

        Returns
        -------
        polars.DataFrame
            Without ``columns``: ``span`` first, then the table's other columns. Empty when there is no row, and when
            there is no table yet (the types are then unknown: Null, but for ``span``).
        """
        table = self._open(version)
        if table is None:
            names = ["span"] if columns is None else columns
            return pl.DataFrame(schema={name: pl.String if name == "span" else pl.Null for name in names})
        try:
            scan = pl.scan_delta(table, storage_options=polars_options(self.uri))
            names = _span_first(scan.collect_schema().names()) if columns is None else list(columns)
            return scan.filter(pl.col("span").is_in(list(spans))).select(names).collect()
        except (DeltaError, OSError, pl.exceptions.ComputeError) as error:
            raise_store_error(f"Reading {self.uri}", error)

    def version(self) -> int | None:
        """Return the newest version; None when there is no table yet."""
        table = self._open()
        return None if table is None else table.version()

    def spans(self) -> list[str]:
        """Return the sorted keys of the spans that hold rows."""
        table = self._open()
        if table is None:
            return []
        return sorted({partition["span"] for partition in table.partitions()})

    def live_files(self) -> set[str]:
        """Return the names (without folder) of the files that the newest version reads; each is unique."""
        table = self._open()
        return set() if table is None else {uri.rpartition("/")[2] for uri in table.file_uris()}

    def _open(self, version: int | None = None) -> DeltaTable | None:
        try:
            return DeltaTable(self.uri, version=version, storage_options=self._options)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            raise_store_error(f"Opening {self.uri}", error)

    def _commit(
        self, table: DeltaTable | None, frame: pl.DataFrame, spans: Sequence[str], properties: CommitProperties
    ) -> bool:
        """Try to commit; False when another writer came between, so that the same must be tried on its result."""
        try:
            if table is None:
                self._create(as_stored(frame, {}), properties)
            else:
                _replace(table, as_stored(frame, pl.Schema(table.schema().to_arrow())), spans, properties)
        except CommitFailedError:
            return False
        except (DeltaError, OSError) as error:
            was_created_by_another = table is None and self._open() is not None
            if not was_created_by_another:
                raise_store_error(f"Writing the spans of {self.uri}", error)
            return False
        return True

    def _create(self, frame: pl.DataFrame, properties: CommitProperties) -> None:
        write_deltalake(
            self.uri,
            frame,
            partition_by=["span"],
            configuration=_CONFIGURATION,
            storage_options=self._options,
            # Never retried by Delta itself: it would append what it lost to create, and double every row.
            commit_properties=CommitProperties(custom_metadata=properties.custom_metadata, max_commit_retries=0),
        )


def _replace(table: DeltaTable, frame: pl.DataFrame, spans: Sequence[str], properties: CommitProperties) -> None:
    write_deltalake(
        table,
        frame,
        mode="overwrite",
        predicate=f"span IN ({', '.join(_quoted(span) for span in spans)})",
        partition_by=["span"],
        schema_mode="merge",
        commit_properties=properties,
    )


def _check_spans(frame: pl.DataFrame, spans: Sequence[str]) -> list[str]:
    if isinstance(spans, str) or not spans or not all(isinstance(span, str) and span for span in spans):
        raise ValueError(f"The spans must be a list of one key or more, each a non-empty text. Got {spans!r}.")
    if frame.schema.get("span") != pl.String:
        raise ValueError(f"The frame must have a text column 'span'. Got {frame.schema.get('span')!r}.")
    strangers = frame.filter(~pl.col("span").is_in(list(spans)) | pl.col("span").is_null())["span"].unique()
    if len(strangers):
        raise ValueError(f"The frame must hold rows of {sorted(spans)[:5]} only. Got {strangers.to_list()[:5]} too.")
    return sorted(set(spans))


def _find_commit(table: DeltaTable | None, token: str, *, after: int) -> int | None:
    """Return the version whose commit carries the token, among those newer than ``after``."""
    if table is None or table.version() <= after:
        return None
    entries = table.history(table.version() - after)
    # Counted from the oldest: `history` also gives commits newer than the handle, and then numbers them all too low.
    numbered = enumerate(reversed(entries), start=after + 1)
    return next((version for version, entry in numbered if entry.get(_TOKEN) == token), None)


def _span_first(names: Sequence[str]) -> list[str]:
    return ["span", *(name for name in names if name != "span")]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _waits() -> Iterator[float]:
    """Growing waits in seconds, about 10 s in all, shaken so that writers do not keep in step."""
    for number in range(_COMMIT_TRIES):
        yield min(2.0, 0.02 * 2**number) * random.uniform(0.5, 1.5)  # noqa: S311  # no secret depends on it
