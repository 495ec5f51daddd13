from __future__ import annotations

import gzip
import hashlib
import os
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ratchet.errors import DataError, EmptyDataError, IncompleteError, MissingSpanError
from ratchet.project import Project
from ratchet.spans.sources.completeness import is_complete
from tests.ratchet.spans.sources.make import CSV, DAY, files, put, read, window


class TestAFileASpan:
    @pytest.mark.parametrize(
        ("pattern", "name"),
        [
            ("{span}.csv", "2024-03-01.csv"),
            ("trips/{year}/{month}/{day}.csv", "trips/2024/03/01.csv"),
            ("trips/day={span}/part-*.csv", "trips/day=2024-03-01/part-0.csv"),
        ],
    )
    def test_is_found_by_its_pattern(self, project: Project, pattern: str, name: str):
        put(project, name, CSV)
        delivery = read(project, files(pattern))
        assert delivery.frame["fare"].to_list() == [1.5, 2.0]
        assert delivery.frame["left_at"][0] == datetime(2024, 3, 1, 8, tzinfo=UTC)
        assert delivery.inputs == {name: "sha256:" + hashlib.sha256(CSV.encode()).hexdigest()}

    def test_several_files_are_one_span_in_the_order_of_their_names_whatever_the_order_of_their_columns(
        self, project: Project
    ):
        put(project, f"{DAY}/b.csv", "fare,trip,left_at\n3,c,2024-03-01T10:00:00Z\n")
        put(project, f"{DAY}/a.csv", CSV)
        put(project, f"{DAY}/_started.csv", "half a ro")
        put(project, f"{DAY}/.a.csv.part", "half a ro")
        assert read(project, files("{span}/*.csv")).frame["trip"].to_list() == ["a", "b", "c"]

    def test_files_of_other_columns_are_refused_by_name(self, project: Project):
        put(project, f"{DAY}/a.csv", CSV)
        put(project, f"{DAY}/b.csv", "trip,left_at\nc,2024-03-01T10:00:00Z\n")
        with pytest.raises(DataError, match=r"b\.csv: has other columns than .*a\.csv: fare"):
            read(project, files("{span}/*.csv"))

    def test_the_same_rows_in_another_wrapping_are_the_same_delivery(self, project: Project):
        put(project, f"{DAY}.csv", CSV)
        plain = read(project, files())
        put(project, f"{DAY}.csv.gz", gzip.compress(CSV.encode()))
        packed = read(project, files("{span}.csv.gz"))
        assert plain.digest == packed.digest
        assert plain.inputs != packed.inputs

    def test_a_missing_file_is_never_an_empty_span(self, project: Project):
        with pytest.raises(MissingSpanError, match=r"There is no file 2024-03-01\.csv for span 2024-03-01"):
            read(project, files())
        with pytest.raises(MissingSpanError):
            read(project, files("{span}/*.csv"))

    def test_what_stands_for_a_missing_value_is_declared(self, project: Project):
        put(project, f"{DAY}.csv", CSV + "c,2024-03-01T10:00:00Z,NA\n")
        with pytest.raises(DataError, match=r"row 3 of the data, holds the text 'NA'.*null_values"):
            read(project, files())
        assert read(project, files(null_values=("NA",))).frame["fare"].to_list() == [1.5, 2.0, None]

    def test_columns_are_renamed_and_a_name_that_is_not_there_is_refused(self, project: Project):
        put(project, f"{DAY}.csv", CSV.replace("fare", "Fare (USD)"))
        assert read(project, files(rename={"Fare (USD)": "fare"})).frame["fare"].to_list() == [1.5, 2.0]
        with pytest.raises(DataError, match="no column 'Fare' to rename; it has trip, left_at, Fare"):
            read(project, files(rename={"Fare": "fare"}))

    def test_a_row_key_tells_rows_apart(self, project: Project):
        put(project, f"{DAY}.csv", CSV)
        keyed = read(project, files(row_key="row")).frame
        assert keyed["row"].to_list() == ["2024-03-01.csv:1", "2024-03-01.csv:2"]
        with pytest.raises(DataError, match="a column 'trip' already"):
            read(project, files(row_key="trip"))


