"""What surrounds every request: an id, and an answer also when the service itself breaks."""

from __future__ import annotations

import logging
import secrets
import traceback
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ratchet.serving.refusals import internal_error

_log = logging.getLogger(__name__)

REQUEST_ID_HEADER = "x-request-id"


class RequestGuard:
    """Give each request an id of 32 hexadecimal digits, and turn an unexpected exception into a plain 500.

    The id is made here, never taken from the client: it names the predictions in the log.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(16)
        scope.setdefault("state", {})["request_id"] = request_id
        is_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal is_started
            if message["type"] == "http.response.start":
                is_started = True
                header = (REQUEST_ID_HEADER.encode(), request_id.encode())
                message = {**message, "headers": [*message["headers"], header]}
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001  # the last line: whatever it is, the client gets an answer
            _log.error("Request %s broke: %s at %s", request_id, type(error).__name__, _places(error))
            if not is_started:
                await internal_error(request_id)(scope, receive, send_with_id)


def _places(error: Exception) -> str:
    # Not the message and not the lines of code: either may quote what the client sent.
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
