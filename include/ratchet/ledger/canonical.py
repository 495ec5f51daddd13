"""One way to write a JSON value as bytes, so that a digest of the bytes is a digest of the value."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, NoReturn

from ratchet.errors import InputError


def canonical_bytes(value: Any) -> bytes:
    """Return the value as UTF-8 JSON: keys sorted, no blanks, no NaN, one line feed at the end."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def digest_of(data: bytes) -> str:
    """Return ``sha256:`` and 64 hexadecimal digits."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def parse_json(data: bytes) -> Any:
    """Return the value of JSON bytes.

    Raises
    ------
    ValueError
        For anything but one UTF-8 JSON value; also for NaN, infinity and a key given twice.
    """
    return json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant)


def plain_json(value: Any, where: str = "value") -> Any:
    """Return a copy of a value made only of what JSON has, tuples as lists.

    Raises
    ------
    InputError
        Naming the place, for NaN, infinity, a key that is no text, an unpaired surrogate, or any other type.
    """
    match value:
        case None | bool() | int():
            return value
        case float() if math.isfinite(value):
            return float(value)
        case str() if not any(0xD800 <= ord(char) <= 0xDFFF for char in value):
            return str.__str__(value)  # of a text enum, its value
        case list() | tuple():
            return [plain_json(item, f"{where}[{number}]") for number, item in enumerate(value)]
        case dict() if all(isinstance(key, str) for key in value):
            return {plain_json(key, where): plain_json(item, f"{where}.{key}") for key, item in value.items()}
        case _:
            raise InputError(
                f"The {where} must be plain JSON: text, finite numbers, booleans, null, lists, and mappings with text "
                f"keys. Got {type(value).__name__} {str(value)[:60]!r}."
            )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON number")
