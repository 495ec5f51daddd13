from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import DataError, DiskFullError, InputError, StoreError
from ratchet.project import Project
from ratchet.serving.prediction_log import FileLog, LoggedPredictions, ObjectLog, open_log, read_log
from ratchet.spans.records import PREDICTION
from tests.ratchet.serving.make import AT, FLIGHTS

if TYPE_CHECKING:
    from tests.faults.moto_server import S3Server

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def record(number: int = 0, **changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "prediction_id": f"request-{number}",
        "model": "flights",
        "model_version": "7",
        "model_digest": "f" * 64,
        "span": "2013-02-09",
        "entity": f"flight-{number}",
        "origin": "service",
        "arm": "champion",
        "propensity": 1.0,
        "score": 0.25,
        "threshold": 0.4,
        "is_expected": False,
        "inputs": '{"hour":17.0,"carrier":null}',
        "scored_at": AT,
        **changes,
    }


def read(project: Project, start: datetime = AT - HOUR, end: datetime = AT + HOUR) -> LoggedPredictions:
    return read_log(project, FLIGHTS, start, end)


def ids(project: Project, *window: datetime) -> list[str]:
    return read(project, *window).frame["prediction_id"].to_list()


def files(project: Project) -> list[Path]:
    return sorted((Path(project.home) / "predictions-log" / "flights").rglob("*.jsonl"))


@pytest.fixture(params=["local", "s3"])
def kept(request: pytest.FixtureRequest, project: Project) -> Project:
    """A project on each kind of store."""
    if request.param == "local":
        return project
    server: S3Server = request.getfixturevalue("s3")
    return replace(project, home=server.fresh_uri())


class TestBothStores:
    def test_no_log_is_an_empty_frame(self, kept: Project) -> None:
        found = read(kept)
        assert found.frame.schema == pl.Schema(PREDICTION)
        assert (found.frame.height, found.n_torn) == (0, 0)

    def test_records_come_back_as_they_were_written(self, kept: Project) -> None:
        log, records = open_log(kept, FLIGHTS), [record(i, score=i / 3) for i in range(3)]
        log.append(records, at=AT)
        found = read(kept)
        assert found.frame.schema == pl.Schema(PREDICTION)
        assert found.frame.to_dicts() == records
        log.close()

    def test_a_window_begins_with_its_first_instant_and_ends_before_its_last(self, kept: Project) -> None:
        log, times = open_log(kept, FLIGHTS), [AT - SECOND, AT, AT + HOUR, AT + 3 * HOUR]
        for i, at in reversed(list(enumerate(times))):
            log.append([record(i, scored_at=at)], at=at)
        assert ids(kept, AT, AT + 3 * HOUR) == ["request-1", "request-2"]
        assert ids(kept, AT - HOUR, AT + 4 * HOUR) == [f"request-{i}" for i in range(4)]

    def test_other_models_are_kept_apart(self, kept: Project) -> None:
        open_log(kept, type(FLIGHTS)("boats")).append([record()], at=AT)
        assert ids(kept) == []


def test_a_window_needs_aware_instants(project: Project) -> None:
    with pytest.raises(InputError, match="must be aware"):
        read(project, datetime(2013, 2, 10), AT)


def test_each_kind_of_home_has_its_log(project: Project, s3: S3Server) -> None:
    assert isinstance(open_log(project, FLIGHTS), FileLog)
    assert isinstance(open_log(replace(project, home=s3.fresh_uri()), FLIGHTS), ObjectLog)


@given(score=st.floats(0, 1), text=st.text(st.characters(exclude_categories=["Cs"])))
def test_scores_and_text_survive_bit_by_bit(tmp_path_factory: pytest.TempPathFactory, score: float, text: str) -> None:
    home = str(tmp_path_factory.mktemp("home"))
    project = Project(home=home, models_path=Path(home), tracking_uri="")
    log = FileLog(project, FLIGHTS)
    log.append([record(score=score, entity=text)], at=AT)
    log.close()
    row = read(project).frame.row(0, named=True)
    assert (row["score"], row["entity"]) == (score, text)


