"""The trigger on a real queue, driven by Airflow's own manager of shared streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from airflow.triggers.shared_stream import SharedStreamManager

from ratchet.storage.queue import MessageQueue
from ratchet_airflow.triggers import arrival_queue
from ratchet_airflow.triggers.arrival_queue import ArrivalQueueTrigger
from tests.factories.loops import run_async
from tests.faults.moto_server import S3Server, run_s3_server, set_s3_environment


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with run_s3_server() as found:
        yield found


@pytest.fixture
def url(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    set_s3_environment(monkeypatch, server.url)
    monkeypatch.setattr(arrival_queue, "_WAIT_SECONDS", 0)
    monkeypatch.setattr(arrival_queue, "_TICKS_SECONDS", ())
    name = server.fresh_uri().rpartition("/")[2]
    made: str = boto3.session.Session().client("sqs").create_queue(QueueName=name)["QueueUrl"]
    monkeypatch.setenv("PARCELS_QUEUE", made)
    return made


def send(url: str, *bodies: str) -> None:
    client = boto3.session.Session().client("sqs")
    for body in bodies:
        client.send_message(QueueUrl=url, MessageBody=body)


def n_kept(url: str) -> int:
    """Messages that the queue holds, hidden ones too."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = boto3.session.Session().client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(found["Attributes"][name]) for name in names)


def listen(n_events: int, *, is_kept: bool, until: Callable[[], bool] = lambda: True) -> list[Any]:
    """Take events as the triggerer does; ``is_kept`` says whether its database then held them."""
    trigger = ArrivalQueueTrigger(model="parcels", queue_url_env="PARCELS_QUEUE", poll_seconds=0.01)
    key = trigger.shared_stream_key()

    async def run() -> list[Any]:
        manager = SharedStreamManager(log=arrival_queue.log)
        events: list[Any] = []
        kept: list[int] = []
        stream = trigger.filter_shared_stream(manager.subscribe(trigger_id=1, trigger=trigger, key=key))

        async def consume() -> None:
            async for event in stream:
                events.append(event.payload)
                seq = manager.bind_pending_event(trigger_id=1, key=key)
                if is_kept and seq is not None:
                    kept.append(seq)
                    manager.confirm_persisted([seq])

        task = asyncio.create_task(consume())
        for _ in range(500):
            if len(events) >= n_events and until():
                break
            await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await manager.unsubscribe(1, key)
        await manager.stop_all()
        return events

    return run_async(asyncio.wait_for(run(), timeout=60))


def test_a_message_is_an_event_and_is_deleted_once_the_event_is_kept(url: str) -> None:
    send(url, "2024-03-01", "garbage")
    events = listen(2, is_kept=True, until=lambda: n_kept(url) == 0)
    assert sorted(event["body"] for event in events) == ["2024-03-01", "garbage"]
    assert all(event["id"] for event in events)
    assert n_kept(url) == 0


def test_a_message_whose_event_was_lost_stays_in_the_queue(url: str) -> None:
    send(url, "2024-03-01")
    assert len(listen(1, is_kept=False)) == 1
    assert n_kept(url) == 1


def test_a_body_that_is_too_large_is_not_handed_on(url: str) -> None:
    send(url, "x" * (64 * 1024 + 1), "x" * (64 * 1024))
    assert sorted(len(event["body"] or "") for event in listen(2, is_kept=True)) == [0, 64 * 1024]


def test_a_queue_that_fails_is_asked_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARCELS_QUEUE")
    asked = []

    def receive(self: Any) -> Any:
        asked.append(1)
        if len(asked) == 3:
            monkeypatch.setenv("PARCELS_QUEUE", url)
        return real(self)

    real = arrival_queue.QueueProducer._receive
    monkeypatch.setattr(arrival_queue.QueueProducer, "_receive", receive)
    send(url, "2024-03-01")
    assert [event["body"] for event in listen(1, is_kept=True)] == ["2024-03-01"]
    assert len(asked) >= 3


def test_a_message_that_cannot_be_deleted_ends_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ratchet.errors import StoreError

    def refuse(self: MessageQueue, receipts: Any) -> None:
        raise StoreError("no")

    monkeypatch.setattr(MessageQueue, "delete", refuse)
    send(url, "one", "two")
    assert len(listen(2, is_kept=True)) == 2


def test_a_burst_is_followed_by_events_without_a_message(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Airflow forgets the wake-up of all but the first event of a burst: a later event brings them all.
    monkeypatch.setattr(arrival_queue, "_TICKS_SECONDS", (0.05, 0.1))
    send(url, "one", "two")
    events = listen(4, is_kept=True, until=lambda: n_kept(url) == 0)
    assert sorted(str(event["body"]) for event in events[:2]) == ["one", "two"]
    assert events[2:] == [{"id": None, "body": None}] * 2