class TestAFileOfAllSpans:
    ROWS = "trip,left_at,fare\n" + "".join(
        f"{day}-{hour},2024-03-{day:02}T{hour:02}:00:00Z,{hour}\n" for day in (3, 1, 2) for hour in (22, 23)
    )

    def test_a_spans_rows_are_chosen_by_local_event_time(self, project: Project):
        put(project, "all.csv", self.ROWS)
        assert read(project, files("all.csv")).frame["trip"].to_list() == ["1-22"]
        assert sorted(read(project, files("all.csv"), "2024-03-02").frame["trip"]) == ["1-23", "2-22"]

    def test_no_row_is_lost_and_none_is_there_twice(self, project: Project):
        put(project, "all.csv", self.ROWS + "timeless,,1\n")
        spans = [f"2024-03-{day:02}" for day in range(1, 5)]
        seen = [trip for span in spans for trip in read(project, files("all.csv"), span).frame["trip"]]
        assert sorted(seen) == sorted(["1-22", "1-23", "2-22", "2-23", "3-22", "3-23", "timeless"])

    def test_is_read_once_for_all_spans_and_again_when_it_has_changed(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ):
        path = put(project, "all.csv", self.ROWS)
        reads: list[Path] = []
        real = Path.read_bytes

        def counted(self: Path) -> bytes:
            reads.append(self)
            return real(self)

        monkeypatch.setattr(Path, "read_bytes", counted)
        first = read(project, files("all.csv"))
        read(project, files("all.csv"), "2024-03-02")
        assert reads == [path]
        path.write_text(self.ROWS + "late,2024-03-02T12:00:00Z,1\n")
        assert "late" in read(project, files("all.csv"), "2024-03-02").frame["trip"].to_list()
        assert reads == [path, path]
        assert read(project, files("all.csv")).digest == first.digest, "another day's row makes no new revision"

    def test_a_span_without_rows_is_refused(self, project: Project):
        put(project, "all.csv", self.ROWS)
        with pytest.raises(EmptyDataError, match=r"all\.csv delivered no row for span 2024-03-09"):
            read(project, files("all.csv"), "2024-03-09")

    def test_without_the_time_column_no_span_can_be_told(self, project: Project):
        put(project, "all.csv", "trip,fare\na,1\n")
        with pytest.raises(DataError, match=r"all\.csv has no column 'left_at', by which a span's rows are chosen"):
            read(project, files("all.csv"))


class TestCompleteness:
    """Fault F31: a file that is still being written, or is renamed late."""

    def test_a_file_that_a_writer_still_appends_to_is_never_read_in_part(self, project: Project):
        path = put(project, f"{DAY}.csv", CSV)
        n_rows, stop = [2], threading.Event()

        def write() -> None:
            with path.open("a") as file:
                while not stop.is_set():
                    file.write(f"x{n_rows[0]},2024-03-01T10:00:00Z,1\n")
                    file.flush()
                    n_rows[0] += 1
                    time.sleep(0.01)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(3):
                with pytest.raises(IncompleteError, match=r"2024-03-01\.csv changed between two looks") as caught:
                    read(project, files(settle_seconds=0.1))
                assert caught.value.is_retryable
        finally:
            stop.set()
            writer.join()
        assert n_rows[0] > 5, "the writer wrote"
        assert read(project, files(settle_seconds=0.1)).frame.height == n_rows[0]

    def test_a_file_that_changes_while_it_is_read_is_not_used(self, project: Project, monkeypatch: pytest.MonkeyPatch):
        path = put(project, f"{DAY}.csv", CSV)
        real = Path.read_bytes

        def overtaken(self: Path) -> bytes:
            data = real(self)
            path.write_text(CSV + "c,2024-03-01T10:00:00Z,1\n")
            return data

        monkeypatch.setattr(Path, "read_bytes", overtaken)
        with pytest.raises(IncompleteError, match="changed between two looks"):
            read(project, files())

    def test_another_file_of_the_pattern_that_comes_late_is_a_change(self, project: Project):
        put(project, f"{DAY}/a.csv", CSV)
        late = threading.Timer(0.1, put, (project, f"{DAY}/b.csv", CSV))
        late.start()
        with pytest.raises(IncompleteError, match=r"b\.csv changed"):
            read(project, files("{span}/*.csv", settle_seconds=0.4))
        late.join()

    def test_with_a_marker_nothing_is_read_before_it_is_there(self, project: Project):
        delivery = files("{span}/*.csv", complete_marker="{span}/_SUCCESS", settle_seconds=3600)
        put(project, f"{DAY}/a.csv", CSV)
        with pytest.raises(IncompleteError, match=r"its marker 2024-03-01/_SUCCESS is not"):
            read(project, delivery)
        put(project, f"{DAY}/_SUCCESS", "")
        assert read(project, delivery).frame.height == 2

    @pytest.mark.parametrize(("age", "answer"), [(4.9, False), (5.0, True)])
    def test_a_file_left_alone_for_the_settle_time_is_complete(self, project: Project, age: float, answer: bool):
        path = put(project, f"{DAY}.csv", CSV)
        written = datetime(2024, 3, 2, tzinfo=UTC)
        os.utime(path, (written.timestamp(),) * 2)
        now = written + timedelta(seconds=age)
        assert is_complete(project, files(settle_seconds=5.0), window(), now) is answer

    def test_a_missing_file_is_not_complete(self, project: Project):
        assert not is_complete(project, files(), window(), datetime(2030, 1, 1, tzinfo=UTC))


def test_parquet_types_that_differ_beside_each_other_are_refused(project: Project):
    for name, column in {"a": [1], "b": ["x"]}.items():
        path = put(project, f"{DAY}/{name}.parquet", b"")
        pl.DataFrame({"trip": column, "left_at": [datetime(2024, 3, 1)]}).write_parquet(path)
    with pytest.raises(DataError, match="has another type than the files beside it in column 'trip'"):
        read(project, files("{span}/*.parquet"))
