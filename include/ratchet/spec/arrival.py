"""What starts the ingestion of a span."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ratchet.spec.section import Function, Section

# The name of a variable, never its value: a URL of a queue may name an account.
EnvironmentName = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]
_PLACEHOLDERS = re.compile(r"\{([^{}]*)\}")


def _check_object_pattern(pattern: str) -> str:
    names = _PLACEHOLDERS.findall(pattern)
    if names.count("span") != 1 or names.count("batch") > 1 or set(names) - {"span", "batch"}:
        raise ValueError(f"must hold {{span}} once, {{batch}} once at the most, and no other. Got {pattern[:80]!r}.")
    if "{" in _PLACEHOLDERS.sub("", pattern) or "}" in _PLACEHOLDERS.sub("", pattern) or "}{" in pattern:
        raise ValueError(f"must have text between its placeholders, and no other brace. Got {pattern[:80]!r}.")
    return pattern


ObjectPattern = Annotated[str, Field(min_length=6, max_length=300), AfterValidator(_check_object_pattern)]
_BATCHES = Field(
    default=None,
    description="module.function: takes a SpanWindow and a batch's name, returns its rows. What arrives are then "
    "batches of an open span, which is sealed at its deadline.",
)


class ClockArrival(Section):
    """A span is taken in when it has ended."""

    kind: Literal["clock"] = Field(default="clock", description="The end of a span starts its ingestion.")

    @property
    def batches(self) -> None:
        """None: a span arrives whole."""


class EventArrival(Section):
    """A span is taken in when an event of its asset says so."""

    kind: Literal["event"] = Field(description="An event of the asset <model>/arrival, or <model>/batch, starts it.")
    batches: Function | None = _BATCHES


class QueueArrival(Section):
    """A span is taken in when a message names it."""

    kind: Literal["queue"] = Field(description="A message of an SQS queue starts it.")
    queue_url_env: EnvironmentName = Field(description="The environment variable that holds the queue's URL.")
    object_pattern: ObjectPattern | None = Field(
        default=None, description="Keys of S3 notifications that count, with {span} and perhaps {batch} in them."
    )
    batches: Function | None = _BATCHES


Arrival = Annotated[ClockArrival | EventArrival | QueueArrival, Field(discriminator="kind")]
