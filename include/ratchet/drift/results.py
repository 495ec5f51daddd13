"""What a comparison of two sides returns, and its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ratchet.drift.curves import Curves
from ratchet.verdicts import Check, Verdict, worst

if TYPE_CHECKING:
    from ratchet.spec.watching import Distance

SCHEMA_VERSION = 2


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
class Figures:
    """All distances of one column, and everything that they are told from.

    Parameters
    ----------
    values : mapping of distance to float or None
        None for what is not defined: a distance of numbers for a categorical column, or where a side holds no finite
        value; Wasserstein also where the baseline has no spread to be its unit.
    cells : tuple of Contribution
        Every cell: what Jensen-Shannon, PSI, L-infinity and chi-squared are told from.
    curves : Curves or None
        What KS and Wasserstein are told from.
    unit : float or None
        The standard deviation of the baseline, by which Wasserstein is divided.
    """

    values: Mapping[Distance, float | None]
    cells: tuple[Contribution, ...]
    curves: Curves | None = None
    unit: float | None = None

    @property
    def jensen_shannon(self) -> float:
        """The Jensen-Shannon distance, which every column has."""
        return self.values["jensen_shannon"] or 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """How surprising the Jensen-Shannon distance is, were there no drift.

    Parameters
    ----------
    noise_floor : float
        Distance that 99 of 100 pairs of samples of independent rows stay below.
    variation : float or None
        Distance that 99 of 100 windows without drift stay below, as windows of the training spans differ; None where
        these are too few.
    n_windows : float or None
        How many windows that do not overlap this is told from.
    n_effective : float or None
        Independent examples that would differ as much by chance as the windows do: no more than were counted.
    p_value : float
        By ``variation`` where it is known, else by chance alone.
    adjusted : float
        The p-value under control of the false discoveries among all columns.
    """

    noise_floor: float
    variation: float | None
    n_windows: float | None
    n_effective: float | None
    p_value: float
    adjusted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """One column: its check, and the figures behind it, None where the sides could not be compared.

    Parameters
    ----------
    distance_name, bound
        Which distance is judged, and its bound.
    previous : float or None
        That distance from the window before the current one.
    season_spans, season : int or None, float or None
        The season whose same period earlier showed the change too, and how far that period lies from now.
    """

    column: str
    check: Check
    distance_name: Distance
    bound: float
    n_baseline: int
    n_current: int
    figures: Figures | None = None
    test: Test | None = None
    previous: float | None = None
    season_spans: int | None = None
    season: float | None = None

    @property
    def distance(self) -> float | None:
        """The distance that is judged."""
        return None if self.figures is None else self.figures.values[self.distance_name]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftResult:
    """The drift of all columns compared."""

    columns: tuple[ColumnDrift, ...]
    false_discovery_rate: float = field(default=1.0)

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
            "false_discovery_rate": self.false_discovery_rate,
            "columns": [asdict(column) for column in self.columns],
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
        return cls(
            columns=tuple(_column_from_json(column) for column in values["columns"]),
            false_discovery_rate=values["false_discovery_rate"],
        )


def _column_from_json(values: Mapping[str, Any]) -> ColumnDrift:
    figures, test = values["figures"], values["test"]
    return ColumnDrift(
        **{
            **values,
            "check": Check.from_json(values["check"]),
            "figures": _figures_from_json(figures) if figures else None,
            "test": Test(**test) if test else None,
        }
    )


def _figures_from_json(values: Mapping[str, Any]) -> Figures:
    curves = values["curves"]
    return Figures(
        values=values["values"],
        cells=tuple(Contribution(**cell) for cell in values["cells"]),
        curves=Curves(**{name: tuple(of) for name, of in curves.items()}) if curves else None,
        unit=values["unit"],
    )