class TestFileLog:
    def test_a_process_writes_one_file_an_hour(self, project: Project) -> None:
        log = FileLog(project, FLIGHTS)
        for i in range(3):
            log.append([record(i)], at=AT)
        log.append([record(3, scored_at=AT + HOUR)], at=AT + HOUR)
        assert [path.parent.name for path in files(project)] == ["2013-02-10T04Z", "2013-02-10T05Z"]
        assert all(path.name.startswith(f"{os.getpid()}-") for path in files(project))

    def test_the_hour_is_that_of_utc(self, project: Project) -> None:
        FileLog(project, FLIGHTS).append([record()], at=AT.astimezone(ZoneInfo("Asia/Kolkata")))
        assert files(project)[0].parent.name == "2013-02-10T04Z"

    def test_two_processes_never_share_a_file(self, project: Project) -> None:
        for _ in range(2):
            FileLog(project, FLIGHTS).append([record()], at=AT)
        assert len(files(project)) == 2

    def test_what_was_appended_is_there_before_the_log_is_closed(self, project: Project) -> None:
        FileLog(project, FLIGHTS).append([record()], at=AT)
        assert files(project)[0].read_bytes().endswith(b"\n")

    def test_threads_do_not_mix_their_lines(self, project: Project) -> None:
        log = FileLog(project, FLIGHTS)
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: log.append([record(2 * i), record(2 * i + 1)], at=AT + (i % 2) * HOUR), range(100)))
        found = read(project, AT - HOUR, AT + 2 * HOUR)
        assert found.n_torn == 0
        assert sorted(found.frame["entity"]) == sorted(f"flight-{i}" for i in range(200))

    def test_a_torn_last_line_is_skipped_and_counted(self, project: Project) -> None:
        FileLog(project, FLIGHTS).append([record(0), record(1)], at=AT)
        FileLog(project, FLIGHTS).append([record(2)], at=AT)
        path = next(path for path in files(project) if b"request-1" in path.read_bytes())
        path.write_bytes(path.read_bytes()[:-1])
        found = read(project)
        assert sorted(found.frame["prediction_id"]) == ["request-0", "request-2"]
        assert found.n_torn == 1

    @pytest.mark.parametrize(
        "line",
        [
            pytest.param(b"{}\n", id="no-keys"),
            pytest.param(b'{"schema_version":1\n', id="no-json"),
            pytest.param(b"\xff\xfe\n", id="no-text"),
            pytest.param(b"[1]\n", id="a-list"),
        ],
    )
    def test_a_whole_line_that_is_no_record_is_an_error_that_names_the_file(
        self, project: Project, line: bytes
    ) -> None:
        FileLog(project, FLIGHTS).append([record()], at=AT)
        path = files(project)[0]
        path.write_bytes(line + path.read_bytes())
        with pytest.raises(DataError, match=path.name):
            read(project)

    @pytest.mark.parametrize("changes", [{"schema_version": 2}, {"score": "high"}, {"scored_at": "yesterday"}])
    def test_a_record_of_another_form_is_an_error(self, project: Project, changes: dict[str, Any]) -> None:
        FileLog(project, FLIGHTS).append([record(**changes)], at=AT)
        with pytest.raises(DataError, match="of the prediction log"):
            read(project)


class TestFailingDisk:
    @staticmethod
    def break_write(monkeypatch: pytest.MonkeyPatch, number: int, *, after_bytes: int) -> None:
        """Let a write take some bytes, and fail from then on."""
        real_write, written = os.write, []

        def write(descriptor: int, data: bytes) -> int:
            if written:
                raise OSError(number, os.strerror(number))
            written.append(after_bytes)
            return real_write(descriptor, data[:after_bytes])

        monkeypatch.setattr(os, "write", write)

    @pytest.mark.parametrize(
        ("number", "error"),
        [
            (errno.ENOSPC, DiskFullError),
            (errno.EDQUOT, DiskFullError),
            (errno.EFBIG, DiskFullError),
            (errno.EIO, StoreError),
        ],
    )
    def test_a_write_that_fails_is_refused_by_its_code(
        self, project: Project, monkeypatch: pytest.MonkeyPatch, number: int, error: type[StoreError]
    ) -> None:
        self.break_write(monkeypatch, number, after_bytes=10)
        with pytest.raises(error, match="predictions-log") as caught:
            FileLog(project, FLIGHTS).append([record()], at=AT)
        assert type(caught.value) is error

    def test_nothing_stays_of_a_request_that_was_refused(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        log = FileLog(project, FLIGHTS)
        log.append([record(0)], at=AT)
        with monkeypatch.context() as patch:
            self.break_write(patch, errno.ENOSPC, after_bytes=500)  # one record and a half
            with pytest.raises(DiskFullError):
                log.append([record(1), record(2)], at=AT)
        log.append([record(3)], at=AT)
        found = read(project)
        assert sorted(found.frame["prediction_id"]) == ["request-0", "request-3"]
        assert found.n_torn == 0

    def test_half_a_line_that_can_not_be_taken_back_does_not_spoil_the_next(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*args: object) -> None:
            raise OSError(errno.EIO, "broken")

        log = FileLog(project, FLIGHTS)
        with monkeypatch.context() as patch:
            self.break_write(patch, errno.EIO, after_bytes=10)
            patch.setattr(os, "ftruncate", refuse)
            with pytest.raises(StoreError):
                log.append([record(0)], at=AT)
        log.append([record(1)], at=AT)
        found = read(project)
        assert found.frame["prediction_id"].to_list() == ["request-1"]
        assert found.n_torn == 1

    def test_a_file_where_the_folder_belongs_is_a_store_error(self, project: Project) -> None:
        Path(project.home).mkdir()
        (Path(project.home) / "predictions-log").write_text("", encoding="utf-8")
        with pytest.raises(StoreError, match="Writing .* bytes below .*predictions-log"):
            FileLog(project, FLIGHTS).append([record()], at=AT)

    def test_a_sync_that_fails_is_told(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(descriptor: int) -> None:
            raise OSError(errno.EIO, "broken")

        log = FileLog(project, FLIGHTS)
        log.append([record()], at=AT)
        monkeypatch.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match="Syncing the newest file"):
            log.close()
        log.close()  # nothing is open any more
