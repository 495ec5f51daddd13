from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from polars.testing import assert_frame_equal

from ratchet.errors import DataError, StoreError
from ratchet.storage import tables
from ratchet.storage.objects import open_store
from ratchet.storage.tables import SpanTable
from tests.faults.moto_server import S3Server
from tests.faults.proxy import FaultProxy

AT = datetime(2013, 2, 10, 4, 5, 6, 7, tzinfo=UTC)


def examples(*spans: str, n_rows: int = 2, start: int = 0) -> pl.DataFrame:
    """A few rows of each span, with the types that the product stores."""
    numbers = range(start, start + n_rows)
    rows = [
        (span, number, AT + timedelta(hours=number), bytes([0, 255, number])) for span in spans for number in numbers
    ]
    schema = {"span": pl.String, "id": pl.Int64, "at": pl.Datetime("us", "UTC"), "sketch": pl.Binary}
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.fixture
def table(store_uri: str) -> SpanTable:
    return SpanTable(f"{store_uri}/tables/flights/examples")


class TestReplaceSpans:
    def test_what_is_written_is_read(self, table: SpanTable):
        frame = examples("2013-02-10", "2013-02-11")
        assert table.replace_spans(frame, ["2013-02-10", "2013-02-11"], commit={}) == 0
        assert_frame_equal(table.read(["2013-02-10", "2013-02-11"]), frame, check_row_order=False)
        assert (table.version(), table.spans()) == (0, ["2013-02-10", "2013-02-11"])

    def test_several_spans_change_in_one_commit_and_the_others_stay(self, table: SpanTable):
        table.replace_spans(examples("a", "b", "c"), ["a", "b", "c"], commit={})
        assert table.replace_spans(examples("a", "b", n_rows=3), ["a", "b"], commit={}) == 1
        assert table.read(["a", "b", "c"])["span"].value_counts(sort=True).sort("span").rows() == [
            ("a", 3),
            ("b", 3),
            ("c", 2),
        ]

    def test_a_span_that_is_named_without_rows_is_emptied(self, table: SpanTable):
        table.replace_spans(examples("a", "b"), ["a", "b"], commit={})
        table.replace_spans(examples("b", n_rows=1), ["a", "b"], commit={})
        assert table.spans() == ["b"]
        table.replace_spans(examples(), ["b"], commit={})
        assert table.spans() == []
        assert_frame_equal(table.read(["a", "b"]), examples())

    def test_a_first_write_without_rows_makes_the_table(self, table: SpanTable):
        assert table.replace_spans(examples(), ["a"], commit={}) == 0
        assert (table.version(), table.spans()) == (0, [])
        assert_frame_equal(table.read(["a"]), examples())

    def test_the_same_rows_again_are_there_once(self, table: SpanTable):
        for version in (0, 1):
            assert table.replace_spans(examples("a"), ["a"], commit={}) == version
        assert_frame_equal(table.read(["a"]), examples("a"))

    def test_a_quote_in_a_span_is_part_of_its_name(self, table: SpanTable):
        table.replace_spans(examples("it's", "a"), ["it's", "a"], commit={})
        table.replace_spans(examples("it's", n_rows=1), ["it's"], commit={})
        assert (table.spans(), len(table.read(["it's"])), len(table.read(["a"]))) == (["a", "it's"], 1, 2)

    def test_spans_of_every_length_are_partitions_and_names_of_objects(self, store_uri: str, table: SpanTable):
        keys = ["2026-10", "2026-10-25", "2026-10-25T00Z", "2026-W43"]
        table.replace_spans(examples(*keys), keys, commit={})
        table.replace_spans(examples("2026-10", n_rows=1), ["2026-10"], commit={})
        assert (table.spans(), [len(table.read([key])) for key in keys]) == (keys, [1, 2, 2, 2])
        store = open_store(store_uri)
        assert [store.write_once(f"manifests/{key}/1.json", key.encode()) for key in keys] == [True] * 4
        assert sorted(store.list("manifests")) == sorted(f"manifests/{key}/1.json" for key in keys)

    def test_a_new_column_is_null_in_older_spans(self, table: SpanTable):
        table.replace_spans(examples("a"), ["a"], commit={})
        table.replace_spans(examples("b").with_columns(gust=pl.lit(1.5)), ["b"], commit={})
        read = table.read(["a", "b"])
        assert read.columns[0] == "span"
        assert read.sort("span")["gust"].to_list() == [None, None, 1.5, 1.5]

    def test_a_column_left_out_is_null(self, table: SpanTable):
        table.replace_spans(examples("a"), ["a"], commit={})
        table.replace_spans(examples("b").drop("sketch"), ["b"], commit={})
        assert table.read(["b"])["sketch"].to_list() == [None, None]

    def test_the_commit_keeps_its_metadata_and_the_table_its_history_for_two_years(self, table: SpanTable):
        table.replace_spans(examples("a"), ["a"], commit={"revision": "2", "source": "sha256:ab"})
        delta = DeltaTable(table.uri, storage_options=table._options)
        assert delta.history(1)[0] | {"revision": "2", "source": "sha256:ab"} == delta.history(1)[0]
        assert delta.metadata().partition_columns == ["span"]
        assert delta.metadata().configuration == {
            "delta.logRetentionDuration": "interval 730 days",
            "delta.deletedFileRetentionDuration": "interval 730 days",
            "delta.dataSkippingNumIndexedCols": "0",
        }

    def test_a_load_of_a_year_is_one_commit(self, tmp_path: Path):
        table = SpanTable(str(tmp_path / "t"))
        spans = [f"day-{number:03}" for number in range(365)]
        table.replace_spans(examples(*spans), spans, commit={})
        assert table.replace_spans(examples(*spans, n_rows=1), spans, commit={}) == 1
        assert (table.spans(), len(table.read(spans))) == (spans, 365)

    @pytest.mark.parametrize(
        ("frame", "spans", "message"),
        [
            pytest.param(examples("a", "b"), ["a"], r"rows of \['a'\] only. Got \['b'\]", id="stranger"),
            pytest.param(pl.DataFrame({"span": [None]}, schema={"span": pl.String}), ["a"], "None", id="null-span"),
            pytest.param(examples("a"), [], "one key or more", id="no-span"),
            pytest.param(examples("a"), "a", "one key or more", id="text-for-list"),
            pytest.param(examples("a"), ["a", ""], "one key or more", id="empty-key"),
            pytest.param(pl.DataFrame({"id": [1]}), ["a"], "text column 'span'", id="no-column"),
        ],
    )
    def test_a_frame_that_does_not_fit_its_spans_is_refused(
        self, tmp_path: Path, frame: pl.DataFrame, spans: list[str], message: str
    ):
        table = SpanTable(str(tmp_path / "t"))
        with pytest.raises(ValueError, match=message):
            table.replace_spans(frame, spans, commit={})
        assert table.version() is None


