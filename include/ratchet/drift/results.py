"""What a comparison of two sides returns, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ratchet.verdicts import Check, Verdict, worst

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """A cell and its part of the divergence, in bits; the parts of all cells add up to the distance squared.

    With p and q the shares of ``n_baseline`` and ``n_current`` among all examples of their side and m their mean,
    ``bits`` is p/2 log2(p/m) + q/2 log2(q/m).
    """

    cell: str
    n_baseline: int
    n_current: int
    bits: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """One column: its check, and the figures behind it, None where the sides could not be compared.

    Only ``distance`` is judged. ``linf``, ``psi`` and ``ks`` (numeric columns) are there to be looked at.
    """

    column: str
    check: Check
    bound: float
    n_baseline: int
    n_current: int
    distance: float | None = None
    noise_floor: float | None = None
    linf: float | None = None
    psi: float | None = None
    ks: float | None = None
    contributions: tuple[Contribution, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """The drift of all columns compared."""

    columns: tuple[ColumnDrift, ...]

    @property
    def checks(self) -> tuple[Check, ...]:
        """One check a column."""
        return tuple(column.check for column in self.columns)

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks; undecided when there is no column."""
        return worst(self.checks)

    @property
    def drifted(self) -> tuple[str, ...]:
        """The columns that failed, furthest from their bound first."""
        failed = [column for column in self.columns if column.check.verdict == "fail"]
        return tuple(of.column for of in sorted(failed, key=lambda of: of.bound - (of.distance or 0.0)))

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "columns": [
                asdict(column) | {"contributions": list(map(asdict, column.contributions))} for column in self.columns
            ],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> DriftResult:
        """Return the result that ``to_json`` wrote; its verdict is told from the checks again.

        Raises
        ------
        ValueError
            If it is of another schema version.
        """
        if values["schema_version"] != SCHEMA_VERSION:
            raise ValueError(
                f"A drift result must be of schema version {SCHEMA_VERSION}. Got {values['schema_version']!r}."
            )
        return cls(columns=tuple(_column_from_json(column) for column in values["columns"]))


def _column_from_json(values: Mapping[str, Any]) -> ColumnDrift:
    contributions = tuple(Contribution(**part) for part in values["contributions"])
    return ColumnDrift(**{**values, "check": Check.from_json(values["check"]), "contributions": contributions})
