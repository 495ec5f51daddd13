"""Listens to the queue of a model's arrivals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from airflow.triggers.base import BaseEventTrigger, TriggerEvent
from airflow.triggers.shared_stream import SharedStreamProducer

from ratchet.errors import RatchetError

if TYPE_CHECKING:
    from airflow.triggers.shared_stream import AdvanceItem

    from ratchet.storage.queue import MessageQueue

log = structlog.get_logger(__name__)

# SQS waits 20 seconds at the most; a triggerer that stops waits as long for the thread.
_WAIT_SECONDS = 5
_MAX_CHARACTERS = 64 * 1024
# Seconds after the last message at which an event without one is sent. Airflow starts a run for the first event of a
# burst, gives it none that came after the first, and forgets that the others wait: the next event's run gets them.
_TICKS_SECONDS = (5.0, 30.0, 180.0)


class ArrivalQueueTrigger(BaseEventTrigger):
    """
    Send one event a message, for ever: ``{"id": ..., "body": ...}``; no body when it is too large to be kept. After a
    burst of messages, events without one follow, so that no message waits for the next burst.

    A message is deleted once Airflow's database holds its event (the shared stream's acknowledgement), never before:
    of a triggerer that dies it comes again. Which messages are good is judged by the task that the event starts, so
    one that is garbage holds up no other.

    :param model: Name of the model folder.
    :param queue_url_env: The environment variable that holds the queue's URL.
    :param poll_seconds: Pause after a queue that failed, at first; each time longer.
    """

    def __init__(self, *, model: str, queue_url_env: str, poll_seconds: float = 5) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow left it so
        self.model, self.queue_url_env, self.poll_seconds = model, queue_url_env, poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes an equal trigger in another process."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {"model": self.model, "queue_url_env": self.queue_url_env, "poll_seconds": self.poll_seconds},
        )

    def shared_stream_key(self) -> Hashable:
        """Return one key a model: the stream is shared with nobody, and has its acknowledgements all the same."""
        return ("ratchet-arrivals", self.model, self.queue_url_env)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """Return what receives, and deletes what was acknowledged."""
        return QueueProducer(queue_url_env=kwargs["queue_url_env"], poll_seconds=kwargs.get("poll_seconds", 5))

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Make an event of each message."""
        async for message in shared_stream:
            yield TriggerEvent(message)  # type: ignore[no-untyped-call]  # Airflow left it so

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Refuse to run without acknowledgements, which no triggerer of this Airflow asks for."""
        raise NotImplementedError("ArrivalQueueTrigger runs as a shared stream only; see filter_shared_stream.")
        yield  # makes it the generator that the base class promises


class QueueProducer(SharedStreamProducer):
    """Receives from a queue for ever; one that fails is tried again after a growing pause."""

    def __init__(self, *, queue_url_env: str, poll_seconds: float) -> None:
        self.queue_url_env, self.poll_seconds = queue_url_env, poll_seconds
        self._queue: MessageQueue | None = None

    async def open_stream(self) -> AsyncIterator[tuple[Any, Any]]:
        """Yield each message, and its receipt."""
        n_failures, ticks = 0, list[float]()
        while True:
            try:
                messages = await asyncio.to_thread(self._receive)
            except (RatchetError, OSError) as error:
                # Raising would end the trigger, and nothing would start it again before the DAG changes.
                log.error("The queue of arrivals failed, and will be asked again.", error=str(error))
                await asyncio.sleep(min(300.0, self.poll_seconds * 2 ** min(n_failures, 8)))
                n_failures += 1
                continue
            n_failures = 0
            for message in messages:
                body = message.body if len(message.body) <= _MAX_CHARACTERS else None
                yield {"id": message.id, "body": body}, message.receipt
            if messages:
                ticks = [time.monotonic() + seconds for seconds in _TICKS_SECONDS]
            elif ticks and time.monotonic() >= ticks[0]:
                ticks.pop(0)
                yield {"id": None, "body": None}, None

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Delete the messages whose events are kept; the others come again."""
        receipts = [item.broker_payload for item in batch if item.outcome.is_clean and item.broker_payload]
        if receipts and self._queue is not None:
            try:
                await asyncio.to_thread(self._queue.delete, receipts)
            except RatchetError as error:
                # They come again, and start nothing twice.
                log.warning("Messages that were taken could not be deleted.", error=str(error))

    def _receive(self) -> Any:
        from ratchet.storage.queue import MessageQueue, queue_url

        if self._queue is None:
            self._queue = MessageQueue(queue_url(self.queue_url_env))
        return self._queue.receive(wait_seconds=_WAIT_SECONDS)
