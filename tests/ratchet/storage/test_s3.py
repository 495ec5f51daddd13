from __future__ import annotations

import os
import time

import pytest
from botocore.stub import Stubber

from ratchet.errors import ChecksumError, StoreError
from ratchet.storage import s3 as s3_module
from ratchet.storage.objects import ObjectMissingError
from ratchet.storage.s3 import S3Store
from tests.faults.moto_server import S3Server
from tests.faults.proxy import FaultProxy


@pytest.fixture
def store(proxy: FaultProxy, s3: S3Server) -> S3Store:
    return S3Store(s3.fresh_uri(), connect_timeout_seconds=0.5, read_timeout_seconds=0.5, attempts=2)


class TestFaults:
    @pytest.mark.parametrize("mode", ["refuse", "blackhole", "http500"])
    def test_a_store_that_is_down_is_a_store_error_in_bounded_time_and_works_afterwards(
        self, store: S3Store, proxy: FaultProxy, mode: str
    ):
        store.write_once("before", b"1")
        proxy.set_mode(mode)
        uses = [lambda: store.read("before"), lambda: store.write_once("a", b"1")]
        if mode != "blackhole":  # each of these takes its time
            uses += [lambda: store.list(""), lambda: store.has("before"), lambda: store.write("a", b"1")]
        began = time.monotonic()
        for use in uses:
            with pytest.raises(StoreError) as caught:
                use()
            assert not isinstance(caught.value, ObjectMissingError)
            assert caught.value.is_retryable
        assert time.monotonic() - began < 5 * 20
        assert proxy.faults >= 2 * len(uses)
        proxy.set_mode("pass")
        assert store.list("") == ["before"]
        assert store.write_once("a", b"1") is True

    def test_one_fault_is_bridged_by_a_second_attempt(self, store: S3Store, proxy: FaultProxy):
        store.write_once("a", b"1")
        for mode in ("refuse", "http500", "blackhole"):
            proxy.set_mode(mode, times=1)
            assert store.read("a") == b"1"
        assert proxy.faults == 3

    def test_a_slow_store_is_waited_for(self, store: S3Store, proxy: FaultProxy):
        proxy.set_mode("latency:0.05")
        assert store.write_once("a", b"1") is True
        assert proxy.faults >= 1

    def test_an_upload_cut_short_leaves_no_name(self, store: S3Store, proxy: FaultProxy):
        proxy.set_mode("reset_after:100000")
        with pytest.raises(StoreError, match="Writing a in"):
            store.write_once("a", bytes(1_000_000))
        assert proxy.faults >= 1
        proxy.set_mode("pass")
        assert store.list("") == []
        assert store.write_once("a", bytes(1_000_000)) is True

    def test_a_lost_reply_leaves_the_whole_object_and_says_that_something_is_there(
        self, store: S3Store, proxy: FaultProxy
    ):
        proxy.set_mode("trunc:0", times=1)
        assert store.write_once("a", b"mine") is False
        assert proxy.faults == 1
        assert store.read("a") == b"mine"

    def test_replies_that_stay_lost_are_a_store_error(self, store: S3Store, proxy: FaultProxy):
        proxy.set_mode("trunc:0")
        with pytest.raises(StoreError, match="Writing a in"):
            store.write_once("a", b"mine")
        assert proxy.faults == 2
        proxy.set_mode("pass")
        assert store.read("a") == b"mine"

    def test_a_download_cut_short_is_never_data(self, store: S3Store, proxy: FaultProxy):
        store.write_once("a", bytes(1_000_000))
        proxy.set_mode("trunc:200000")
        with pytest.raises((StoreError, ChecksumError)):
            store.read("a")
        assert proxy.faults >= 1

    def test_a_flipped_bit_is_named_a_damaged_object(self, store: S3Store, proxy: FaultProxy):
        store.write_once("a", bytes(1_000_000))
        proxy.set_mode("flip:500000")
        with pytest.raises(ChecksumError, match="Reading a in .* damaged bytes"):
            store.read("a")
        assert proxy.faults == 1


class TestAnswers:
    @pytest.fixture(autouse=True)
    def _no_waiting(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(s3_module.time, "sleep", lambda _: None)

    def test_a_conflict_is_tried_again(self, s3: S3Server):
        store = S3Store(s3.fresh_uri())
        with Stubber(store._client()) as stub:
            stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
            stub.add_response("put_object", {})
            assert store.write_once("a", b"1") is True

    def test_conflicts_without_end_are_a_store_error(self, s3: S3Server):
        store = S3Store(s3.fresh_uri())
        with Stubber(store._client()) as stub:
            for _ in range(6):
                stub.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
            with pytest.raises(StoreError, match="met another write 6 times"):
                store.write_once("a", b"1")
            stub.assert_no_pending_responses()

    @pytest.mark.parametrize("code", ["NoSuchBucket", "AccessDenied", "SlowDown"])
    def test_any_other_answer_is_a_store_error_that_names_it(self, s3: S3Server, code: str):
        store = S3Store(s3.fresh_uri())
        with Stubber(store._client()) as stub:
            stub.add_client_error("get_object", code)
            with pytest.raises(StoreError, match=f"Reading a in .*{code}") as caught:
                store.read("a")
        assert not isinstance(caught.value, ObjectMissingError)

    def test_a_bucket_that_is_not_there_is_a_store_error(self, s3: S3Server):
        with pytest.raises(StoreError, match="NoSuchBucket"):
            S3Store("s3://no-such-bucket/x").read("a")


def test_a_forked_child_makes_a_client_of_its_own(s3: S3Server, monkeypatch: pytest.MonkeyPatch):
    store = S3Store(s3.fresh_uri())
    mine = store._client()
    assert store._client() is mine
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert store._client() is not mine


def test_a_long_list_is_read_to_its_end(s3: S3Server):
    store = S3Store("s3://bucket/p")
    with Stubber(store._client()) as stub:
        first = {"Contents": [{"Key": "p/b"}], "IsTruncated": True, "NextContinuationToken": "next"}
        stub.add_response("list_objects_v2", first, {"Bucket": "bucket", "Prefix": "p/"})
        rest = {"Contents": [{"Key": "p/a"}], "IsTruncated": False}
        stub.add_response("list_objects_v2", rest, {"Bucket": "bucket", "Prefix": "p/", "ContinuationToken": "next"})
        assert store.list("") == ["a", "b"]
