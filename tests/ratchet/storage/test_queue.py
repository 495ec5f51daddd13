from __future__ import annotations

import socket
from collections.abc import Iterator

import boto3
import pytest

from ratchet.errors import InputError, StoreError
from ratchet.storage.queue import MessageQueue, queue_url
from tests.faults.moto_server import S3Server, run_s3_server, set_s3_environment


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with run_s3_server() as found:
        yield found


@pytest.fixture
def url(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A queue that nobody else uses."""
    set_s3_environment(monkeypatch, server.url)
    name = server.fresh_uri().rpartition("/")[2]
    made: str = boto3.session.Session().client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return made


def send(url: str, *bodies: str) -> None:
    client = boto3.session.Session().client("sqs")
    for body in bodies:
        client.send_message(QueueUrl=url, MessageBody=body)


def test_what_was_sent_is_received_and_once_deleted_does_not_come_again(url: str):
    send(url, "one", "two")
    queue = MessageQueue(url, hidden_seconds=0)
    received = queue.receive(wait_seconds=0)
    assert sorted(message.body for message in received) == ["one", "two"]
    assert len(queue.receive(wait_seconds=0)) == 2  # not deleted yet
    queue.delete([message.receipt for message in queue.receive(wait_seconds=0)])
    assert queue.receive(wait_seconds=0) == []


def test_what_was_received_is_hidden_from_others(url: str):
    send(url, "one")
    assert len(MessageQueue(url).receive(wait_seconds=0)) == 1
    assert MessageQueue(url).receive(wait_seconds=0) == []


def test_more_than_ten_are_deleted_in_several_calls(url: str):
    send(url, *map(str, range(12)))
    queue = MessageQueue(url)
    receipts = [message.receipt for _ in range(2) for message in queue.receive(wait_seconds=0)]
    assert len(receipts) == 12
    queue.delete(receipts)
    assert MessageQueue(url, hidden_seconds=0).receive(wait_seconds=0) == []


def test_a_queue_that_is_not_there_says_so_without_its_address(url: str):
    with pytest.raises(StoreError, match="Receiving from the queue failed") as caught:
        MessageQueue(f"{url}-gone").receive(wait_seconds=0)
    assert url not in str(caught.value)


def test_a_server_that_is_down_is_told_as_such(monkeypatch: pytest.MonkeyPatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    set_s3_environment(monkeypatch, f"http://127.0.0.1:{port}")
    queue = MessageQueue(f"http://127.0.0.1:{port}/1/q")
    with pytest.raises(StoreError, match="Receiving from the queue failed"):
        queue.receive(wait_seconds=0)
    with pytest.raises(StoreError, match="Deleting from the queue failed"):
        queue.delete(["receipt"])


@pytest.mark.parametrize(("value", "words"), [(None, "not set"), ("", "not set"), ("secret-arn", "no URL")])
def test_a_variable_that_holds_no_url_is_named_and_its_value_is_not(value: str | None, words: str):
    with pytest.raises(InputError, match=f"PARCELS_QUEUE must hold the URL of a queue. It is {words}") as caught:
        queue_url("PARCELS_QUEUE", {} if value is None else {"PARCELS_QUEUE": value})
    assert "secret" not in str(caught.value)
