"""What Delta's and Polars' errors mean to a caller; their texts are all that tells a full disk from another fault."""

from __future__ import annotations

import re
from typing import NoReturn

from ratchet.errors import DiskFullError, StoreError

# ENOSPC, EFBIG, EDQUOT on Linux and macOS: Rust puts the number at the end of its message.
_NO_ROOM = re.compile(r"os error (28|27|122|69)\)|No space left on device|File too large|quota exceeded", re.IGNORECASE)
_SHOWN = 400


def raise_store_error(doing: str, error: Exception) -> NoReturn:
    """Raise the StoreError that says what failed, from the library's own error."""
    text = " ".join(str(error).split())
    if _NO_ROOM.search(text):
        raise DiskFullError(
            f"{doing} failed, no room is left: {text[:_SHOWN]}. Free some, then repeat the same command."
        ) from error
    raise StoreError(f"{doing} failed: {text[:_SHOWN]}.") from error
