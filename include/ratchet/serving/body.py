"""Reading the body of a request, and no more of it than is allowed."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from ratchet.serving.refusals import BodySizeError, ContentTypeError

MAX_BODY_BYTES: Final = 1_000_000
_CHARSETS = frozenset({"", "charset=utf-8", 'charset="utf-8"'})


async def read_json_body(request: Request) -> bytes:
    """Return the bytes of the body, which is declared as JSON.

    Raises
    ------
    ContentTypeError
        If it is declared as anything else, or in another encoding than UTF-8.
    BodySizeError
        If it is longer than 1,000,000 bytes: at once when its length is declared, else as soon as that many have come.
    """
    _check_content_type(request.headers.get("content-type", ""))
    _check_declared_length(request.headers.get("content-length", ""))
    chunks, n_bytes = [], 0
    async for chunk in request.stream():
        n_bytes += len(chunk)
        if n_bytes > MAX_BODY_BYTES:
            raise _too_long()
        chunks.append(chunk)
    return b"".join(chunks)


def _check_content_type(declared: str) -> None:
    media, _, parameters = declared.partition(";")
    if media.strip().lower() != "application/json" or parameters.strip().lower() not in _CHARSETS:
        raise ContentTypeError("The Content-Type must be application/json, in UTF-8.")


def _check_declared_length(declared: str) -> None:
    # Python refuses to parse thousands of digits.
    if declared.isdecimal() and (len(declared) > 18 or int(declared) > MAX_BODY_BYTES):
        raise _too_long()


def _too_long() -> BodySizeError:
    return BodySizeError(f"The body must be at most {MAX_BODY_BYTES} bytes. Send the examples in several requests.")
