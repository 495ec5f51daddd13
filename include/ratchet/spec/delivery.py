"""How rows are delivered: the block that the source, the label and whatever is joined to them have in common.

One kind a section, told apart by its ``kind``. None of them holds a secret: credentials come from the environment.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ratchet.spec.section import Function, Section

_MAX_CHARACTERS = 300
# No scheme but s3, no backslash, no control character, no letter that only looks like one of these.
_DATA_NAME = re.compile(r"(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/)?[A-Za-z0-9_.*{}=+@ -]+(/[A-Za-z0-9_.*{}=+@ -]+)*")


def check_data_name(name: str) -> str:
    """Return the name if it stays below the data folder, or names a place in a bucket.

    Raises
    ------
    ValueError
        For an absolute path, ``..``, another scheme than ``s3://``, or a character that has no place in a name.
    """
    is_plain = len(name) <= _MAX_CHARACTERS and _DATA_NAME.fullmatch(name)
    if not is_plain or any(part in (".", "..") for part in name.split("/")):
        raise ValueError(
            "must be a path below the data folder (RATCHET_DATA) or s3://bucket/path, of letters, digits and "
            f"_.*{{}}=+@-, without '..', of at most {_MAX_CHARACTERS} characters. Got {name[:80]!r}."
        )
    return name


DataName = Annotated[str, AfterValidator(check_data_name)]


class FunctionDelivery(Section):
    """A Python function of the model folder."""

    kind: Literal["function"] = Field(description="A Python function of the model folder delivers a span.")
    function: Function = Field(description="module.function: takes a SpanWindow, returns a Polars frame.")

    @property
    def words(self) -> str:
        """What an error calls it."""
        return self.function


class DeltaDelivery(Section):
    """A Delta table, of which a span's rows are chosen by event time."""

    kind: Literal["delta"] = Field(description="A Delta table; a span's rows are those of its event times.")
    table: DataName = Field(description="The table's folder below the data folder (RATCHET_DATA), or s3://bucket/path.")

    @property
    def words(self) -> str:
        """What an error calls it."""
        return self.table


DeliverySpec = Annotated[FunctionDelivery | DeltaDelivery, Field(discriminator="kind")]
