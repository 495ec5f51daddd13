"""Which model a thing belongs to: a name, and a segment where one name stands for several models."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ratchet.errors import InputError

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def check_name(text: str, *, what: str = "name") -> str:
    """Return ``text`` if it may name a model, a segment or a folder.

    Raises
    ------
    InputError
        Unless it matches ``^[a-z][a-z0-9_-]{0,62}$``: no path, no dot, no capital, no look-alike letter.
    """
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise InputError(
            f"The {what} must match ^[a-z][a-z0-9_-]{{0,62}}$ (lower-case ASCII letters, digits, '_' and '-'). "
            f"Got {str(text)[:80]!r}."
        )
    return text


@dataclass(frozen=True, slots=True, order=True)
class ModelId:
    """A model, or one segment of it.

    Its text, ``flights`` or ``flights.eu``, is a safe file name: neither part can hold a dot.
    """

    name: str
    segment: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name, what="model name")
        if self.segment is not None:
            check_name(self.segment, what="segment")

    def __str__(self) -> str:
        return self.name if self.segment is None else f"{self.name}.{self.segment}"

    @classmethod
    def parse(cls, text: str) -> ModelId:
        """Return the model that ``str`` wrote."""
        name, _, segment = text.partition(".")
        return cls(name, segment or None)
