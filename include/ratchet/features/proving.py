"""Whether a model's feature functions keep what they promise: tried on rows, as no reader of code can.

A function of features.py is called in training on months, in serving on one row, where no label is known. It must
answer the same for a row whatever stands around it, read the columns that it declares and no other, and no label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import polars as pl

from ratchet.errors import SpecError
from ratchet.features.derived import FeatureFunction, derive_features

if TYPE_CHECKING:
    from ratchet.spec.model import ModelSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was found: faults are seen to be wrong, doubts could not be tried."""

    faults: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def prove_functions(spec: ModelSpec, functions: Mapping[str, FeatureFunction], frame: pl.DataFrame) -> Proof:
    """Try every function on rows, in order, each on what those before it have added.

    Parameters
    ----------
    functions : mapping of str to callable
        The functions by the name that the spec gives them, see `load_functions`.
    frame : polars.DataFrame
        At least two rows with the columns of examples: made-up ones, or real ones in a test of the model folder. A
        label in it is not used.
    """
    if frame.height < 2:
        raise ValueError(f"Two rows at least are needed to try a function. Got {frame.height}.")
    faults: list[str] = []
    doubts: list[str] = []
    frame = frame.drop(spec.label.column, *spec.hidden_columns(), strict=False)
    for name, function in functions.items():
        trial = _Trial(name=name, function=function, entity=spec.source.entity)
        try:
            after = trial.added(frame)
        except SpecError as error:
            words = str(error.args[0])
            # What it does to rows and columns is refused by the same check whatever the values; other errors may
            # come of rows that are made up.
            (doubts if " failed with " in words else faults).append(words)
            return Proof(faults=tuple(faults), doubts=(*doubts, *_untried(functions, name)))
        faults += trial.find_faults(frame, after, spec)
        if name not in spec.features.inputs:
            doubts.append(f"{name} does not declare what it reads: name its columns under features.inputs.")
        frame = frame.hstack(after)
    return Proof(faults=tuple(faults), doubts=tuple(doubts))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    name: str
    function: FeatureFunction
    entity: str

    def added(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the columns alone that the function adds."""
        after = derive_features(frame, [self.function], entity=self.entity)
        return after.drop(frame.columns)

    def find_faults(self, frame: pl.DataFrame, after: pl.DataFrame, spec: ModelSpec) -> list[str]:
        if not self._is_same(frame, after):
            return [f"{self.name} is not pure: a second call on the same rows gave other values."]
        half = frame.height // 2
        if not (self._is_same(frame.reverse(), after.reverse()) and self._is_same(frame[:half], after[:half])):
            return [
                f"{self.name} is not row-level: among other rows, a row got other values. "
                "In serving a row stands alone: compute nothing over a column."
            ]
        return [*self._label_read(frame, after, spec), *self._undeclared_read(frame, after, spec)]

    def _label_read(self, frame: pl.DataFrame, after: pl.DataFrame, spec: ModelSpec) -> list[str]:
        column = spec.label.column
        outcomes = pl.Series(column, [row % 2 == 0 for row in range(frame.height)])
        if all(self._is_same(frame.with_columns(label), after) for label in (outcomes, ~outcomes)):
            return []
        return [f"{self.name} reads the label {column!r}, which is not known when a row is scored."]

    def _undeclared_read(self, frame: pl.DataFrame, after: pl.DataFrame, spec: ModelSpec) -> list[str]:
        declared = spec.features.inputs.get(self.name)
        if declared is None:
            return []
        missing = [column for column in declared if column not in frame.columns]
        if missing:
            return [f"{self.name} declares {', '.join(missing)}, which an example does not hold."]
        others = [column for column in frame.columns if column not in declared]
        if self._is_same(perturbed(frame, others), after):
            return []
        read = [column for column in others if not self._is_same(perturbed(frame, [column]), after)]
        return [
            f"{self.name} reads {', '.join(read) or 'several columns at once'} without declaring it: "
            f"add it under features.inputs, or do not read it."
        ]

    def _is_same(self, frame: pl.DataFrame, expected: pl.DataFrame) -> bool:
        try:
            return self.added(frame).equals(expected)
        except SpecError:
            return False


def perturbed(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Return the frame with another value in every cell of these columns, of the same type."""
    return frame.with_columns(_other(frame[column]).alias(column) for column in columns)


def _other(values: pl.Series) -> pl.Series:
    dtype = values.dtype
    if dtype == pl.Boolean:
        return ~values.fill_null(value=False)
    if dtype.is_float():
        return values.fill_null(0.0) * -1.5 + 7.25
    if dtype.is_integer():
        return (values.fill_null(0) + 1).cast(dtype)
    if dtype.is_temporal():
        return values + timedelta(days=37, hours=5)
    if dtype == pl.String:
        return "other " + values.fill_null("")
    return values.reverse()


def _untried(functions: Mapping[str, FeatureFunction], broken: str) -> list[str]:
    names = list(functions)
    return [f"{name} was not tried: {broken} before it failed." for name in names[names.index(broken) + 1 :]]