class TestRead:
    def test_an_absent_table_is_empty(self, table: SpanTable):
        assert (table.version(), table.spans()) == (None, [])
        assert table.read(["a"]).is_empty()
        assert table.read(["a"], columns=["span", "id"]).schema == {"span": pl.String, "id": pl.Null}

    def test_an_unknown_span_and_no_span_are_empty_with_the_types_of_the_table(self, table: SpanTable):
        table.replace_spans(examples("a"), ["a"], commit={})
        for spans in (["b"], []):
            assert_frame_equal(table.read(spans), examples())

    def test_columns_come_in_the_order_asked_for(self, table: SpanTable):
        table.replace_spans(examples("a"), ["a"], commit={})
        assert table.read(["a"], columns=["sketch", "id"]).columns == ["sketch", "id"]

    def test_an_older_version_is_read_as_it_was(self, table: SpanTable):
        first = table.replace_spans(examples("a"), ["a"], commit={})
        table.replace_spans(examples("a", n_rows=5).with_columns(gust=pl.lit(1.5)), ["a"], commit={})
        assert_frame_equal(table.read(["a"], version=first), examples("a"))

    def test_files_of_other_spans_are_not_opened(self, tmp_path: Path):
        table = SpanTable(str(tmp_path / "t"))
        table.replace_spans(examples("a", "b"), ["a", "b"], commit={})
        for file in (tmp_path / "t" / "span=b").iterdir():
            file.unlink()
        assert_frame_equal(table.read(["a"]), examples("a"))
        with pytest.raises(StoreError, match="Reading .* failed"):
            table.read(["b"])


