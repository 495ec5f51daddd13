"""What every section of a spec is made of: strict and frozen. Every default is the safe one.

A key that no code reads yet is not there: it is refused as unknown, never accepted and ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from ratchet.identity import check_name
from ratchet.spec.cadence import FORMS

Name = Annotated[str, AfterValidator(check_name)]
Column = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")]
# A function of the model folder: module, dot, function. No path, no package, so nothing outside can be named.
Function = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]


def _check_zone(name: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    # ZoneInfoNotFoundError is a KeyError; a folder of zones and a name too long for a file are OSErrors.
    except (KeyError, ValueError, OSError):
        raise ValueError(f"must be an IANA name such as America/New_York. Got {name[:80]!r}.") from None
    return name


def _check_span_key(key: str, info: ValidationInfo) -> str:
    """Return the key if it is one of the cadence that the section says, or of any where it says none."""
    cadence = info.data.get("span")
    forms = [FORMS[cadence]] if cadence in FORMS else list(FORMS.values())
    for form in forms:
        if form.is_key(key):
            return key
    raise ValueError(f"must be {' or '.join(form.words for form in forms)}. Got {key[:40]!r}.")


Location = tuple[str | int, ...]


class MisplacedError(ValueError):
    """Faults that a check across keys found, each at the place of the key that must change."""

    def __init__(self, faults: Sequence[tuple[Location, str]]) -> None:
        super().__init__("\n".join(f"{'.'.join(map(str, at))}: {message}" for at, message in faults))
        self.faults = tuple(faults)


TimeZone = Annotated[str, AfterValidator(_check_zone)]
SpanKey = Annotated[str, AfterValidator(_check_span_key)]


class Section(BaseModel):
    """One section: unknown keys are refused, types are not coerced, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
