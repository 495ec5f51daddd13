"""Requests that are not answered, and the JSON that says why.

::

    RatchetError
    └── RefusedError             E-INPUT         422  a field is missing, unknown or wrong
        ├── NotJsonError         E-JSON          400  the body is no JSON
        ├── UnknownPathError     E-NOT-FOUND     404  there is no such model or path
        ├── BodySizeError        E-SIZE          413  the body or its list of examples is too long
        ├── ContentTypeError     E-CONTENT-TYPE  415  the body is declared as something else than UTF-8 JSON
        └── NoChampionError      E-NO-CHAMPION   503  there is no champion to answer; a retry may help

The text of a ``RefusedError`` is sent to the client, so it never holds a value of the request. Of every other error
only the code is sent, and the text goes to the service's own log.
"""

from __future__ import annotations

from typing import ClassVar

import orjson
from starlette.responses import Response

from ratchet.errors import RatchetError, StoreError


class RefusedError(RatchetError, ValueError):
    """A field of the request is missing, unknown or wrong."""

    code = "E-INPUT"
    status: ClassVar[int] = 422


class NotJsonError(RefusedError):
    """The body is no JSON in UTF-8."""

    code = "E-JSON"
    status = 400


class UnknownPathError(RefusedError):
    """There is no such model or path; which of the two is not told."""

    code = "E-NOT-FOUND"
    status = 404


class BodySizeError(RefusedError):
    """The body, or its list of examples, is too long; send it in parts."""

    code = "E-SIZE"
    status = 413


class ContentTypeError(RefusedError):
    """The body is declared as something else than JSON in UTF-8."""

    code = "E-CONTENT-TYPE"
    status = 415


class NoChampionError(RefusedError):
    """There is no champion to answer; a retry may help."""

    code = "E-NO-CHAMPION"
    status = 503
    is_retryable = True


_INTERNAL = "Something failed inside. The service's log tells more, under this request id."
_STORE = "The answer could not be written to the prediction log, so it is not given. Try again later."


def error_response(status: int, code: str, message: str, request_id: str) -> Response:
    """Return the one form that every error has."""
    content = orjson.dumps({"code": code, "message": message, "request_id": request_id})
    # What was not read of a body that is too long must not be taken for the next request.
    headers = {"connection": "close"} if status == BodySizeError.status else None
    return Response(content, status_code=status, headers=headers, media_type="application/json")


def refuse(error: RatchetError, request_id: str) -> Response:
    """Return what a client gets to know of an error."""
    match error:
        case RefusedError():
            return error_response(error.status, error.code, str(error.args[0]), request_id)
        case StoreError():
            return error_response(503, error.code, _STORE, request_id)
        case _:
            return error_response(500, error.code, _INTERNAL, request_id)


def internal_error(request_id: str) -> Response:
    """Return the answer to a request on which the service itself broke."""
    return error_response(500, "E-INTERNAL", _INTERNAL, request_id)
