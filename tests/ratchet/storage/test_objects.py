from __future__ import annotations

import posixpath
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.errors import InputError, StoreError
from ratchet.storage.objects import ObjectMissingError, check_object_name, open_store, probe_conditional_writes

BAD_NAMES = [
    pytest.param("", id="empty"),
    pytest.param("/etc/passwd", id="absolute"),
    pytest.param("..", id="parent"),
    pytest.param("a/../b", id="parent-inside"),
    pytest.param("a/./b", id="dot"),
    pytest.param("a//b", id="empty-part"),
    pytest.param("a/", id="trailing-slash"),
    pytest.param("a\x00b", id="nul"),
    pytest.param("a\nb", id="line-feed"),
    pytest.param("a\\b", id="backslash"),
    pytest.param("a\ud800", id="surrogate"),
    pytest.param(".staging/x", id="staging"),
    pytest.param("x" * 256, id="part-of-256-bytes"),
    pytest.param("/".join(["x" * 100] * 9), id="name-of-908-bytes"),
]


class TestObjectStore:
    def test_what_is_written_is_read(self, store_uri: str):
        store = open_store(store_uri)
        assert store.write_once("runs/flights/result.json", b"\x00\xff{}") is True
        assert store.read("runs/flights/result.json") == b"\x00\xff{}"
        assert store.has("runs/flights/result.json")

    def test_an_empty_object_is_an_object(self, store_uri: str):
        store = open_store(store_uri)
        assert store.write_once("a", b"") is True
        assert (store.read("a"), store.has("a")) == (b"", True)

    def test_a_second_put_is_refused_and_changes_nothing(self, store_uri: str):
        store = open_store(store_uri)
        store.write_once("a/b", b"first")
        assert store.write_once("a/b", b"second") is False
        assert store.read("a/b") == b"first"

    def test_another_store_of_the_same_place_sees_the_object(self, store_uri: str):
        open_store(store_uri).write_once("a", b"1")
        assert open_store(store_uri).write_once("a", b"2") is False

    def test_a_replacement_is_read(self, store_uri: str):
        store = open_store(store_uri)
        store.write("report.html", b"old")
        store.write("report.html", b"new")
        assert store.read("report.html") == b"new"

    def test_a_missing_object_is_told_apart_from_a_store_that_is_down(self, store_uri: str):
        store = open_store(store_uri)
        assert not store.has("a/b")
        with pytest.raises(ObjectMissingError, match="no object a/b") as caught:
            store.read("a/b")
        assert isinstance(caught.value, StoreError)
        assert isinstance(caught.value, FileNotFoundError)
        assert not caught.value.is_retryable

    def test_a_folder_is_no_object(self, store_uri: str):
        store = open_store(store_uri)
        store.write_once("a/b", b"")
        assert not store.has("a")
        with pytest.raises(ObjectMissingError):
            store.read("a")

    def test_the_list_is_sorted_and_stays_below_its_folder(self, store_uri: str):
        store = open_store(store_uri)
        for name in ("ledger/flights/000002.json", "ledger/flights/000001.json", "ledger/flights.eu/000001.json", "z"):
            store.write_once(name, b"")
        assert store.list("ledger/flights") == ["ledger/flights/000001.json", "ledger/flights/000002.json"]
        assert store.list("ledger/flights/") == store.list("ledger/flights")
        assert store.list("") == [
            "ledger/flights.eu/000001.json",
            "ledger/flights/000001.json",
            "ledger/flights/000002.json",
            "z",
        ]

    def test_nothing_there_is_an_empty_list(self, store_uri: str):
        store = open_store(store_uri)
        assert store.list("") == []
        store.write_once("a/b", b"")
        assert store.list("nothing") == []
        assert store.list("a/b") == []

    @pytest.mark.parametrize("name", BAD_NAMES)
    def test_a_name_that_could_leave_the_root_is_refused_by_every_method(self, store_uri: str, name: str):
        store = open_store(store_uri)
        for use in (store.read, store.has, lambda bad: store.write(bad, b""), lambda bad: store.write_once(bad, b"")):
            with pytest.raises(InputError, match="name must be relative"):
                use(name)
        if name and not name.endswith("/"):
            with pytest.raises(InputError, match="name must be relative"):
                store.list(name)

    @pytest.mark.parametrize("name", ["x" * 255, "ä/ö b/ü+%20", "a.b", "...", ".hidden", "a/.staging"])
    def test_an_unusual_name_is_kept_as_it_is(self, store_uri: str, name: str):
        store = open_store(store_uri)
        assert store.write_once(name, b"1")
        assert store.list("") == [name]

    def test_of_many_threads_one_wins(self, store_uri: str):
        store = open_store(store_uri)
        barrier, won = threading.Barrier(8), []

        def put(number: int) -> None:
            barrier.wait()
            if store.write_once("a", str(number).encode()):
                won.append(number)

        threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [str(number).encode() for number in won] == [store.read("a")]

    def test_the_probe_accepts_the_store_at_every_start(self, store_uri: str):
        for _ in range(2):
            probe_conditional_writes(open_store(store_uri))


@given(st.text(max_size=40))
def test_a_name_that_is_accepted_stays_below_the_root(name: str):
    try:
        check_object_name(name)
    except InputError:
        return
    assert posixpath.normpath(posixpath.join("/top", name)) == f"/top/{name}"


class ForgetfulStore:
    """A store that ignores ``If-None-Match``, as some do."""

    uri = "s3://forgetful"

    def __init__(self, *, answer: bool) -> None:
        self._answer = answer

    def write_once(self, name: str, data: bytes) -> bool:
        return self._answer

    def has(self, name: str) -> bool:
        return self._answer


def test_the_probe_refuses_a_store_that_overwrites():
    with pytest.raises(StoreError, match="ignores conditional writes"):
        probe_conditional_writes(ForgetfulStore(answer=True))


def test_the_probe_refuses_a_store_that_says_taken_and_holds_nothing():
    with pytest.raises(StoreError, match="does not hold it"):
        probe_conditional_writes(ForgetfulStore(answer=False))


@pytest.mark.parametrize("uri", ["", "http://x/y", "file:///tmp/x", "s3://", "s3://B/x", "s3://bucket/../x"])
def test_a_place_that_is_no_store_is_refused(uri: str):
    with pytest.raises(InputError):
        open_store(uri)


def test_the_uri_is_the_one_asked_for(tmp_path: Path):
    assert open_store(str(tmp_path)).uri == str(tmp_path)
    assert open_store("s3://bucket/a/b/").uri == "s3://bucket/a/b"
    assert open_store("s3://bucket").uri == "s3://bucket"
