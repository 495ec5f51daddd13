"""What may be asked: a validator made from the spec, and the frame that a valid request becomes.

An example has the entity, the event time and every column that the source delivers, under the same names. All keys
must be there. A feature or slice may be null, as in a delivery; entity and time may not. Nothing is coerced: no text
for a number, no true for 1, no NaN and no infinity.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import polars as pl
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model
from pydantic_core import ErrorDetails, PydanticCustomError

from ratchet.serving.refusals import BodySizeError, NotJsonError, RefusedError
from ratchet.spans.calendar import Calendar
from ratchet.spans.records import SPAN, UTC_TIME
from ratchet.spec.model import ModelSpec

MAX_EXAMPLES: Final = 1000

_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)
_SHOWN_ERRORS = 10
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_NO_CONTROLS = r"^[^\x00-\x1f\x7f]*$"
# Beyond these years an instant has no date in every time zone.
_EARLIEST, _END = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _parse_instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        instant = None
    if instant is None or not _EARLIEST <= instant < _END:
        raise PydanticCustomError("instant", "Input should be an existing time of the years 1900 to 2199")
    return instant


# From a pattern, because pydantic also takes seconds since 1970 written as text.
_Instant = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})$"
    ),
    AfterValidator(_parse_instant),
]
_Entity = Annotated[str, Field(min_length=1, max_length=200, pattern=_NO_CONTROLS)]
_Text = Annotated[str, Field(max_length=1000, pattern=_NO_CONTROLS)]


class RequestReader:
    """Parses the bytes of a request against one spec."""

    def __init__(self, spec: ModelSpec) -> None:
        roles = {name: column.role for name, column in spec.features.columns.items()}
        self._calendar = Calendar.of(spec.source)
        self._time = spec.source.time
        self._types: dict[str, Any] = {spec.source.entity: _Entity, spec.source.time: _Instant} | {
            name: (float if roles.get(name) == "numeric" else _Text) | None for name in spec.delivered_columns()
        }
        # A column may be called as a method of pydantic is, so the fields have names of their own.
        fields: dict[str, Any] = {
            f"c{i}": (kind, Field(alias=name)) for i, (name, kind) in enumerate(self._types.items())
        }
        example = create_model("Example", __config__=_STRICT, **fields)
        examples = Annotated[list[example], Field(min_length=1, max_length=MAX_EXAMPLES)]
        self._model: type[BaseModel] = create_model("ScoreRequest", __config__=_STRICT, examples=(examples, ...))
        self._schema = {name: _data_type(kind) for name, kind in self._types.items()}

    def parse(self, body: bytes) -> pl.DataFrame:
        """Return the examples as a frame with span, entity, time (UTC) and the delivered columns.

        Raises
        ------
        NotJsonError
            If the body is no JSON in UTF-8.
        BodySizeError
            If it holds more than 1000 examples.
        RefusedError
            Naming the first ten fields that are wrong, and what each should be; never what it was.
        """
        try:
            request = self._model.model_validate_json(body)
        except ValidationError as error:
            raise _refusal(error.errors(include_url=False, include_context=False, include_input=False)) from None
        rows = [tuple(vars(example).values()) for example in request.examples]  # type: ignore[attr-defined]
        frame = pl.DataFrame(rows, schema=self._schema, orient="row")
        spans = [self._calendar.containing(instant) for instant in frame[self._time]]
        return frame.select(pl.Series(SPAN, spans, dtype=pl.String), *frame.columns)


def _data_type(kind: Any) -> Any:
    if kind is _Instant:
        return UTC_TIME
    return pl.Float64 if kind == float | None else pl.String


def _refusal(errors: list[ErrorDetails]) -> RefusedError:
    kinds = {(error["type"], error["loc"]) for error in errors}
    if any(kind == "json_invalid" for kind, _ in kinds):
        return NotJsonError("The body must be JSON in UTF-8, and one value.")
    if ("too_long", ("examples",)) in kinds:
        return BodySizeError(f"examples: at most {MAX_EXAMPLES} in one request. Send them in several requests.")
    shown = [f"{_path(error['loc'])}: {error['msg']}" for error in errors[:_SHOWN_ERRORS]]
    more = len(errors) - len(shown)
    return RefusedError("; ".join(shown) + (f"; and {more} more." if more else "."))


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(_step(part) for part in location) or "the body"


def _step(part: int | str) -> str:
    # A key that the spec does not know is the client's own text, an address perhaps: shown if it looks like a column.
    return str(part) if isinstance(part, int) or _COLUMN.fullmatch(part) else "(a key that names no column)"
