"""What is predicted, and when the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from ratchet.spec.delivery import DeliverySpec
from ratchet.spec.section import Column, MisplacedError, Section, Share

if TYPE_CHECKING:
    from ratchet.spec.section import Location

LabelKind = Literal["binary", "multiclass", "regression"]
MOST_CLASSES = 100
ClassName = Annotated[str, Field(min_length=1, max_length=200)]
_BOUNDS = ("above", "at_least", "below", "at_most")


class Outcome(Section):
    """A comparison that tells the outcome from a number: ``column > above``, or ``column > above * times``."""

    column: Column = Field(description="A numeric column, known only after the event: withheld from examples.")
    above: float | None = Field(default=None, description="True where the column is greater.")
    at_least: float | None = Field(default=None, description="True where the column is greater or equal.")
    below: float | None = Field(default=None, description="True where the column is less.")
    at_most: float | None = Field(default=None, description="True where the column is less or equal.")
    times: Column | None = Field(
        default=None, description="A numeric column by which the bound is multiplied: a tip above 0.2 times the fare."
    )

    @model_validator(mode="after")
    def _has_one_bound(self) -> Outcome:
        given = [name for name in _BOUNDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"must have exactly one of {', '.join(_BOUNDS)}. Got {', '.join(given) or 'none'}.")
        return self

    @property
    def bound(self) -> tuple[str, float]:
        """The one bound: its name and its value."""
        return next((name, getattr(self, name)) for name in _BOUNDS if getattr(self, name) is not None)

    @property
    def columns(self) -> tuple[str, ...]:
        """The numeric columns that are read."""
        return (self.column,) if self.times is None else (self.column, self.times)


class Label(Section):
    """What is predicted, and when the truth is known."""

    column: Column = Field(description="The outcome; null while it is unknown.")
    kind: LabelKind = Field(
        default="binary",
        description="What the outcome is: true or false (binary), one of some classes (multiclass), or a number "
        "(regression).",
    )
    classes: tuple[ClassName, ...] | None = Field(
        default=None,
        description="The texts that a multiclass outcome may be, in the order in which a model answers them.",
    )
    delivery: DeliverySpec | None = Field(
        default=None,
        description="How a span's outcomes are delivered: entity and label. Without it, the outcome stands in the "
        "source's own rows.",
    )
    positive: str | None = Field(
        default=None, min_length=1, description='The text of the column that stands for true, such as "yes".'
    )
    outcome: Outcome | None = Field(default=None, description="Makes the column by comparing a number with a bound.")
    known_after_spans: int = Field(ge=0, le=8784, description="A span's label is known this many spans after it ended.")
    min_coverage: Share = Field(
        default=0.8, description="Share of examples with a label below which a cohort's quality is undecided."
    )

    @model_validator(mode="after")
    def _is_said_once(self) -> Label:
        if faults := [*self._misplaced(), *self._faults_of_classes()]:
            raise MisplacedError(faults)
        if self.positive is not None and self.outcome is not None:
            raise ValueError("positive and outcome both say what is true: keep one.")
        if self.outcome is not None and self.column in self.outcome.columns:
            raise ValueError(f"outcome makes {self.column!r}, so it cannot read a column of that name.")
        return self

    def _misplaced(self) -> list[tuple[Location, str]]:
        """Return the keys that another kind of label has."""
        if self.kind == "binary":
            return []
        return [
            ((key,), f"says what is true, and a {self.kind} label is neither true nor false. Remove it.")
            for key in ("positive", "outcome")
            if getattr(self, key) is not None
        ]

    def _faults_of_classes(self) -> list[tuple[Location, str]]:
        classes = self.classes
        if self.kind != "multiclass":
            what = f"are of a multiclass label, and this one is {self.kind}. Remove them."
            return [] if classes is None else [(("classes",), what)]
        if classes is None:
            return [((), "the key 'classes' is missing: a multiclass label needs the texts that it may be.")]
        if not 2 <= len(classes) <= MOST_CLASSES:
            return [(("classes",), f"must be 2 to {MOST_CLASSES} texts. Got {len(classes)}.")]
        twice = [i for i, name in enumerate(classes) if name in classes[:i]]
        return [(("classes", i), f"{classes[i]!r} is named twice.") for i in twice]

    @model_serializer(mode="wrap")
    def _as_values(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What names a result of a binary model, also of one from before there were other kinds.
        values = cast("dict[str, Any]", serialize(self))
        if self.kind == "binary":
            del values["kind"], values["classes"]
        return values

    @property
    def words(self) -> str:
        """What an error calls where outcomes come from."""
        return "the source" if self.delivery is None else self.delivery.words

    def withheld_columns(self) -> tuple[str, ...]:
        """Return the columns that tell the outcome, were they among an example's."""
        return (self.column,) if self.outcome is None else (self.column, self.outcome.column)
