"""Waits for an input of a span."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from ratchet.errors import RatchetError
from ratchet_airflow.runs import read_run
from ratchet_airflow.waiting import Answer, Awaited, Wait, is_there


class SpanInputTrigger(BaseTrigger):
    """
    Look for an input until it is there or its deadline is over.

    Sends one event: ``{"status": "there"}``, ``{"status": "late"}``, or ``{"status": "error", "words": ...}`` when
    looking itself failed; the task then tries again by its own rules.

    :param model: Name of the model folder.
    :param span: The span's key.
    :param awaited: What is waited for, see :mod:`ratchet_airflow.waiting`.
    :param deadline: Until when, ISO 8601 with its offset.
    :param poll_seconds: Between two looks.
    """

    def __init__(self, *, model: str, span: str, awaited: Awaited, deadline: str, poll_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow left it so
        self.model, self.span, self.awaited = model, span, awaited
        self.deadline, self.poll_seconds = deadline, poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what makes an equal trigger in another process."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "model": self.model,
                "span": self.span,
                "awaited": self.awaited,
                "deadline": self.deadline,
                "poll_seconds": self.poll_seconds,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Send the one event."""
        yield TriggerEvent(await self._wait())  # type: ignore[no-untyped-call]  # Airflow left it so

    async def _wait(self) -> dict[str, str]:
        while True:
            try:
                answer = await asyncio.to_thread(self._look)
            except (RatchetError, OSError) as error:
                return {"status": "error", "words": str(error)}
            if answer != "wait":
                return {"status": answer}
            await asyncio.sleep(self.poll_seconds)

    def _look(self) -> Answer:
        run, now = read_run(self.model, self.span), datetime.now(UTC)
        wait = Wait(deadline=datetime.fromisoformat(self.deadline))
        return wait.judge(is_there=is_there(self.awaited, run, now), now=now)