class TestTypes:
    def test_types_that_delta_lacks_are_kept_in_the_nearest_one(self, tmp_path: Path):
        table = SpanTable(str(tmp_path / "t"))
        frame = pl.DataFrame(
            {
                "span": ["a", "a"],
                "u8": pl.Series([0, 255], dtype=pl.UInt8),
                "u64": pl.Series([0, 2**63 - 1], dtype=pl.UInt64),
                "counts": pl.Series([[1, 2**32], []], dtype=pl.List(pl.UInt64)),
                "carrier": pl.Series(["AA", "UA"], dtype=pl.Categorical),
                "at": pl.Series([AT, AT]).dt.convert_time_zone("America/New_York").dt.cast_time_unit("ns"),
            }
        )
        table.replace_spans(frame, ["a"], commit={})
        read = table.read(["a"])
        assert dict(read.schema) == {
            "span": pl.String,
            "u8": pl.Int64,
            "u64": pl.Int64,
            "counts": pl.List(pl.Int64),
            "carrier": pl.String,
            "at": pl.Datetime("us", "UTC"),
        }
        assert read["u64"].to_list() == [0, 2**63 - 1]
        assert read["counts"].to_list() == [[1, 2**32], []]
        assert read["at"].to_list() == [AT, AT]
        assert DeltaTable(table.uri).protocol().min_reader_version == 1

    @pytest.mark.parametrize(
        ("column", "message"),
        [
            pytest.param(pl.Series([None]), "has no type", id="all-null"),
            pytest.param(pl.Series([datetime(2013, 1, 1)]), "without a zone", id="naive-time"),
            pytest.param(pl.Series([timedelta(1)]), "Delta does not keep", id="duration"),
            pytest.param(pl.Series([2**63], dtype=pl.UInt64), "does not fit", id="too-large"),
        ],
    )
    def test_what_delta_cannot_keep_is_refused(self, tmp_path: Path, column: pl.Series, message: str):
        table = SpanTable(str(tmp_path / "t"))
        with pytest.raises(DataError, match=message):
            table.replace_spans(pl.DataFrame({"span": ["a"], "x": column}), ["a"], commit={})
        assert table.version() is None

    @pytest.mark.parametrize(
        ("column", "kept"),
        [
            pytest.param(pl.Series([None, None]), [None, None], id="all-null"),
            pytest.param(pl.Series([1, 2], dtype=pl.Int16), [1, 2], id="narrower"),
        ],
    )
    def test_a_column_takes_the_type_of_the_table(self, tmp_path: Path, column: pl.Series, kept: list[object]):
        table = SpanTable(str(tmp_path / "t"))
        table.replace_spans(examples("a"), ["a"], commit={})
        table.replace_spans(pl.DataFrame({"span": ["b", "b"], "id": column}), ["b"], commit={})
        assert table.read(["b"])["id"].to_list() == kept
        assert table.read(["b"])["id"].dtype == pl.Int64

    @pytest.mark.parametrize("column", [pl.Series(["1"]), pl.Series([1.5]), pl.Series([True])], ids=str)
    def test_a_column_of_another_type_is_refused_by_name(self, tmp_path: Path, column: pl.Series):
        table = SpanTable(str(tmp_path / "t"))
        table.replace_spans(examples("a"), ["a"], commit={})
        with pytest.raises(DataError, match="Column 'id' is stored as Int64"):
            table.replace_spans(pl.DataFrame({"span": ["b"], "id": column}), ["b"], commit={})
        assert table.version() == 0


class TestConcurrency:
    def test_writers_of_different_spans_all_succeed_from_the_first_write_on(self, table: SpanTable):
        """Six at once, of a table that is not there yet: one creates it, and nobody's rows are lost."""
        spans = [f"day-{number}" for number in range(6)]
        barrier, versions, failures = threading.Barrier(len(spans)), [], []

        def write(span: str) -> None:
            barrier.wait()
            try:
                versions.append(SpanTable(table.uri).replace_spans(examples(span), [span], commit={"by": span}))
            except Exception as error:
                failures.append(error)

        _run_together([threading.Thread(target=write, args=(span,)) for span in spans])
        assert failures == []
        assert sorted(versions) == list(range(len(spans)))
        assert table.spans() == spans
        assert len(table.read(spans)) == 2 * len(spans)

    def test_of_two_writers_of_one_span_one_is_kept_whole(self, table: SpanTable):
        table.replace_spans(examples("a"), ["a"], commit={})
        barrier = threading.Barrier(2)

        def write(n_rows: int) -> None:
            barrier.wait()
            SpanTable(table.uri).replace_spans(examples("a", n_rows=n_rows), ["a"], commit={})

        _run_together([threading.Thread(target=write, args=(n_rows,)) for n_rows in (3, 4)])
        assert len(table.read(["a"])) in (3, 4)
        assert table.version() == 2

    def test_the_version_is_that_of_the_own_commit_though_others_came_after(self, tmp_path: Path):
        table, other = SpanTable(str(tmp_path / "t")), SpanTable(str(tmp_path / "t"))
        table.replace_spans(examples("a"), ["a"], commit={})
        opened, first = table._open, []

        def open_after_another_commit(version: int | None = None) -> DeltaTable | None:
            found = opened(version)
            if not first:
                first.append(other.replace_spans(examples("b"), ["b"], commit={}))
            elif len(first) == 1:
                first.append(other.replace_spans(examples("c"), ["c"], commit={}))
                found = opened(version)
            return found

        table._open = open_after_another_commit
        assert table.replace_spans(examples("d"), ["d"], commit={}) == 2
        assert first == [1, 3]

    def test_a_commit_whose_reply_was_lost_is_made_once(self, table: SpanTable, monkeypatch: pytest.MonkeyPatch):
        table.replace_spans(examples("a"), ["a"], commit={})
        replace, tries = tables._replace, []

        def replace_and_lose_the_reply(*arguments: Any) -> None:
            tries.append(arguments)
            replace(*arguments)
            raise CommitFailedError("a concurrent transaction added new data: this one's own")

        monkeypatch.setattr(tables, "_replace", replace_and_lose_the_reply)
        assert table.replace_spans(examples("a", n_rows=3), ["a"], commit={}) == 1
        assert (table.version(), len(tries), len(table.read(["a"]))) == (1, 1, 3)

    def test_a_table_that_others_always_change_first_is_a_store_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        table = SpanTable(str(tmp_path / "t"))
        table.replace_spans(examples("a"), ["a"], commit={})
        monkeypatch.setattr(tables.time, "sleep", lambda _: None)
        monkeypatch.setattr(tables.SpanTable, "_commit", lambda *_: False)
        with pytest.raises(StoreError, match="came first 10 times"):
            table.replace_spans(examples("a"), ["a"], commit={})


