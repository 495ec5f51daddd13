"""What is told of the answers to a label of several classes: which are taken for which, class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ratchet.evaluation.bootstrap import Interval
from ratchet.evaluation.calibration import CalibrationBin


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One class against the rest; a figure is None without an example that it is a share of.

    ``precision`` is of the examples that are taken for it, ``recall`` of those that are of it.
    """

    name: str
    n_examples: int
    auc: Interval | None
    precision: Interval | None
    recall: Interval | None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ClassRow:
        """Return the class that ``Evaluation.to_json`` wrote."""
        told = {name: _interval(values[name]) for name in ("auc", "precision", "recall")}
        return cls(**{**values, **told})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassesOf:
    """One contender's answers: ``matrix`` counts examples by class (rows) and by likeliest class (columns).

    ``calibration`` has bins of equal mass of the probability of the likeliest class, and how often it came.
    """

    contender: str
    matrix: tuple[tuple[int, ...], ...]
    rows: tuple[ClassRow, ...]
    calibration: tuple[CalibrationBin, ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ClassesOf:
        """Return what ``Evaluation.to_json`` wrote."""
        return cls(
            contender=values["contender"],
            matrix=tuple(tuple(row) for row in values["matrix"]),
            rows=tuple(ClassRow.from_json(row) for row in values["rows"]),
            calibration=tuple(CalibrationBin.from_json(one) for one in values["calibration"]),
        )


def _interval(values: Mapping[str, Any] | None) -> Interval | None:
    return None if values is None else Interval.from_json(values)