def test_a_process_that_used_a_table_ends_well(tmp_path: Path):
    """Some versions of the libraries abort at exit, after the work is done, and a task would be reported as failed."""
    ended = [_python(USE_AND_EXIT, str(tmp_path / str(number))) for number in range(3)]
    assert [(done.returncode, done.stdout, done.stderr) for done in ended] == [(0, "2\n", "")] * 3


USE_AND_EXIT = """
import sys
import polars as pl
from ratchet.storage.tables import SpanTable
table = SpanTable(sys.argv[1])
frame = pl.DataFrame({"span": ["a", "a"], "x": [1, 2]})
for _ in range(2):
    table.replace_spans(frame, ["a"], commit={})
print(len(table.read(["a"])))
"""


class TestFaults:
    @pytest.mark.parametrize("mode", ["refuse", "http500"])
    def test_a_store_that_is_down_is_a_store_error_and_works_afterwards(
        self, proxy: FaultProxy, s3: S3Server, mode: str
    ):
        table = SpanTable(s3.fresh_uri())
        table.replace_spans(examples("a"), ["a"], commit={})
        proxy.set_mode(mode)
        with pytest.raises(StoreError, match="Opening .* failed"):
            table.replace_spans(examples("a", n_rows=3), ["a"], commit={})
        with pytest.raises(StoreError, match="Opening .* failed"):
            table.read(["a"])
        assert proxy.faults >= 2
        proxy.set_mode("pass")
        assert len(table.read(["a"])) == 2

    def test_an_upload_cut_short_leaves_the_span_as_it_was(self, proxy: FaultProxy, s3: S3Server):
        table = SpanTable(s3.fresh_uri())
        table.replace_spans(examples("a"), ["a"], commit={})
        proxy.set_mode("reset_after:5000")
        with pytest.raises(StoreError, match="Writing the spans of .* failed"):
            table.replace_spans(examples("a", n_rows=250).with_columns(pad=pl.lit(os.urandom(20000))), ["a"], commit={})
        assert proxy.faults >= 1
        proxy.set_mode("pass")
        assert_frame_equal(table.read(["a"]), examples("a"))

    def test_a_full_disk_is_told_and_leaves_the_span_as_it_was(self, tmp_path: Path):
        done = _python(FULL_DISK, str(tmp_path / "t"))
        assert done.returncode == 0, done.stderr
        assert "E-DISK" in done.stdout
        assert len(SpanTable(str(tmp_path / "t")).read(["a"])) == 1


FULL_DISK = """
import os, resource, sys
import polars as pl
from ratchet.errors import DiskFullError
from ratchet.storage.tables import SpanTable
table = SpanTable(sys.argv[1])
frame = pl.DataFrame({"span": ["a"], "x": [os.urandom(100000)]})
table.replace_spans(frame, ["a"], commit={})
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
try:
    table.replace_spans(pl.concat([frame] * 2), ["a"], commit={})
except DiskFullError as error:
    print(error)
"""


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


def _run_together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
